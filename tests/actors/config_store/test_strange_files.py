"""Whatever lies in the place of the settings, of the policy or of their backups costs at most itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from actors.config_store import build
from actors.shared.sdk.running_actor import RunningActor, run_actor
from schemas.config import (
    RuntimeConfigRequestEvent,
    SettingsDescribeRequestEvent,
    SettingsExplainRequestEvent,
)
from tests.support.profiles import write_profile
from tests.support.strange_files import (
    DIRECTORY_MUTATIONS,
    FILE_MUTATIONS,
    Mutation,
    bounded_memory,
    strange_documents,
)
from tests.support.strange_files import write as leave

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MUTATIONS = [one for one in FILE_MUTATIONS if one.name != "unreadable" or os.geteuid()]
SCHEMA: Final = {
    "properties": {
        "vad": {"properties": {"level": {"type": "number", "default": 0.5}}},
        "ui": {
            "properties": {
                "theme": {"type": "string", "default": "system"},
                "preset": {"type": "string", "default": ""},
                "key": {"type": "string", "default": "", "x-secret": True},
                "labels": {"type": "object", "default": {}},
            }
        },
    }
}
STORED: Final = {
    "format": 1,
    "settings_version": 2,
    "note": {"of": ["a person"]},
    "overrides": {"ui.theme": "dark", "ui.labels": {"a": [1]}, "gone": {"b": 1}},
}
POLICY: Final = {"format": 1, "values": {"vad.level": 0.25}, "locked": ["vad.*"], "message": "ask IT"}
MIGRATIONS: Final = "MIGRATIONS = {1: lambda old: {'vad.level': 0.75}}\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with settings and a policy; its profile lies beside it."""
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    leave(config / "config.json", json.dumps(STORED).encode())
    leave(config / "policy.json", json.dumps(POLICY).encode())
    profile = write_profile(
        tmp_path / "profile",
        top={
            "settings": "settings.schema.json",
            "settings_version": 2,
            "settings_migrations": "migrations.py:MIGRATIONS",
            "preset_setting": "ui.preset",
            "policy": "policy.json",
        },
        modules={"settings.schema.json": json.dumps(SCHEMA), "migrations.py": MIGRATIONS},
    )
    (profile / "presets").mkdir()
    (profile / "presets" / "calm.json").write_text('{"settings": {"vad.level": 0.1}}')
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, lambda _: None)  # no power fails here, and a disk takes its time


async def set_theme(running: RunningActor[Any], theme: str) -> Any:
    return await running.request(RuntimeConfigRequestEvent(operation="update", updates={"ui.theme": theme}))


async def effective(running: RunningActor[Any]) -> Any:
    await running.request(SettingsDescribeRequestEvent())
    await running.request(SettingsExplainRequestEvent(path="ui"))
    return await running.request(RuntimeConfigRequestEvent(operation="get_effective"))


async def serve(home: Path) -> tuple[dict[str, Any], list[str], bool]:
    """Run the store twice; what it found, what it told, and whether a later version's file stayed as it is.

    Asserts that a change is durable, and in effect after another start.
    """
    profile = home.parent / "profile"
    with bounded_memory():
        async with run_actor(build, home, profile=profile, name="config_store") as running:
            found = (await effective(running)).settings
            changed = await set_theme(running, "light")
            told = [alert.message for alert in running.actor.alerts.active()]
        if not changed.success:
            assert "later version" in changed.message, changed.message
            return found, told, True
        assert changed.durable
        async with run_actor(build, home, profile=profile, name="config_store") as running:
            assert (await effective(running)).settings["ui"]["theme"] == "light"
    return found, told, False


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_something_else_in_the_place_of_the_settings_is_put_aside_and_told(
    mutation: Mutation, home: Path
) -> None:
    trace = mutation.leave(home / "config" / "config.json")
    found, told, _ = await serve(home)
    assert found["vad"] == {"level": 0.25}, "the policy counts"
    is_read = found["ui"]["theme"] == "dark"
    assert is_read or told or mutation.name == "a link to a name that is free"
    assert is_read or trace.is_kept(home)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_something_else_in_the_place_of_the_policy_costs_the_policy(
    mutation: Mutation, home: Path
) -> None:
    trace = mutation.leave(home / "config" / "policy.json")
    found, told, _ = await serve(home)
    assert found["ui"]["theme"] == "dark"
    assert trace.is_kept(home), "the file of somebody else stays where it is"
    assert told or found["vad"]["level"] == 0.25 or "link" in mutation.name


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_something_else_appears_in_the_place_of_the_settings_while_the_store_runs(
    mutation: Mutation, home: Path
) -> None:
    path, profile = home / "config" / "config.json", home.parent / "profile"
    with bounded_memory():
        async with run_actor(build, home, profile=profile, name="config_store") as running:
            trace = mutation.leave(path)
            changed = await set_theme(running, "light")
            assert changed.success
            assert changed.durable or "later version" in str(running.actor.alerts.active())
            assert (await effective(running)).settings["ui"]["theme"] == "light"
        assert trace.is_kept(home) or mutation.name in ("all but the last byte", "a byte order mark")


async def test_names_that_the_store_needs_for_a_moment_may_be_taken(home: Path) -> None:
    config = home / "config"
    for number, mutation in enumerate(DIRECTORY_MUTATIONS):
        leave(config / "config.json", json.dumps({**STORED, "settings_version": 1}).encode())
        mutation.leave(config / "config.json.tmp")
        for name in ("config.json.v1.bak", "config.json.v1.bak.2", f"config.json.v1.bak.{number + 3}"):
            mutation.leave(config / name)
        (config / "config.json.corrupt").mkdir(exist_ok=True)
        found, _, _ = await serve(home)
        assert found["ui"]["theme"] == "dark", mutation.name


@pytest.mark.parametrize("mutation", DIRECTORY_MUTATIONS, ids=lambda one: one.name)
async def test_a_file_in_the_place_of_the_directory_is_put_aside(mutation: Mutation, home: Path) -> None:
    trace = mutation.leave(home / "config")
    await serve(home)
    assert trace.is_kept(home)


@pytest.mark.parametrize("name", ["config.json", "policy.json"])
async def test_no_value_in_a_file_keeps_the_store_from_starting(name: str, home: Path) -> None:
    """A value at a time; a change of settings is made where it costs no time, by the tests above."""
    path, profile = home / "config" / name, home.parent / "profile"
    for number, (words, content) in enumerate(strange_documents(path.read_bytes())):
        if number % 4:
            continue
        trace = leave(path, content)
        async with run_actor(build, home, profile=profile, name="config_store") as running:
            found = (await effective(running)).settings
        assert found["ui"]["theme"] or words.startswith("overrides.ui.theme"), words
        assert trace.is_kept(home), words


@pytest.mark.slow
@pytest.mark.parametrize("name", ["config.json", "policy.json"])
async def test_a_value_in_a_file_costs_at_most_itself(name: str, home: Path) -> None:
    path = home / "config" / name
    whole = {one: (home / "config" / one).read_bytes() for one in ("config.json", "policy.json")}
    for number, (words, content) in enumerate(strange_documents(whole[name])):
        if number % 5:
            continue
        for other, kept in whole.items():
            leave(home / "config" / other, kept)
        trace = leave(path, content)
        found, told, is_later = await serve(home)
        is_used = words.startswith(("overrides", "note", "a field"))
        assert is_later or is_used or trace.is_kept(home), words
        assert told or found["ui"]["theme"] == "dark" or is_used, words
