"""The last steps of a forked process, each in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("forks", allow_module_level=True)

from actors.runtime.supervisor.processes.fork_letters import ForkLetter
from actors.runtime.supervisor.processes.forked_child import TRY_AGAIN, become_child, never_return


def _in_a_fork(work: Callable[[], Any]) -> int:
    pid = os.fork()
    if pid == 0:
        never_return(work)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _leave(what: object) -> None:
    raise SystemExit(what)


@pytest.mark.parametrize(("what", "code"), [(None, 0), (3, 3), ("words", 1)])
def test_a_forked_process_leaves_as_the_interpreter_would(what: object, code: int) -> None:
    assert _in_a_fork(lambda: _leave(what)) == code
    assert _in_a_fork(lambda: None) == 0


def test_an_error_is_exit_code_1() -> None:
    assert _in_a_fork(lambda: 1 / 0) == 1


@pytest.mark.parametrize(
    ("command", "words"), [("true", ""), ("no-such-program-xyz", "no-such-program-xyz: cannot be run")]
)
def test_a_command_reports_only_why_it_cannot_run(command: str, words: str) -> None:
    report, report_end = os.pipe()
    log, log_end = os.pipe()
    server_pid = os.getpid()
    letter = ForkLetter(ticket=1, name="a", command=[command], environment={})
    stdin = os.open(os.devnull, os.O_RDONLY)
    code = _in_a_fork(lambda: become_child(letter, [stdin, log_end], report_end, server_pid))
    for fd in (report_end, log_end, stdin):
        os.close(fd)
    said = os.read(report, 4096).decode()
    assert said.startswith(words)
    assert bool(said) == bool(words)
    assert not said.startswith(TRY_AGAIN)
    assert code == (127 if words else 0)
    assert os.read(log, 100) == b""
    os.close(report)
    os.close(log)
