"""Whatever lies in a home, the doctor examines it and a report is made: neither hangs or fails."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from actors.cli.commands.inspection.diagnostics import make
from actors.cli.commands.inspection.doctor import examine_all, home_of
from actors.cli.options import Target
from actors.history.engine import AppendEntry
from schemas.operations.crashes import CrashRecord
from tests.support.history_lab import engine_of, entry
from tests.support.strange_files import (
    DIRECTORY_MUTATIONS,
    FILE_MUTATIONS,
    bounded_memory,
    copy_of,
    directories_below,
    files_below,
    strange_documents,
    write,
)
from tests.support.unsynced import unsynced

RUNTIME = {
    "app": "dictation",
    "pid": 2**22 + 5,
    "started_at": 1.0,
    "lane": "ipc:///nowhere/lane",
    "feed": "ipc:///nowhere/feed",
    "token": "t" * 32,
}
READ = ("runtime.json", "config.json", "locations.json", "20260101T000000.000000Z-history.json")


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'chain'}")
    with unsynced():
        yield


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A home with something of everything, as a killed runtime leaves it."""
    home = tmp_path / "whole"
    files = {
        "config/config.json": json.dumps({"format": 1, "overrides": {"ui": {"toast": True}}}),
        "config/locations.json": json.dumps({"format": 1, "choices": {}}),
        "state/runtime.json": json.dumps(RUNTIME),
        "logs/undercroft.jsonl": '{"at":1.0,"text":"started"}\n',
        "state/model_verifier/verified.json": "{}",
        "models/m/.undercroft.json": "{}",
        "state/crashes/20260101T000000.000000Z-history.json": msgspec.json.encode(
            CrashRecord(actor="history", at=1_767_225_600.0, kind="signal", reason="it was killed")
        ).decode(),
    }
    for name, content in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / name).write_text(content)
    engine = engine_of(home / "state", encrypts=False)
    engine.commit([AppendEntry(entry(1))])
    engine.close()
    return home


def look_at(home: Path) -> None:
    """Neither command fails, and what they say is words."""
    target = Target(app="dictation", home=str(home))
    with bounded_memory():
        problems = examine_all(target, home_of(target))
        report = make(target)
    assert report.files
    said = [f"{one.what} {one.found} {one.advice}" for one in problems] + [
        one.reason for one in report.missing
    ]
    assert [
        words for words in said if "Errno" in words or "Traceback" in words or "this check failed" in words
    ] == []


def each(whole: Path, tmp_path: Path, keep: Callable[[Path, str], bool]) -> None:
    cases = [
        *((path, one) for path in files_below(whole) for one in FILE_MUTATIONS),
        *((path, one) for path in directories_below(whole) for one in DIRECTORY_MUTATIONS),
    ]
    for number, (path, mutation) in enumerate(cases):
        if not keep(path, mutation.name) or (mutation.name == "unreadable" and os.geteuid() == 0):
            continue
        home = copy_of(whole, tmp_path / str(number))
        mutation.leave(home / path.relative_to(whole))
        try:
            look_at(home)
        except BaseException as error:
            error.add_note(f"{mutation.name} in the place of {path.relative_to(whole)}")
            raise


@pytest.mark.requirement("S0-4")
def test_a_pipe_or_a_directory_in_the_place_of_what_both_read(whole: Path, tmp_path: Path) -> None:
    each(whole, tmp_path, lambda path, name: path.name in READ and name in ("a fifo", "deep lists"))


@pytest.mark.slow
@pytest.mark.requirement("S0-4")
def test_anything_in_the_place_of_a_file_or_directory(whole: Path, tmp_path: Path) -> None:
    each(whole, tmp_path, lambda path, name: (len(path.name) + len(name)) % 8 == 0)  # all take minutes


@pytest.mark.slow
@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("name", READ)
def test_any_value_in_any_field(whole: Path, tmp_path: Path, name: str) -> None:
    path = next(one for one in files_below(whole) if one.name == name)
    for number, (what, content) in enumerate(strange_documents(path.read_bytes())):
        if number % 25:
            continue
        home = copy_of(whole, tmp_path / str(number))
        write(home / path.relative_to(whole), content)
        try:
            look_at(home)
        except BaseException as error:
            error.add_note(f"{what} in {name}")
            raise
