"""The fork server by its letters alone."""

from __future__ import annotations

import array
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("forks", allow_module_level=True)

import msgspec

from actors.runtime.supervisor.processes.fork_server import (
    FailedLetter,
    ForkLetter,
    FromServer,
    SignalLetter,
    StartedLetter,
    letter_socket_pair,
)
from actors.runtime.supervisor.processes.spawner import interpreter_command

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


def _fork(server: Server, *command: str) -> tuple[int, int, int]:
    stdin, ours = os.pipe()
    log, theirs = os.pipe()
    server.post(
        ForkLetter(ticket=1, name="a", command=list(command), environment={"X": "y"}, directory="/"),
        stdin,
        theirs,
    )
    os.close(stdin)
    os.close(theirs)
    started = server.next()
    assert isinstance(started, StartedLetter), started if isinstance(started, FailedLetter) else ""
    return started.pid, ours, log


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
