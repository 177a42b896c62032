"""Locks that are held, notes that are stale, and a runtime.json that leads nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from actors.cli.doctor.checks.lock_check import (
    DirectoryLockFacts,
    LockFacts,
    RuntimeJsonFacts,
    check,
    is_held,
    look,
)
from actors.cli.doctor.problems import ExaminedHome, RemoveFile
from actors.shared.durable.directory_lock import HOLDER_NAME, DirectoryLock, LockHolder
from bus.discovery import Runtime


@pytest.fixture
def gone() -> int:
    """Id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def _runtime(pid: int) -> bytes:
    return msgspec.json.encode(
        Runtime(
            app="undercroft", pid=pid, started_at=1.0, lane="ipc://l", feed="ipc://f", token="TOKEN-CANARY"
        )
    )


def test_nothing_is_held_and_nothing_left_in_a_fresh_home(home: ExaminedHome) -> None:
    assert check(look(home)) == []


def test_a_runtime_that_is_up_is_no_problem(home: ExaminedHome, put: Callable[..., Path]) -> None:
    with DirectoryLock(home.locations.state, "the supervisor"):
        put(home.runtime_path, _runtime(os.getpid()))
        assert is_held(home.locations.state)
        assert check(look(home)) == []
    assert not is_held(home.locations.state)


def test_the_runtime_file_of_a_runtime_that_is_gone_can_be_removed_and_its_token_is_not_told(
    home: ExaminedHome, put: Callable[..., Path], gone: int
) -> None:
    put(home.runtime_path, _runtime(gone))
    (problem,) = check(look(home))
    assert (problem.severity, problem.found) == ("warning", f"process {gone}")
    assert problem.repairs == (RemoveFile(path=str(home.runtime_path)),)
    assert b"TOKEN-CANARY" not in msgspec.json.encode(problem)


def test_the_runtime_file_of_a_process_that_lives_is_not_removed(
    home: ExaminedHome, put: Callable[..., Path]
) -> None:
    put(home.runtime_path, _runtime(os.getpid()))
    (problem,) = check(look(home))
    assert not problem.is_fixable


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b" " * 200_000])
def test_a_runtime_file_that_cannot_be_read_can_be_removed(
    home: ExaminedHome, put: Callable[..., Path], content: bytes
) -> None:
    put(home.runtime_path, content)
    (problem,) = check(look(home))
    assert problem.is_fixable


def test_a_note_without_a_lock_is_stale(home: ExaminedHome, put: Callable[..., Path], gone: int) -> None:
    note = put(
        home.locations.models / HOLDER_NAME,
        msgspec.json.encode(LockHolder(pid=gone, name="downloader", since=1.0)),
    )
    (problem,) = check(look(home))
    assert problem.severity == "info"
    assert "downloader" in problem.what
    assert problem.repairs == (RemoveFile(path=str(note)),)


def test_models_that_another_app_owns_are_told_with_its_name(home: ExaminedHome) -> None:
    with DirectoryLock(home.locations.models, "the downloader of another app"):
        (problem,) = check(look(home))
    assert (problem.severity, problem.found) == ("info", f"process {os.getpid()}")
    assert "the downloader of another app" in problem.what


HELD = DirectoryLockFacts("/h/state", True, 7, "the supervisor", is_holder_alive=True)
RUNTIME = RuntimeJsonFacts("/h/state/runtime.json", exists=True, pid=7, is_alive=True)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            LockFacts((replace(HELD, is_holder_alive=False),), RUNTIME),
            "the process that says it owns it has ended",
        ),
        (LockFacts((replace(HELD, is_held=None),), replace(RUNTIME, exists=False)), "cannot be tested"),
        (LockFacts((HELD,), replace(RUNTIME, exists=False)), "there is no runtime.json"),
        (LockFacts((HELD,), replace(RUNTIME, pid=None, fault="its mode is 0644")), "cannot be used"),
        (LockFacts((HELD,), replace(RUNTIME, pid=8)), "another process"),
    ],
)
def test_what_does_not_fit_together_is_told_and_left_to_a_person(facts: LockFacts, words: str) -> None:
    problem = check(facts)[0]
    assert words in problem.what
    assert not problem.is_fixable
