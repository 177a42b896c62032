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

from actors.config_store.files.config_file import write_config
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.settings.settings_context import SettingsContext
from actors.shared.durable.durable_write import replace_file
from bus.client import Peer
from schemas.config import RuntimeConfigRequestEvent, SettingsChangedEvent
from schemas.operations.alerts import Alert, AlertChangedEvent
from tests.support.settings_lab import running_store

pytestmark = pytest.mark.anyio
GET = RuntimeConfigRequestEvent(operation="get_effective")


class Vad(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sensitivity: float = Field(default=0.5, ge=0, le=1)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    vad: Vad = Vad()
    theme: str = "system"


def write(path: Path, text: str) -> None:
    """Replace the file as editors do: the store looks at it from another thread."""
    other = path.with_name("edited")
    other.write_text(text)
    other.replace(path)


class OutsideLab:
    """A store on a directory, and what it publishes."""

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
async def outside_lab(directory: Path) -> AsyncIterator[OutsideLab]:
    path = directory / "config" / "config.json"
    settings = SettingsContext(PydanticSchema(Settings), file=str(path))
    async with (
        running_store(path, settings, policy_path=directory / "policy.json", look_seconds=0.005) as lab,
        lab.app.subscribe(SettingsChangedEvent) as changes,
        lab.app.subscribe(AlertChangedEvent) as alerts,
    ):
        found = OutsideLab(lab.app, path, changes, alerts)
        assert (await found.changed()).reason == "start"
        yield found


async def update(found: OutsideLab, **values: Any) -> None:
    answer = await found.app.request(RuntimeConfigRequestEvent(operation="update", updates=values))
    assert (answer.success, answer.durable) == (True, True)


async def test_an_edit_of_the_file_is_taken_live_and_announced(tmp_path: Path) -> None:
    async with outside_lab(tmp_path) as found:
        await update(found, theme="dark")
        await found.changed()
        text = '{"format": 1, "note": "mine", "overrides": {"vad.sensitivity": 0.9, "gone": 1}}'
        write(found.path, text)
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
        async with outside_lab(tmp_path) as found:
            await update(found, theme="dark")
            write(found.path, text)
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
    async with outside_lab(tmp_path) as found:
        await update(found, theme="dark")
        await found.changed()
        write(found.path, "{")
        assert (await found.alert("config.file_invalid")).is_active
        write(found.path, '{"format": 1, "overrides": {"theme": "light"}}')
        assert (await found.changed()).changed == {"theme": "light"}
        assert not (await found.alert("config.file_invalid")).is_active


async def test_an_edit_and_a_change_at_once_are_both_kept(tmp_path: Path) -> None:
    """The edit is there before the change is written, and was not seen yet."""
    async with outside_lab(tmp_path) as found:
        await update(found, theme="dark")
        write_config(found.path, {"theme": "dark", "vad.sensitivity": 0.9}, {})
        await update(found, theme="light")
        assert json.loads(found.path.read_text())["overrides"] == {"theme": "light", "vad.sensitivity": 0.9}
        assert (await found.get()) == {"theme": "light", "vad": {"sensitivity": 0.9}}


async def test_a_file_that_is_deleted_is_written_again_and_the_settings_stay(tmp_path: Path) -> None:
    async with outside_lab(tmp_path) as found:
        await update(found, theme="dark")
        found.path.unlink()
        while not found.path.exists():
            await asyncio.sleep(0.005)
        assert json.loads(found.path.read_text())["overrides"] == {"theme": "dark"}
        assert (await found.get())["theme"] == "dark"


async def test_a_directory_that_is_deleted_is_left_deleted_until_something_changes(tmp_path: Path) -> None:
    async with outside_lab(tmp_path) as found:
        await update(found, theme="dark")
        found.path.unlink()
        found.path.parent.rmdir()
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert not found.path.parent.exists()
        await update(found, theme="light")
        assert json.loads(found.path.read_text())["overrides"] == {"theme": "light"}


async def test_a_policy_that_comes_forces_a_value_and_gives_it_back_when_it_goes(tmp_path: Path) -> None:
    async with outside_lab(tmp_path) as found:
        await update(found, theme="dark")
        await found.changed()
        policy = tmp_path / "policy.json"
        replace_file(policy, b'{"format": 1, "values": {"theme": "light"}}')
        event = await found.changed()
        assert (event.reason, event.changed) == ("policy", {"theme": "light"})
        refused = await found.app.request(
            RuntimeConfigRequestEvent(operation="update", updates={"theme": "dark"})
        )
        assert "managed by" in refused.message
        replace_file(policy, b"{")
        assert (await found.alert("config.policy_invalid")).is_active
        assert (await found.get())["theme"] == "light"
        policy.unlink()
        assert (await found.changed()).changed == {"theme": "dark"}
        assert json.loads(found.path.read_text())["overrides"] == {"theme": "dark"}
