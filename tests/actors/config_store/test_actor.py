"""The configuration store over a bus: in effect at once, told to everybody, on disk when answered."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from actors.config_store.files import write_behind
from actors.config_store.files.config_content import SIZE_LIMIT_BYTES
from actors.config_store.files.config_file import Write, read_config, write_config
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.settings.settings_context import SettingsContext
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.keychain.keychain import KeychainFailed
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.config import (
    RuntimeConfigRequestEvent,
    SecretRevealRequestEvent,
    SettingChange,
    SettingsChangedEvent,
    SettingsDescribeRequestEvent,
    SettingsExplainRequestEvent,
)
from tests.support.settings_lab import MemoryKeychain, running_store

pytestmark = pytest.mark.anyio


class Vad(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sensitivity: float = Field(default=0.5, ge=0, le=1)


class Cloud(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = Field(default="", json_schema_extra={"x-secret": True})


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    vad: Vad = Vad()
    cloud: Cloud = Cloud()
    theme: str = "system"
    key: str = Field(default="", max_length=20, json_schema_extra={"x-secret": True})
    anything: Any = None


SETTINGS = SettingsContext(PydanticSchema(Settings))


@asynccontextmanager
async def store(path: Path, write: Write | None = None) -> AsyncIterator[Peer]:
    """A peer that talks to a running store of this file."""
    async with running_store(path, SETTINGS, write=write) as lab:
        yield lab.app


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
        return write_config(path, overrides, others, version)

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
    write_config(path, {"gone.setting": 1, "theme": "dark"}, {"note": "mine"})
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
        return write_config(path, overrides, others, version)

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
        return write_config(path, overrides, others, version)

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
    async with running_store(path, SETTINGS) as lab:
        app = lab.app
        asked = [asyncio.ensure_future(app.request(update(theme=f"theme {number}"))) for number in range(20)]
        while (await app.request(GET)).settings["theme"] != "theme 19":
            await asyncio.sleep(0)
        await lab.stop()
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
    [float("inf"), b"bytes", "x" * (SIZE_LIMIT_BYTES), {"a": [float("nan")]}, 1 << 63],
)
async def test_whatever_is_asked_for_the_file_can_be_read_again(tmp_path: Path, value: Any) -> None:
    async with store(tmp_path / "config.json") as app:
        await app.request(update(theme="dark"))
        answer = await app.request(update(anything=value))
        assert answer.success == isinstance(value, int)
        await app.request(update(theme="light"))
    assert read_config(tmp_path / "config.json")[0].overrides["theme"] == "light"


async def test_settings_are_explained_and_described(tmp_path: Path) -> None:
    async with store(tmp_path / "config.json") as app:
        await app.request(update(theme="dark"))
        (explained,) = (await app.request(SettingsExplainRequestEvent(path="theme"))).settings
        assert explained.winner == "user"
        with pytest.raises(RequestFailed, match="no section or setting 'nothing'"):
            await app.request(SettingsExplainRequestEvent(path="nothing"))
        assert [field.path for field in (await app.request(SettingsDescribeRequestEvent())).fields][:3] == [
            "vad.sensitivity",
            "cloud.key",
            "theme",
        ]


# -- what a reply says


async def test_a_reply_names_only_what_its_own_request_changed(tmp_path: Path) -> None:
    """Others change settings at the same time; their changes are in the settings, and not in `changed`."""
    async with store(tmp_path / "config.json") as app:
        requests = [
            update(theme="dark"),
            update(vad__sensitivity=0.9),
            update(anything=1),
            update(theme="light"),
        ]
        answers = await asyncio.gather(*(app.request(request) for request in requests))
        assert [answer.changed for answer in answers] == [
            {"theme": SettingChange(before="system", after="dark")},
            {"vad.sensitivity": SettingChange(before=0.5, after=0.9)},
            {"anything": SettingChange(before=None, after=1)},
            {"theme": SettingChange(before="dark", after="light")},
        ]
        assert (await app.request(GET)).changed == {}
        everything = await app.request(RuntimeConfigRequestEvent(operation="reset_defaults", dry_run=True))
        assert set(everything.changed) == {"theme", "vad.sensitivity", "anything"}


async def test_values_that_are_in_effect_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    async with store(tmp_path / "config.json") as app:
        request = RuntimeConfigRequestEvent(
            operation="update",
            updates={"theme": "system", "vad": {"sensitivity": 0.7}, "key": ""},
            skip_unchanged=True,
        )
        assert (await app.request(request)).overrides == {"vad.sensitivity": 0.7}
        again = await app.request(request)
        assert (again.success, again.durable, again.changed) == (True, True, {})
        assert "in effect already" in again.message
        unknown = replace(request, updates={"theme": "system", "gone": 1})
        assert [problem.path for problem in (await app.request(unknown)).problems] == ["gone"]


# -- secrets


@pytest.mark.parametrize(
    "updates", [{"key": "hush"}, {"key": "", "theme": "dark"}, {"cloud": {"key": "hush"}}]
)
@pytest.mark.parametrize("scope", ["user", "session"])
async def test_a_secret_that_others_could_read_is_refused_by_name_with_the_whole_request(
    tmp_path: Path, updates: dict[str, Any], scope: Any
) -> None:
    keychain = MemoryKeychain()
    async with with_keychain(tmp_path / "config.json", keychain) as app:
        request = RuntimeConfigRequestEvent(
            operation="update", updates=updates, from_command_line=True, scope=scope
        )
        answer = await app.request(request)
        path = "cloud.key" if "cloud" in updates else "key"
        assert [(problem.path, problem.kind) for problem in answer.problems] == [(path, "secret_exposed")]
        assert f"undercroft config secret {path}" in answer.problems[0].problem
        assert "hush" not in repr(answer)
        assert keychain.entries == {}
        assert (await app.request(GET)).settings["theme"] == "system"


async def test_what_is_not_a_secret_may_come_from_a_command_line_and_a_secret_from_anywhere_else(
    tmp_path: Path,
) -> None:
    async with store(tmp_path / "config.json") as app:
        request = RuntimeConfigRequestEvent(
            operation="update", updates={"theme": "dark"}, from_command_line=True
        )
        assert (await app.request(request)).success
        assert (await app.request(update(key="hush"))).success


@asynccontextmanager
async def with_keychain(path: Path, keychain: MemoryKeychain) -> AsyncIterator[Peer]:
    async with running_store(path, SETTINGS, keychain=keychain) as lab:
        yield lab.app


async def test_a_secret_is_kept_in_the_keychain_and_only_its_reference_in_the_file(tmp_path: Path) -> None:
    path, keychain = tmp_path / "config.json", MemoryKeychain()
    async with with_keychain(path, keychain) as app, app.subscribe("*") as events:
        answer = await app.request(update(key="hush-hush", theme="dark"))
        assert (answer.success, answer.durable, answer.settings["key"]) == (True, True, "**********")
        stored = json.loads(path.read_bytes())["overrides"]
        assert keychain.entries == {stored["key"]["$secret"]: "hush-hush"}
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
    async with with_keychain(path, keychain) as app:
        assert (await app.request(SecretRevealRequestEvent(path="key"))).value == "hush-hush"


async def test_a_secret_is_revealed_to_nobody_else(tmp_path: Path) -> None:
    async with running_store(tmp_path / "config.json", SETTINGS) as lab:
        await lab.app.request(update(key="hush-hush"))
        async with lab.bus.connect("other") as other:
            with pytest.raises(RequestFailed, match="secrets are not revealed to 'other'"):
                await other.request(SecretRevealRequestEvent(path="key"))


async def test_a_new_value_of_a_secret_is_announced_and_the_former_one_goes_once_it_is_durable(
    tmp_path: Path,
) -> None:
    keychain = MemoryKeychain()
    async with (
        with_keychain(tmp_path / "config.json", keychain) as app,
        app.subscribe(SettingsChangedEvent) as events,
    ):
        await anext(events)
        for value in ("first", "second"):
            await app.request(update(key=value))
            event = await anext(events)
            assert isinstance(event, SettingsChangedEvent)
            assert event.changed == {"key": "**********"}
        while len(keychain.entries) > 1:
            await asyncio.sleep(0)
        assert list(keychain.entries.values()) == ["second"]
        await app.request(RuntimeConfigRequestEvent(operation="reset_section", section="key"))
        while keychain.entries:
            await asyncio.sleep(0)
        with pytest.raises(RequestFailed, match="key is not set"):
            await app.request(SecretRevealRequestEvent(path="key"))


async def test_without_a_keychain_the_whole_update_is_refused_by_name_and_nothing_is_stored(
    tmp_path: Path,
) -> None:
    keychain = MemoryKeychain()
    keychain.fault = KeychainFailed("no_keychain", "no keychain is running")
    async with with_keychain(tmp_path / "config.json", keychain) as app:
        answer = await app.request(update(key="hush", theme="dark"))
        assert not answer.success
        assert "no_keychain" in answer.problems[0].problem
        assert (await app.request(GET)).settings["theme"] == "system"
        assert not (tmp_path / "config.json").exists()
        assert (await app.request(update(theme="dark"))).success


async def test_a_secret_that_does_not_fit_is_refused_without_being_shown_or_kept(tmp_path: Path) -> None:
    keychain = MemoryKeychain()
    async with with_keychain(tmp_path / "config.json", keychain) as app:
        answer = await app.request(update(key="far too long to be a secret"))
        assert not answer.success
        assert "far too" not in repr(answer)
        assert keychain.entries == {}
        with pytest.raises(RequestFailed, match="not declared a secret"):
            await app.request(SecretRevealRequestEvent(path="theme"))
