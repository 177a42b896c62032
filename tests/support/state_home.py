"""A home with everything that the state store keeps, and a look at whether the store still serves it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from actors.shared.sdk.running_actor import RunningActor, run_actor
from actors.state_store import build
from bus.errors import RequestFailed
from schemas.backups import BackupCreateRequestEvent, BackupsListRequestEvent, BackupsVerifyRequestEvent
from schemas.documents import DocumentReadRequestEvent, DocumentWriteRequestEvent
from schemas.state import StateHealthRequestEvent, StateLoadRequestEvent, StateSaveRequestEvent
from tests.support.profiles import write_profile
from tests.support.strange_files import bounded_memory, copy_of

TABLES: Final = """
[[namespaces]]
name = "notes"

[[namespaces]]
name = "sealed"
encrypt = true

[[namespaces]]
name = "packed"
compress = true
"""
MARKS: Final = 'TYPES = {"Marks": {"type": "object", "default": {}}}\n'
LONG_KEY: Final = "notes." + "long" * 60
VALUES: Final[dict[str, Any]] = {
    "notes.a": {"text": "second"},
    "notes.b": [1, 2.5, None, True, "x"],
    "sealed.a": {"secret": "only with a key"},
    "packed.a": {"text": "again and again " * 20},
    LONG_KEY: "a key that is too long for a file name",
    "config.kept": {"since": 1},
    "Marks": {"labels": ["a", "b"]},
}
"""What is stored, by key; `Marks` is a typed document."""

NEW: Final = {"written": "now"}
WRITTEN: Final = ("notes.new", "notes.a", "config.kept", "Marks")
Running = RunningActor[Any]


@dataclass(frozen=True)
class StateHomes:
    """Homes to be copied.

    Attributes:
        root: holds them, the profile and the file with the keys.
        closed: as a store leaves it that was stopped.
        killed: as a killed one leaves it: its journal is full.
    """

    root: Path

    @property
    def closed(self) -> Path:
        return self.root / "closed"

    @property
    def killed(self) -> Path:
        return self.root / "killed"

    @property
    def profile(self) -> Path:
        return self.root / "profile"

    @classmethod
    def made(cls, root: Path) -> StateHomes:
        """Fill both homes, with the keys in a file beside them."""
        write_profile(
            root / "profile", top={"documents": "marks.py:TYPES"}, tables=TABLES, modules={"marks.py": MARKS}
        )
        homes = cls(root)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("UNDERCROFT_KEYCHAIN", f"file:{root / 'keychain.json'}")
            anyio.run(_fill, homes, lambda: copy_of(homes.closed, homes.killed))
        return homes

    def spoiled(self, home: Path, place: Path, patch: pytest.MonkeyPatch) -> Path:
        """A copy of a home, with its keys beside it."""
        (place / "keychain.json").write_bytes((self.root / "keychain.json").read_bytes())
        (place / "keychain.json").chmod(0o600)
        patch.setenv("UNDERCROFT_KEYCHAIN", f"file:{place / 'keychain.json'}")
        for call in ("fsync", "fdatasync"):
            patch.setattr(os, call, lambda _: None)  # no power fails here, and a disk takes its time
        return copy_of(home, place / "home")


@dataclass
class Served:
    """What the store made of a home.

    Attributes:
        found: what was read, by key; of what is not there, why.
        told: alerts, faults and findings.
    """

    found: dict[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @property
    def lost(self) -> set[str]:
        """The keys whose values were not read."""
        return {key for key, value in VALUES.items() if self.found[key] != value}


async def _fill(homes: StateHomes, copy: Callable[[], Path]) -> None:
    async with run_actor(build, homes.closed, profile=homes.profile, name="state_store") as running:
        await save(running, "notes.a", {"text": "first"})
        for _ in range(2):
            for key, value in VALUES.items():
                await save(running, key, value, backup=key == "notes.a")
            await running.request(BackupCreateRequestEvent(name="by hand"))
        copy()


async def save(running: Running, key: str, value: Any, **options: Any) -> None:
    if "." not in key:
        await running.request(DocumentWriteRequestEvent(type_name=key, value=value))
        return
    await running.request(StateSaveRequestEvent(key=key, value=value, **options))


async def _is_saved(running: Running, key: str, told: list[str]) -> bool:
    """Save a new value, unless a later version wrote the present one: that is never replaced."""
    try:
        await save(running, key, NEW)
    except RequestFailed as failed:
        assert "later version" in failed.message
        told.append(failed.message)
        return False
    return True


async def _backup(running: Running, told: list[str]) -> str:
    """Make a backup; returns its id, or nothing where the disk of the backups is away."""
    try:
        return (await running.request(BackupCreateRequestEvent(name="now"))).backup.id
    except RequestFailed as failed:
        assert failed.kind == "refused"
        assert "backups" in failed.message
        told.append(failed.message)
        return ""


async def load(running: Running, key: str) -> Any:
    """The value of a key; `gone` or `refused: ...` if there is none that can be read."""
    try:
        if "." not in key:
            return (await running.request(DocumentReadRequestEvent(type_name=key))).value
        loaded = await running.request(StateLoadRequestEvent(key=key))
    except RequestFailed as failed:
        assert failed.kind == "refused", f"{key}: {failed.kind}: {failed.message}"
        return f"refused: {failed.message}"
    return loaded.value if loaded.found else "gone"


async def serve(home: Path, profile: Path) -> Served:
    """Run the store twice in a home, and look at everything.

    Asserts that writes are acknowledged, and read back after another start, and that a backup is made.
    """
    served = Served()
    with bounded_memory():
        async with run_actor(build, home, profile=profile, name="state_store") as running:
            served.found = {key: await load(running, key) for key in VALUES}
            listed = await running.request(BackupsListRequestEvent())
            verified = await running.request(BackupsVerifyRequestEvent())
            served.told += [f"{fault.id}: {fault.problem}" for fault in (*listed.faults, *verified.faults)]
            written = [key for key in WRITTEN if await _is_saved(running, key, served.told)]
            assert "notes.new" in written
            made = await _backup(running, served.told)
            health = await running.request(StateHealthRequestEvent())
            served.told += [*(fault.problem for fault in health.faults)]
            served.told += [alert.message for alert in running.actor.alerts.active()]
        async with run_actor(build, home, profile=profile, name="state_store") as running:
            for key in written:
                assert await load(running, key) == NEW, key
            if made:
                again = await running.request(BackupsVerifyRequestEvent(id=made))
                assert (again.verified, again.faults) == ([made], [])
    return served
