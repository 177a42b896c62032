"""A link in the place of every file and directory of a used home: what it leads to stays as it was."""

from __future__ import annotations

import contextlib
import importlib
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from actors.shared.profile.profile import find_profile, read_profile
from actors.shared.sdk.running_actor import run_actor
from bus.broker.memory_bus import memory_bus
from bus.errors import RequestFailed, UndercroftError
from schemas.backups import BackupCreateRequestEvent, BackupsListRequestEvent, StateCheckRequestEvent
from schemas.config import RuntimeConfigRequestEvent
from schemas.event import Request
from schemas.history import HistoryAppendRequestEvent, HistoryQueryRequestEvent, HistoryStatusRequestEvent
from schemas.operations.diagnostics import DiagnosticsGenerateRequestEvent
from schemas.paths import PathsListRequestEvent
from schemas.sources import ModelAddRequestEvent
from schemas.state import StateLoadRequestEvent, StateSaveRequestEvent
from tests.support.planted_links import Victim, plant

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(60)]
ACTORS = (
    "config_store",
    "locations",
    "state_store",
    "history",
    "model_sources",
    "model_verifier",
    "diagnostics",
)


def requests(model: Path, round: int) -> list[Request[Any]]:
    """What makes each actor write, and read what it wrote."""
    return [
        RuntimeConfigRequestEvent(
            operation="update",
            updates={"history.persistence_mode": "disk", "ui.ready_toast": bool(round % 2)},
        ),
        StateSaveRequestEvent(key="settings.one", value={"round": round}, backup=True),
        StateSaveRequestEvent(key="config.one", value={"round": round}),
        StateLoadRequestEvent(key="config.one"),
        HistoryAppendRequestEvent(text=f"entry {round}"),
        HistoryQueryRequestEvent(),
        HistoryStatusRequestEvent(),
        BackupCreateRequestEvent(name=f"round {round}"),
        BackupsListRequestEvent(),
        StateCheckRequestEvent(repair=True),
        PathsListRequestEvent(),
        ModelAddRequestEvent(name=model.as_uri(), category="stt"),
        DiagnosticsGenerateRequestEvent(),
    ]


async def use(home: Path, model: Path, round: int) -> tuple[int, list[str]]:
    """Run all actors that store something.

    Returns:
        How many requests were answered, and the sentences of actors that did not start.
    """
    answered, refusals = 0, list[str]()
    profile = read_profile(find_profile("dictation"))
    async with memory_bus(["#"]) as bus, contextlib.AsyncExitStack() as stack:
        for name in ACTORS:
            build = importlib.import_module(f"actors.{name}").build
            actor = run_actor(build, home, profile=profile, name=name, bus=bus)
            try:
                running = await stack.enter_async_context(actor)
            except (OSError, UndercroftError) as error:
                refusals.append(str(error))
        for request in requests(model, round):
            try:
                await running.request(request, timeout_seconds=20)
                answered += 1
            except RequestFailed as failed:
                assert failed.kind in ("refused", "restarting", "no_responder"), failed
    return answered, refusals


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("environment")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERCROFT_KEYCHAIN", f"file:{place / 'keychain'}")
        (place / "model.gguf").write_bytes(b"GGUF" + b"x" * 1000)
        yield place


@pytest.fixture(scope="module")
def used_home(tmp_path_factory: pytest.TempPathFactory, environment: Path) -> Path:
    home = tmp_path_factory.mktemp("used") / "home"

    async def run() -> None:
        for round in range(2):
            answered, refusals = await use(home, environment / "model.gguf", round)
            assert (answered, refusals) == (len(requests(environment, 0)), [])

    anyio.run(run)
    return home


REASONS = ("a link lies there", "expected the file itself", "every user may write to it")
MORE_PLACES = (
    "config/config.json.tmp",
    "config/locations.json",
    "state/keys/keys.json.tmp",
    "state/keys/audit.head.json.tmp",
    "state/anchors/history.head.tmp",
    "state/store/.restore",
    "state/store/backups/auto.partial",
    "state/model_sources/licences.json",
    "state/model_sources/added.json.tmp",
    "state/verified.json",
    "state/verified.json.tmp",
    "logs",
)
"""Names that a home need not have, and that an actor may write or remove."""


def owner_of(place: str) -> str:
    """One place of each owner is planted at a time."""
    parts = place.split("/")
    return parts[0] if parts[0] != "state" or len(parts) == 1 else parts[1]


def rounds_of(home: Path) -> list[list[str]]:
    """Places of the home, with at most one of each owner in a round."""
    groups = defaultdict[str, list[str]](list)
    found = [path.relative_to(home).as_posix() for path in sorted(home.rglob("*"))]
    for place in [*found, *MORE_PLACES]:
        if place not in ("config", "state"):  # where those lie, a person decides
            groups[owner_of(place)].append(place)
    longest = max(map(len, groups.values()))
    return [[group[number] for group in groups.values() if number < len(group)] for number in range(longest)]


@pytest.mark.parametrize("number", range(40))
async def test_no_link_in_a_home_leads_a_write_outside(
    used_home: Path, environment: Path, tmp_path: Path, number: int
) -> None:
    rounds = rounds_of(used_home)
    if number >= len(rounds):
        pytest.skip("there are fewer places")
    home = tmp_path / "home"
    shutil.copytree(used_home, home)
    for place in rounds[number]:
        target, original = tmp_path / "outside" / place, home / place
        if original.is_dir():
            shutil.copytree(original, target)
            if place == "state/store/backups":  # may be on another disk, but not where others may write
                target.chmod(0o777)
        elif original.exists() and original.name != "config.json":
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(original, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"precious")
        original.parent.mkdir(parents=True, exist_ok=True)
        plant(original, target)
    victim = Victim(tmp_path / "outside")
    answered, refusals = await use(home, environment / "model.gguf", 2)
    victim.assert_untouched()
    assert answered >= 5, "the other actors serve"
    for words in refusals:
        assert any(reason in words for reason in REASONS), words
