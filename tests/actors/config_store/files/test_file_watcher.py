"""A person edits the file, an administrator the policy, while the store runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from actors.config_store.actor import ConfigStore
from actors.config_store.files import config_document
from actors.config_store.files.config_file import SettingsFile
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.setting_layers import Ground
from actors.config_store.setting_secrets import SecretKeeper
from actors.shared.keys.file_keychain import FileKeychain
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from schemas.config import RuntimeConfigRequestEvent, SettingsChangedEvent
from schemas.operations.alerts import Alert, AlertChangedEvent

pytestmark = pytest.mark.anyio
GET = RuntimeConfigRequestEvent(operation="get_effective")


class Vad(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sensitivity: float = Field(default=0.5, ge=0, le=1)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    vad: Vad = Vad()
    theme: str = "system"


class World:
    """A store on a directory, and what it says."""

    def __init__(self, app: Peer, path: Path, changes: Any, alerts: Any) -> None:
        self.app, self.path, self._changes, self._alerts = app, path, changes, alerts

    async def changed(self) -> SettingsChangedEvent:
        event = await anext(self._changes)
        assert isinstance(event, SettingsChangedEvent)
        return event

    async def alert(self, name: str) -> Alert:
        while True:
            event = await anext(self._alerts)
            if event.alert.name == name:
                return event.alert  # type: ignore[no-any-return]

    async def get(self) -> dict[str, Any]:
        return (await self.app.request(GET)).settings


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    path, policy = directory / "config" / "config.json", directory / "policy.json"
    actor = ConfigStore(
        Ground(PydanticSchema(Settings), file=str(path)),
        SettingsFile(path),
        lambda: SecretKeeper(FileKeychain(directory / "keychain.json")),
        policy,
        look_seconds=0.005,
    )
    async with memory_bus() as bus, bus.connect("config_store") as own, bus.connect("app") as app:
        loop = ActorLoop(actor, own)
        async with app.subscribe(SettingsChangedEvent) as changes, app.subscribe(AlertChangedEvent) as alerts:
            living = asyncio.create_task(loop.run())
            found = World(app, path, changes, alerts)
            assert (await found.changed()).reason == "start"
            while not any("config.request" in peer.serves for peer in bus.core.statistics(0.0).peers):
                await asyncio.sleep(0)
            yield found
            loop.stop()
            await living


async def update(found: World, **values: Any) -> None:
    answer = await found.app.request(RuntimeConfigRequestEvent(operation="update", updates=values))
    assert (answer.success, answer.durable) == (True, True)


async def test_an_edit_of_the_file_is_taken_live_and_announced(tmp_path: Path) -> None:
    async with world(tmp_path) as found:
        await update(found, theme="dark")
        await found.changed()
        text = '{"format": 1, "note": "mine", "overrides": {"vad.sensitivity": 0.9, "gone": 1}}'
        found.path.write_text(text)
        event = await found.changed()
        assert (event.reason, event.changed) == ("file", {"theme": "system", "vad.sensitivity": 0.9})
        assert found.path.read_text() == text
        await update(found, theme="light")
        assert json.loads(found.path.read_text()) == {
            "format": 1,
            "note": "mine",
            "overrides": {"gone": 1, "theme": "light", "vad.sensitivity": 0.9},
        }


@pytest.mark.requirement("S0-3", "S0-4")
@pytest.mark.parametrize(
    "text", ["{half an ed", '{"format": 1, "overrides": {"vad.sensitivity": 9, "theme": "light"}}']
)
def test_a_bad_edit_is_told_and_left_alone_until_a_change_puts_it_aside(tmp_path: Path, text: str) -> None:
    async def scene() -> None:
        async with world(tmp_path) as found:
            await update(found, theme="dark")
            found.path.write_text(text)
            alert = await found.alert("config.file_invalid")
            assert alert.is_active
            assert str(found.path) in alert.message
            assert (await found.get())["theme"] == "dark"
            assert found.path.read_text() == text
            await update(found, theme="light")
            assert not (await found.alert("config.file_invalid")).is_active
            assert found.path.with_name("config.json.corrupt").read_text() == text
            assert json.loads(found.path.read_text())["overrides"] == {"theme": "light"}

    asyncio.run(scene())


async def test_a_bad_edit_that_is_put_right_is_taken(tmp_path: Path) -> None:
    async with world(tmp_path) as found:
        await update(found, theme="dark")
        await found.changed()
        found.path.write_text("{")
        assert (await found.alert("config.file_invalid")).is_active
        found.path.write_text('{"format": 1, "overrides": {"theme": "light"}}')
        assert (await found.changed()).changed == {"theme": "light"}
        assert not (await found.alert("config.file_invalid")).is_active


async def test_an_edit_and_a_change_at_once_are_both_kept(tmp_path: Path) -> None:
    """The edit is there before the change is written, and was not seen yet."""
    async with world(tmp_path) as found:
        await update(found, theme="dark")
        config_document.write(found.path, {"theme": "dark", "vad.sensitivity": 0.9}, {})
        await update(found, theme="light")
        assert json.loads(found.path.read_text())["overrides"] == {"theme": "light", "vad.sensitivity": 0.9}
        assert (await found.get()) == {"theme": "light", "vad": {"sensitivity": 0.9}}


async def test_a_file_that_is_deleted_is_written_again_and_the_settings_stay(tmp_path: Path) -> None:
    async with world(tmp_path) as found:
        await update(found, theme="dark")
        found.path.unlink()
        while not found.path.exists():
            await asyncio.sleep(0.005)
        assert json.loads(found.path.read_text())["overrides"] == {"theme": "dark"}
        assert (await found.get())["theme"] == "dark"


async def test_a_directory_that_is_deleted_is_left_deleted_until_something_changes(tmp_path: Path) -> None:
    async with world(tmp_path) as found:
        await update(found, theme="dark")
        found.path.unlink()
        found.path.parent.rmdir()
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert not found.path.parent.exists()
        await update(found, theme="light")
        assert json.loads(found.path.read_text())["overrides"] == {"theme": "light"}


async def test_a_policy_that_comes_forces_a_value_and_gives_it_back_when_it_goes(tmp_path: Path) -> None:
    async with world(tmp_path) as found:
        await update(found, theme="dark")
        await found.changed()
        policy = tmp_path / "policy.json"
        config_document.replace_file(policy, b'{"format": 1, "values": {"theme": "light"}}')
        event = await found.changed()
        assert (event.reason, event.changed) == ("policy", {"theme": "light"})
        refused = await found.app.request(
            RuntimeConfigRequestEvent(operation="update", updates={"theme": "dark"})
        )
        assert "managed by" in refused.message
        config_document.replace_file(policy, b"{")
        assert (await found.alert("config.policy_invalid")).is_active
        assert (await found.get())["theme"] == "light"
        policy.unlink()
        assert (await found.changed()).changed == {"theme": "dark"}
        assert json.loads(found.path.read_text())["overrides"] == {"theme": "dark"}
