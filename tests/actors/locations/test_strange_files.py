"""Whatever lies in the place of the choices of a person, the registry serves, and overwrites none of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from actors.locations import build
from actors.shared.locations.location_choices import read_choices, resolve
from actors.shared.locations.locations import locate
from actors.shared.sdk.running_actor import RunningActor, run_actor
from schemas.paths import PathChooseRequestEvent, PathsListRequestEvent
from tests.support.profiles import write_profile
from tests.support.strange_files import FILE_MUTATIONS, Mutation, bounded_memory, strange_documents, write

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MUTATIONS = [one for one in FILE_MUTATIONS if one.name != "unreadable" or os.geteuid()]
LONG = "/" + "x" * 5000
STRANGE_PLACES = (LONG, "/" + "y" * 300, "/dev/null/below", "~", "~nobody/x", "/\ud7ff", "//", "/..")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with choices; its profile lies beside it."""
    write_profile(tmp_path / "profile")
    (tmp_path / "home" / "config").mkdir(parents=True)
    (tmp_path / "logs").mkdir()
    choices = {
        "format": 1,
        "root": "",
        "paths": {"logs": str(tmp_path / "logs"), "models": "/dev/null/models"},
        "mounts": {"logs": "/"},
    }
    write(tmp_path / "home" / "config" / "locations.json", json.dumps(choices).encode())
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, lambda _: None)  # no power fails here, and a disk takes its time


async def places(running: RunningActor[Any]) -> dict[str, str]:
    listed = await running.request(PathsListRequestEvent())
    return {status.category: status.next_path or status.path for status in listed.paths}


async def serve(home: Path) -> list[str]:
    """Run the registry twice; what it told. Asserts that a choice counts after another start."""
    chosen = home.parent / "chosen"
    chosen.mkdir(exist_ok=True)
    with bounded_memory():
        async with run_actor(build, home, profile=home.parent / "profile", name="locations") as running:
            await places(running)
            told = [alert.message for alert in running.actor.alerts.active()]
            answer = await running.request(PathChooseRequestEvent(category="tools", path=str(chosen)))
            assert answer.accepted, answer.problems
        async with run_actor(build, home, profile=home.parent / "profile", name="locations") as running:
            assert (await places(running))["tools"] == str(chosen)
    return told


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_something_else_in_the_place_of_the_choices_is_told_and_kept(
    mutation: Mutation, home: Path
) -> None:
    path = home / "config" / "locations.json"
    trace = mutation.leave(path)
    told = await serve(home)
    if mutation.name not in (
        "all but the last byte",
        "an empty object",
        "not UTF-8",
    ):  # no field is wrong there
        assert any(str(path) in words for words in told)
        assert trace.is_kept(home)


async def test_every_value_among_the_choices_costs_at_most_itself(home: Path) -> None:
    path = home / "config" / "locations.json"
    for number, (words, content) in enumerate(strange_documents(path.read_bytes())):
        trace = write(path, content)
        found = read_choices(path.parent)
        resolve(locate("probe", home), found.choices, {})  # what the supervisor does before anything starts
        if number % 6 == 0:
            await serve(home)
            assert trace.is_kept(home) or not found.fault, words


@pytest.mark.parametrize("place", STRANGE_PLACES, ids=lambda one: one[:20])
async def test_a_chosen_place_that_the_system_does_not_take_is_a_problem_and_no_end(
    place: str, home: Path
) -> None:
    path = home / "config" / "locations.json"
    write(path, json.dumps({"format": 1, "paths": {"models": place}}).encode())
    if os.path.realpath(place) != "/":  # everything lies within that, so nothing else can be chosen
        await serve(home)
    write(path, json.dumps({"format": 1, "root": place}).encode())
    async with run_actor(build, home, profile=home.parent / "profile", name="locations") as running:
        await places(running)
        for category in ("root", "models", "workspace"):
            await running.request(PathChooseRequestEvent(category=category, path=place[:4000], dry_run=True))
