"""The fork server by its letters alone."""

from __future__ import annotations

import array
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("forks", allow_module_level=True)

import msgspec

from actors.runtime.frozen_program import interpreter_command
from actors.runtime.supervisor.processes.fork_letters import (
    ExitedLetter,
    FailedLetter,
    ForkedLetter,
    ForkLetter,
    FromServer,
    KilledLetter,
    SignalLetter,
    StartedLetter,
    letter_socket_pair,
)

LIMIT_SECONDS = 30.0


class Server:
    def __init__(self) -> None:
        self.letters, theirs = letter_socket_pair()
        command = interpreter_command(
            "actors.runtime.supervisor.processes.fork_server", str(theirs.fileno()), "no.such.module"
        )
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
        theirs.close()

    def post(self, letter: ForkLetter | SignalLetter, *descriptors: int) -> None:
        rights = (
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        )
        self.letters.sendmsg([msgspec.json.encode(letter)], rights)

    def next(self) -> Any:
        assert select.select([self.letters], [], [], LIMIT_SECONDS)[0]
        return msgspec.json.decode(self.letters.recv(65536), type=FromServer)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.letters.close()
    assert found.process.wait(LIMIT_SECONDS) == 0
    assert found.process.stderr is not None
    assert b"no.such.module cannot be preloaded" in found.process.stderr.read()
    found.process.stderr.close()


def _order(server: Server, *command: str, mark: str = "m.1", directory: str = "/") -> tuple[int, int]:
    stdin, ours = os.pipe()
    log, theirs = os.pipe()
    server.post(
        ForkLetter(
            ticket=1,
            name="a",
            command=list(command),
            environment={"X": "y", "UNDERCROFT_CHILD": mark},
            directory=directory,
            mark=mark,
        ),
        stdin,
        theirs,
    )
    os.close(stdin)
    os.close(theirs)
    return ours, log


def _fork(server: Server, *command: str, mark: str = "m.1") -> tuple[int, int, int]:
    ours, log = _order(server, *command, mark=mark)
    forked = server.next()
    assert isinstance(forked, ForkedLetter)
    assert server.next() == StartedLetter(ticket=1, pid=forked.pid)
    return forked.pid, ours, log


def test_a_command_is_forked_heard_and_its_end_is_told(server: Server) -> None:
    pid, stdin, log = _fork(server, "sh", "-c", "echo $X $PWD; read line; exit 3")
    assert os.read(log, 100) == b"y /\n"
    os.close(stdin)
    ended = server.next()
    assert (ended.pid, ended.returncode) == (pid, 3)
    os.close(log)


def test_a_kill_takes_the_whole_group(server: Server) -> None:
    pid, stdin, log = _fork(server, "sh", "-c", "sleep 1000 & echo there; wait")
    assert os.read(log, 100) == b"there\n"
    server.post(SignalLetter(pid=pid, number=9))
    assert server.next() == KilledLetter(pid=pid)
    assert server.next().returncode == -9
    assert os.read(log, 100) == b""  # the grandchild had it open, too
    os.close(stdin)
    os.close(log)


def test_when_the_supervisor_is_gone_so_are_the_server_and_its_children(server: Server) -> None:
    _, stdin, log = _fork(server, "sh", "-c", "echo there; sleep 1000")
    assert os.read(log, 100) == b"there\n"
    server.letters.close()
    assert os.read(log, 100) == b""
    os.close(stdin)
    os.close(log)


@pytest.mark.parametrize(
    ("program", "directory", "words"),
    [
        ("no-such-program-xyz", "/", "no-such-program-xyz: cannot be run: No such file or directory"),
        ("/", "/", "/: cannot be run: Permission denied"),
        ("true", "/no/such/directory", "/no/such/directory: cannot be entered: No such file"),
    ],
)
def test_a_program_that_cannot_run_fails_and_never_counts_as_started(
    server: Server, program: str, directory: str, words: str
) -> None:
    stdin, log = _order(server, program, directory=directory)
    assert isinstance(server.next(), ForkedLetter)
    failed = server.next()
    assert isinstance(failed, FailedLetter)
    assert failed.cannot_run
    assert words in failed.reason
    os.close(stdin)
    pid, stdin, next_log = _fork(server, "true", mark="m.2")  # no end of the former one comes between
    assert server.next() == ExitedLetter(pid=pid, returncode=0)
    for fd in (log, stdin, next_log):
        os.close(fd)


def test_a_program_whose_interpreter_is_missing_says_so(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o700)
    stdin, log = _order(server, str(script))
    assert isinstance(server.next(), ForkedLetter)
    assert "the interpreter that its first line names is not there" in server.next().reason
    os.close(stdin)
    os.close(log)


DAEMON = "setsid sh -c 'setsid sleep 1000 & echo $!' & wait; echo done; read line"
"""It forks twice, and is in a session of its own: its parent is gone, and so is every other link."""


@pytest.mark.parametrize("daemon", [DAEMON, "env -i setsid sleep 1000 & echo $!; echo done; read line"])
def test_descendants_in_sessions_of_their_own_end_with_their_child(server: Server, daemon: str) -> None:
    other, other_stdin, other_log = _fork(server, "sh", "-c", DAEMON, mark="m.2")
    others = _daemon_of(other_log)
    pid, stdin, log = _fork(server, "sh", "-c", daemon)
    descendant = _daemon_of(log)
    os.close(stdin)
    assert server.next().pid == pid
    assert _ends(descendant)
    assert not _ends(others, 0.0)
    server.post(SignalLetter(pid=other, number=9))
    assert server.next() == KilledLetter(pid=other)
    assert server.next().pid == other
    assert _ends(others)
    for fd in (other_stdin, log, other_log):
        os.close(fd)


def test_descendants_in_sessions_of_their_own_end_with_the_supervisor(server: Server) -> None:
    _, stdin, log = _fork(server, "sh", "-c", DAEMON)
    descendant = _daemon_of(log)
    server.letters.close()
    assert _ends(descendant)
    os.close(stdin)
    os.close(log)


def _daemon_of(log: int) -> int:
    said = b""
    while not said.endswith(b"done\n"):
        said += os.read(log, 100)
    return os.pidfd_open(int(said.split()[0]))


def _ends(pidfd: int, seconds: float = LIMIT_SECONDS) -> bool:
    return bool(select.select([pidfd], [], [], seconds)[0])
