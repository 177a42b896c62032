"""A home has one supervisor, and the second one is told who is first."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.host.home.home_lock import AlreadyRunning, take_home
from actors.shared.durable.directory_lock import HOLDER_NAME, LOCK_NAME, holder_of
from tests.support.strange_files import FILE_MUTATIONS, Mutation, bounded_memory

MUTATIONS = [one for one in FILE_MUTATIONS if one.name != "unreadable" or os.geteuid()]
HOLD = """
import pathlib, sys
from actors.runtime.supervisor.host.home.home_lock import take_home
lock = take_home(pathlib.Path(sys.argv[1]), "x")
print("held", flush=True)
input()
"""


def test_a_second_taker_is_told_the_process_of_the_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning) as caught:
            take_home(tmp_path, "x")
        assert f"process {first.pid}" in str(caught.value)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        first.kill()


def test_the_lock_of_a_killed_holder_is_free(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()
    with take_home(tmp_path, "x") as lock:
        assert lock.acquire().pid == os.getpid()


def test_one_that_is_no_supervisor_is_named_as_what_it_is(tmp_path: Path) -> None:
    with (
        take_home(tmp_path, "the doctor of x", is_supervisor=False),
        pytest.raises(AlreadyRunning, match="in use by the doctor of x") as caught,
    ):
        take_home(tmp_path, "x")
    assert "runtime is already up" not in str(caught.value)


@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("name", [LOCK_NAME, HOLDER_NAME])
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_whatever_lies_in_the_place_of_lock_or_note_the_home_is_taken_and_kept(
    mutation: Mutation, name: str, tmp_path: Path
) -> None:
    with take_home(tmp_path, "x"):
        pass
    trace = mutation.leave(tmp_path / name)
    with bounded_memory():
        with take_home(tmp_path, "x") as lock:
            assert (found := holder_of(tmp_path)) is not None
            assert found.pid == os.getpid()
            with pytest.raises(AlreadyRunning):
                take_home(tmp_path, "x")
            if name == LOCK_NAME:
                mutation.leave(tmp_path / name)
                assert lock.restore()
                with pytest.raises(AlreadyRunning):
                    take_home(tmp_path, "x")
        with take_home(tmp_path, "x"):
            pass
    assert mutation.is_content or mutation.name == "huge and sparse" or trace.is_kept(tmp_path)
