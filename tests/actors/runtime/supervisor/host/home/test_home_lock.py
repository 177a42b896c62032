"""A home has one supervisor, and the second one is told who is first."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.host.home.home_lock import AlreadyRunning, take_home

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
