"""Crash records in words: what happened, how often, and what to do about that kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

from actors.cli.doctor.checks.crash_check import RECENT_SECONDS, WORDS, check, look
from actors.cli.doctor.problems import ExaminedHome
from actors.shared.crash_files import (
    acknowledge_crashes,
    crash_directory,
    crash_file_name,
    keep_crash,
)
from schemas.operations.crashes import CrashKind, CrashRecord


def _crash(at: float, kind: CrashKind = "exception", actor: str = "store") -> CrashRecord:
    return CrashRecord(actor=actor, at=at, kind=kind, reason="exit code 1", last_words="ValueError: CANARY")


def test_crashes_are_told_once_for_each_actor_and_kind_without_their_words(home: ExaminedHome) -> None:
    keep_crash(home.locations.state, _crash(home.now - 60))
    name = keep_crash(home.locations.state, _crash(home.now - 30))
    keep_crash(home.locations.state, _crash(home.now - RECENT_SECONDS - 1, "out_of_memory", "asr"))
    old, recent = check(look(home))
    assert (recent.severity, recent.where) == ("warning", str(crash_directory(home.locations.state) / name))
    assert "store ended with an exception 2 times" in recent.what
    assert (old.severity, "because memory ran out" in old.what) == ("info", True)
    assert "smaller model" in old.advice
    assert "CANARY" not in str([old, recent])


def test_a_crash_that_a_person_knows_of_is_no_warning_and_the_next_one_is(home: ExaminedHome) -> None:
    state = home.locations.state
    keep_crash(state, _crash(home.now - 60))
    (before,) = check(look(home))
    assert "undercroft doctor --acknowledge" in before.advice
    acknowledge_crashes(state, home.now)
    (known,) = check(look(home))
    assert (known.severity, "as is known" in known.what) == ("info", True)
    keep_crash(state, _crash(home.now - 30))
    (after,) = check(look(home))
    assert (after.severity, "times" in after.what) == ("warning", False)


def test_every_kind_has_its_words() -> None:
    assert set(WORDS) == set(get_args(CrashKind))


def test_records_that_cannot_be_read_are_told(home: ExaminedHome, put: Callable[..., Path]) -> None:
    put(crash_directory(home.locations.state) / crash_file_name("a", 1.0), "{")
    (problem,) = check(look(home))
    assert problem.severity == "info"
