"""The limit of descriptors is raised, and connections of others are known and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from bus.transport.sockets.descriptors import (
    DESCRIPTOR_LIMIT,
    end_connection,
    process_of,
    raise_descriptor_limit,
    unread_bytes,
)

RAISED = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])));"
    "from bus.transport.sockets.descriptors import raise_descriptor_limit as found;"
    "print(found(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
@pytest.mark.parametrize(("soft", "hard"), [(64, 256), (256, 256), (100, 1000)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int, hard: int) -> None:
    command = [sys.executable, "-c", RAISED, str(soft), str(hard)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [str(hard), str(hard)]


def test_no_more_than_enough_are_asked_for() -> None:
    assert raise_descriptor_limit() <= DESCRIPTOR_LIMIT


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")
def test_the_process_at_the_other_end_is_known_for_unix_sockets_alone() -> None:
    here, there = socket.socketpair()
    with here, there, socket.socket() as other, open(os.devnull) as file:
        assert process_of(here.fileno()) == os.getpid()
        assert process_of(other.fileno()) is None
        assert process_of(file.fileno()) is None
        here.send(b"it still works")
    assert process_of(1_000_000) is None


@pytest.mark.skipif(os.name == "nt", reason="there are no Unix sockets")
def test_a_connection_ends_for_both_and_stays_open_for_its_owner() -> None:
    here, there = socket.socketpair()
    with here, there, open(os.devnull) as file:
        end_connection(here.fileno())
        assert there.recv(10) == here.recv(10) == b""
        end_connection(here.fileno())
        end_connection(file.fileno())
        assert file.read() == ""
    end_connection(1_000_000)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")
def test_what_the_other_end_has_not_read_is_known() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert unread_bytes(here.fileno()) == 0
        here.send(bytes(1000))
        assert unread_bytes(here.fileno()) >= 1000
        there.recv(1000)
        assert unread_bytes(here.fileno()) == 0
    assert unread_bytes(1_000_000) == 0
