"""A runtime is ended through the process that holds the home."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.cli.exit_codes import DeadlinePassed
from actors.cli.options import Target
from actors.cli.runtime.runtime_end import end_holder, end_runtime
from actors.runtime.supervisor.host.home.home_holder import HolderUnseen
from actors.runtime.supervisor.host.home.home_lock import take_home
from bus.errors import NotRunning

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

HOLD = """
import pathlib, signal, sys
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
from actors.runtime.supervisor.host.home.home_lock import take_home
lock = take_home(pathlib.Path(sys.argv[1]), "x")
print("held", flush=True)
input()
"""
Hold = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(home=str(tmp_path))


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    started: list[subprocess.Popen[bytes]] = []

    def run(how: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "state"), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_without_a_bus_a_signal_ends_it(target: Target, hold: Hold) -> None:
    process = hold("willing")
    assert end_runtime(target, 20.0) == process.pid
    assert process.wait(20) != 0


def test_without_a_runtime_there_is_nothing_to_end(target: Target) -> None:
    with pytest.raises(NotRunning):
        end_runtime(target, 1.0)
    assert end_holder(target, 1.0) is None


def test_to_be_replaced_it_is_ended_by_a_signal_alone(target: Target, hold: Hold) -> None:
    process = hold("willing")
    assert end_holder(target, 20.0) == process.pid
    assert end_holder(target, 20.0) is None


@pytest.mark.parametrize("end", [end_runtime, end_holder])
def test_one_that_does_not_end_is_told(target: Target, hold: Hold, end: Callable[..., object]) -> None:
    process = hold("deaf")
    with pytest.raises(DeadlinePassed, match=f"process {process.pid} is still there"):
        end(target, 0.1)


def test_a_command_that_has_the_lock_for_a_moment_gets_no_signal(target: Target, tmp_path: Path) -> None:
    with take_home(tmp_path / "state", "the doctor", is_supervisor=False), pytest.raises(HolderUnseen):
        end_holder(target, 1.0)
