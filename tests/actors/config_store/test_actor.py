"""The configuration store over a bus: in effect at once, told to everybody, on disk when answered."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from actors.config_store import commits, document
from actors.config_store.actor import ConfigStore
from actors.config_store.layers import Ground
from actors.config_store.pydantic_schema import PydanticSchema
from actors.config_store.secret_keeper import SecretKeeper
from actors.config_store.settings_file import SettingsFile, Write
from actors.storage.durable import DurableWriteFailed
from actors.storage.keys.keychain import KeychainFailed
from bus.actor import ActorLoop
from bus.client import Peer
from bus.memory import memory_bus
from schemas.config import RuntimeConfigRequestEvent, SettingsChangedEvent

pytestmark = pytest.mark.anyio


class Drawer:
    """A keychain in memory; `fault` is what it raises instead of keeping anything."""

    name = "drawer"

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.fault: KeychainFailed | None = None

    def get(self, account: str) -> str | None:
        return self.entries.get(account)

    def put(self, account: str, secret: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.entries[account] = secret

    def remove(self, account: str) -> None:
        self.entries.pop(account, None)


class Vad(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sensitivity: float = Field(default=0.5, ge=0, le=1)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    vad: Vad = Vad()
    theme: str = "system"


def ground(**more: Any) -> Ground:
    return Ground(PydanticSchema(Settings), **more)


@asynccontextmanager
async def running(actor: ConfigStore) -> AsyncIterator[Peer]:
    """A peer that talks to a running configuration store."""
    async with memory_bus() as bus, bus.connect("config_store") as own, bus.connect("app") as app:
        loop = ActorLoop(actor, own)
        async with app.subscribe(SettingsChangedEvent) as events:
            living = asyncio.create_task(loop.run())
            assert (await anext(events)).reason == "start"  # type: ignore[union-attr]  # no gap can be in a new subscription
        while not any("config.request" in peer.serves for peer in bus.routing.statistics(0.0).peers):
            await asyncio.sleep(0)
        yield app
        loop.stop()
        await living


def store(path: Path, write: Write = document.write, **more: Any) -> AbstractAsyncContextManager[Peer]:
    """A store of its own file, and whoever talks to it."""
    return running(ConfigStore(ground(), SettingsFile(path, write=write), lambda: SecretKeeper(Drawer()), look_seconds=0.01, **more))


def update(**values: Any) -> RuntimeConfigRequestEvent:
    return RuntimeConfigRequestEvent(operation="update", updates={path.replace("__", "."): value for path, value in values.items()})


GET = RuntimeConfigRequestEvent(operation="get_effective")


@pytest.mark.requirement("S2-13", "S2-14", "S2-15", "S2-16", "S0-2", "C-3")
async def test_a_change_is_announced_and_on_disk_when_it_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    async with store(path) as app, app.subscribe(SettingsChangedEvent) as events:
        await anext(events)
        answer = await app.request(update(vad__sensitivity=0.9))
        assert (answer.success, answer.durable, answer.settings["vad"]["sensitivity"]) == (True, True, 0.9)
        assert json.loads(path.read_bytes())["overrides"] == {"vad.sensitivity": 0.9}
        changed = await anext(events)
        assert isinstance(changed, SettingsChangedEvent)
        assert (changed.changed, changed.reason, changed.settings) == ({"vad.sensitivity": 0.9}, "update", answer.settings)
        assert (await app.request(GET)).settings == answer.settings


@pytest.mark.requirement("S2-10", "S2-11", "S2-16")
async def test_a_restart_brings_the_overrides_back(tmp_path: Path) -> None:
    async with store(tmp_path / "config.json") as app:
        await app.request(update(theme="dark"))
    async with store(tmp_path / "config.json") as app:
        assert (await app.request(GET)).settings["theme"] == "dark"


@pytest.mark.requirement("S2-17")
async def test_a_batch_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    async with store(tmp_path / "config.json") as app:
        answer = await app.request(update(theme="dark", vad__sensitivity=5))
        assert not answer.success
        assert answer.problems[0].path == "vad.sensitivity"
        assert (await app.request(GET)).settings["theme"] == "system"
        assert not (tmp_path / "config.json").exists()


async def test_dry_run_shows_and_changes_nothing(tmp_path: Path) -> None:
    async with store(tmp_path / "config.json") as app:
        answer = await app.request(RuntimeConfigRequestEvent(operation="update", updates={"theme": "dark"}, dry_run=True))
        assert answer.settings["theme"] == "dark"
        assert (await app.request(GET)).settings["theme"] == "system"


async def test_a_disk_that_fails_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.json"
    monkeypatch.setattr(commits, "RETRY_SECONDS", (0.0,))
    is_full = True
    tried = 0

    def write(path: Path, overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1) -> bytes:
        nonlocal tried
        tried += 1
        if is_full:
            raise DurableWriteFailed(str(path), "write", errno.ENOSPC, "no space left on device")
        return document.write(path, overrides, others, version)

    async with store(path, write) as app:
        answer = await app.request(update(theme="dark"))
        assert (answer.success, answer.durable) == (True, False)
        assert "not durable" in answer.message
        assert (await app.request(GET)).settings["theme"] == "dark"
        is_full = False
        while not (await app.request(GET)).durable:
            await asyncio.sleep(0)
        assert json.loads(path.read_bytes())["overrides"] == {"theme": "dark"}
        assert tried >= 2


@pytest.mark.requirement("S0-3")
async def test_a_broken_file_is_put_aside_and_the_store_serves_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"format": 1, "overrides": {"theme": "da')
    async with store(tmp_path / "config.json") as app:
        assert (await app.request(GET)).settings["theme"] == "system"
        await app.request(update(theme="light"))
    assert (tmp_path / "config.json.corrupt").read_text().endswith('"da')


@pytest.mark.requirement("S2-12")
async def test_overrides_that_are_not_in_effect_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    document.write(path, {"gone.setting": 1, "theme": "dark"}, {"note": "mine"})
    async with store(path) as app:
        await app.request(RuntimeConfigRequestEvent(operation="reset_defaults"))
    assert json.loads(path.read_bytes()) == {"format": 1, "note": "mine", "overrides": {"gone.setting": 1}}


async def test_a_file_of_a_later_version_is_read_but_never_written(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"format": 2, "overrides": {"theme": "dark"}}')
    async with store(path) as app:
        assert (await app.request(GET)).settings["theme"] == "dark"
        assert not (await app.request(update(theme="light"))).success
    assert json.loads(path.read_text())["format"] == 2
