"""The configuration store over a bus: in effect at once, told to everybody, on disk when answered."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from actors.config_store.actor import ConfigStore
from actors.config_store.files import config_document, write_behind
from actors.config_store.files.config_file import SettingsFile, Write
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.setting_layers import Ground
from actors.config_store.setting_secrets import SecretKeeper
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.keys.keychain import KeychainFailed
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.config import (
    RuntimeConfigRequestEvent,
    SecretRevealRequestEvent,
    SettingsChangedEvent,
    SettingsDescribeRequestEvent,
    SettingsExplainRequestEvent,
)

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
    key: str = Field(default="", max_length=20, json_schema_extra={"x-secret": True})
    anything: Any = None


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
        while not any("config.request" in peer.serves for peer in bus.core.statistics(0.0).peers):
            await asyncio.sleep(0)
        yield app
        loop.stop()
        await living


def store(path: Path, write: Write = config_document.write, **more: Any) -> AbstractAsyncContextManager[Peer]:
    """A store of its own file, and whoever talks to it."""
    return running(
        ConfigStore(
            ground(),
            SettingsFile(path, write=write),
            lambda: SecretKeeper(Drawer()),
            look_seconds=0.01,
            **more,
        )
    )


def update(**values: Any) -> RuntimeConfigRequestEvent:
    return RuntimeConfigRequestEvent(
        operation="update", updates={path.replace("__", "."): value for path, value in values.items()}
    )


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
        assert (changed.changed, changed.reason, changed.settings) == (
            {"vad.sensitivity": 0.9},
            "update",
            answer.settings,
        )
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
        answer = await app.request(
            RuntimeConfigRequestEvent(operation="update", updates={"theme": "dark"}, dry_run=True)
        )
        assert answer.settings["theme"] == "dark"
        assert (await app.request(GET)).settings["theme"] == "system"


async def test_a_disk_that_fails_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.json"
    monkeypatch.setattr(write_behind, "RETRY_SECONDS", (0.0,))
    is_full = True
    tried = 0

    def write(path: Path, overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1) -> bytes:
        nonlocal tried
        tried += 1
        if is_full:
            raise DurableWriteFailed(str(path), "write", errno.ENOSPC, "no space left on device")
        return config_document.write(path, overrides, others, version)

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
    config_document.write(path, {"gone.setting": 1, "theme": "dark"}, {"note": "mine"})
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


@pytest.mark.requirement("S2-15")
async def test_changes_that_come_while_a_write_is_under_way_share_the_next_and_are_answered_when_it_is_done(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.json"
    gate = threading.Event()
    writes = 0

    def write(path: Path, overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1) -> bytes:
        nonlocal writes
        writes += 1
        assert gate.wait(30)
        return config_document.write(path, overrides, others, version)

    async with store(path, write) as app, app.subscribe(SettingsChangedEvent) as events:
        await anext(events)
        asked = [asyncio.ensure_future(app.request(update(theme=f"theme {number}"))) for number in range(50)]
        themes = [""]
        while (
            themes[-1] != "theme 49"
        ):  # all of them are in effect and told, while the first is still being written
            event = await anext(events)
            assert isinstance(event, SettingsChangedEvent)
            themes.append(event.changed["theme"])
        assert themes == sorted(themes, key=lambda theme: int(theme[6:] or -1))
        assert not any(answer.done() for answer in asked)
        assert not (await app.request(GET)).durable
        gate.set()
        answers = await asyncio.gather(*asked)
        assert [answer.revision for answer in answers] == list(range(1, 51))
        assert all(answer.success and answer.durable for answer in answers)
        assert json.loads(path.read_bytes())["overrides"] == {"theme": "theme 49"}
        assert writes <= 2


@pytest.mark.requirement("S2-15")
async def test_who_asks_for_what_is_in_effect_but_not_yet_on_disk_waits_for_the_disk(tmp_path: Path) -> None:
    gate = threading.Event()

    def write(path: Path, overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1) -> bytes:
        assert gate.wait(30)
        return config_document.write(path, overrides, others, version)

    async with store(tmp_path / "config.json", write) as app:
        first = asyncio.ensure_future(app.request(update(theme="dark")))
        while (await app.request(GET)).settings["theme"] != "dark":
            await asyncio.sleep(0)
        second = asyncio.ensure_future(app.request(update(theme="dark")))
        await app.request(GET)
        assert not second.done()
        gate.set()
        assert [answer.durable for answer in await asyncio.gather(first, second)] == [True, True]
        assert (tmp_path / "config.json").exists()


async def test_what_is_asked_last_is_on_disk_and_answered_when_the_store_stops(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    async with memory_bus() as bus, bus.connect("config_store") as own, bus.connect("app") as app:
        loop = ActorLoop(ConfigStore(ground(), SettingsFile(path), lambda: SecretKeeper(Drawer())), own)
        living = asyncio.create_task(loop.run())
        while not any("config.request" in peer.serves for peer in bus.core.statistics(0.0).peers):
            await asyncio.sleep(0)
        asked = [asyncio.ensure_future(app.request(update(theme=f"theme {number}"))) for number in range(20)]
        while (await app.request(GET)).settings["theme"] != "theme 19":
            await asyncio.sleep(0)
        loop.stop()
        await living
        assert all(answer.durable for answer in await asyncio.gather(*asked))
        assert json.loads(path.read_bytes())["overrides"] == {"theme": "theme 19"}


async def test_a_session_value_is_in_effect_and_never_stored(tmp_path: Path) -> None:
    async with store(tmp_path / "config.json") as app:
        answer = await app.request(
            RuntimeConfigRequestEvent(operation="update", updates={"theme": "dark"}, scope="session")
        )
        assert (answer.settings["theme"], answer.session, answer.overrides) == ("dark", {"theme": "dark"}, {})
        await app.request(update(vad__sensitivity=0.9))
        assert json.loads((tmp_path / "config.json").read_bytes())["overrides"] == {"vad.sensitivity": 0.9}
    async with store(tmp_path / "config.json") as app:
        assert (await app.request(GET)).settings["theme"] == "system"


async def test_a_request_that_expects_other_settings_is_refused(tmp_path: Path) -> None:
    async with store(tmp_path / "config.json") as app:
        seen = (await app.request(GET)).fingerprint
        await app.request(update(theme="dark"))
        late = RuntimeConfigRequestEvent(
            operation="update", updates={"theme": "light"}, expected_fingerprint=seen
        )
        assert "changed by somebody else" in (await app.request(late)).message
        seen = (await app.request(GET)).fingerprint
        request = RuntimeConfigRequestEvent(
            operation="update", resets=["theme"], updates={"vad.sensitivity": 0.1}, expected_fingerprint=seen
        )
        assert (await app.request(request)).overrides == {"vad.sensitivity": 0.1}


@pytest.mark.parametrize(
    "value",
    [float("inf"), b"bytes", "x" * (config_document.SIZE_LIMIT_BYTES), {"a": [float("nan")]}, 1 << 63],
)
async def test_whatever_is_asked_for_the_file_can_be_read_again(tmp_path: Path, value: Any) -> None:
    async with store(tmp_path / "config.json") as app:
        await app.request(update(theme="dark"))
        answer = await app.request(update(anything=value))
        assert answer.success == isinstance(value, int)
        await app.request(update(theme="light"))
    assert config_document.read(tmp_path / "config.json").overrides["theme"] == "light"


async def test_settings_are_explained_and_described(tmp_path: Path) -> None:
    async with store(tmp_path / "config.json") as app:
        await app.request(update(theme="dark"))
        (explained,) = (await app.request(SettingsExplainRequestEvent(path="theme"))).settings
        assert explained.winner == "user"
        with pytest.raises(RequestFailed, match="no section or setting 'nothing'"):
            await app.request(SettingsExplainRequestEvent(path="nothing"))
        assert [field.path for field in (await app.request(SettingsDescribeRequestEvent())).fields][:2] == [
            "vad.sensitivity",
            "theme",
        ]


# -- secrets
# ---------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def with_drawer(path: Path, drawer: Drawer) -> AsyncIterator[Peer]:
    actor = ConfigStore(ground(), SettingsFile(path), lambda: SecretKeeper(drawer), look_seconds=0.01)
    async with running(actor) as app:
        yield app


async def test_a_secret_is_kept_in_the_keychain_and_only_its_reference_in_the_file(tmp_path: Path) -> None:
    path, drawer = tmp_path / "config.json", Drawer()
    async with with_drawer(path, drawer) as app, app.subscribe("*") as events:
        answer = await app.request(update(key="hush-hush", theme="dark"))
        assert (answer.success, answer.durable, answer.settings["key"]) == (True, True, "**********")
        stored = json.loads(path.read_bytes())["overrides"]
        assert drawer.entries == {stored["key"]["$secret"]: "hush-hush"}
        assert (await app.request(SecretRevealRequestEvent(path="key"))).value == "hush-hush"
        told = repr(
            [answer, await app.request(GET), await app.request(SettingsExplainRequestEvent(path="key"))]
        )
        seen = ""
        while "'theme': 'dark'" not in seen:
            seen += repr(await anext(events))
        assert "hush" not in told + seen + path.read_text()
        again = await app.request(update(key="**********", theme="light"))
        assert again.success
        assert (await app.request(SecretRevealRequestEvent(path="key"))).value == "hush-hush"
    async with with_drawer(path, drawer) as app:
        assert (await app.request(SecretRevealRequestEvent(path="key"))).value == "hush-hush"


async def test_a_new_value_of_a_secret_is_announced_and_the_former_one_goes_once_it_is_durable(
    tmp_path: Path,
) -> None:
    drawer = Drawer()
    async with (
        with_drawer(tmp_path / "config.json", drawer) as app,
        app.subscribe(SettingsChangedEvent) as events,
    ):
        await anext(events)
        for value in ("first", "second"):
            await app.request(update(key=value))
            event = await anext(events)
            assert isinstance(event, SettingsChangedEvent)
            assert event.changed == {"key": "**********"}
        while len(drawer.entries) > 1:
            await asyncio.sleep(0)
        assert list(drawer.entries.values()) == ["second"]
        await app.request(RuntimeConfigRequestEvent(operation="reset_section", section="key"))
        while drawer.entries:
            await asyncio.sleep(0)
        with pytest.raises(RequestFailed, match="key is not set"):
            await app.request(SecretRevealRequestEvent(path="key"))


async def test_without_a_keychain_the_whole_update_is_refused_by_name_and_nothing_is_stored(
    tmp_path: Path,
) -> None:
    drawer = Drawer()
    drawer.fault = KeychainFailed("no_keychain", "no keychain is running")
    async with with_drawer(tmp_path / "config.json", drawer) as app:
        answer = await app.request(update(key="hush", theme="dark"))
        assert not answer.success
        assert "no_keychain" in answer.problems[0].problem
        assert (await app.request(GET)).settings["theme"] == "system"
        assert not (tmp_path / "config.json").exists()
        assert (await app.request(update(theme="dark"))).success


async def test_a_secret_that_does_not_fit_is_refused_without_being_shown_or_kept(tmp_path: Path) -> None:
    drawer = Drawer()
    async with with_drawer(tmp_path / "config.json", drawer) as app:
        answer = await app.request(update(key="far too long to be a secret"))
        assert not answer.success
        assert "far too" not in repr(answer)
        assert drawer.entries == {}
        with pytest.raises(RequestFailed, match="not declared a secret"):
            await app.request(SecretRevealRequestEvent(path="theme"))
