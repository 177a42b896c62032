"""The limit of descriptors is raised, and connections of others are known and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from bus.transport.sockets.descriptors import (
    DESCRIPTOR_LIMIT,
    DescriptorsShort,
    arrived_bytes,
    check_descriptors,
    end_connection,
    process_of,
    raise_descriptor_limit,
    set_port_gate,
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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")
def test_what_has_arrived_is_added_up_or_counted_by_tcp() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.send(bytes(100))
        assert arrived_bytes(here.fileno(), 50) == 150
        here.recv(100)
        assert arrived_bytes(here.fileno(), 50) == 50
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        near = listener.accept()[0]
    with near, far:
        far.send(bytes(100))
        near.recv(100, socket.MSG_WAITALL)
        assert arrived_bytes(near.fileno(), 0) == 100
    assert arrived_bytes(1_000_000, 7) == 7


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
def test_a_port_can_be_closed_and_opened_by_its_descriptor_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as late:
        assert set_port_gate(listener.fileno(), is_open=False)
        late.settimeout(0.02)
        with pytest.raises(TimeoutError):
            late.connect(listener.getsockname())
        assert set_port_gate(listener.fileno(), is_open=True)
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()
    assert not set_port_gate(1_000_000, is_open=True)
    with open(os.devnull) as file:
        assert not set_port_gate(file.fileno(), is_open=True)


FEW = """
import resource, sys
from bus.transport.sockets.descriptors import DescriptorsShort, check_descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
check_descriptors(10)
try:
    check_descriptors(30)
except DescriptorsShort as error:
    print(error, len(__import__("os").listdir("/dev/fd")))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_few_descriptors_are_noticed_before_libzmq_ends_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", FEW], capture_output=True, text=True, check=True)
    words, _, open_ones = ended.stdout.strip().rpartition(" ")
    assert words == "this process may not open the 30 files that a connection needs; run: ulimit -n 1024"
    assert int(open_ones) < 10, "what was tried is closed"
    check_descriptors()
    with pytest.raises(DescriptorsShort):
        check_descriptors(10_000_000)
