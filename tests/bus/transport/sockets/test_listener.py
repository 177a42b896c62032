"""Endpoints are closed to strangers, and bound anew when their files are lost."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from bus.errors import UnsafeEndpoint, UnsafePlace
from bus.transport.sockets import listener as module
from bus.transport.sockets.listener import FORMER_LISTENERS_LIMIT, Listener, prepare_endpoint
from tests.support.broker_processes import GUARD_SECONDS
from tests.support.other_user import STRANGER, needs_other_user


def test_a_stale_socket_makes_room_and_the_directory_is_closed_to_others(tmp_path: Path) -> None:
    directory = tmp_path / "new"
    prepare_endpoint(f"ipc://{directory}/lane", has_keys=False)
    (directory / "lane").write_bytes(b"")
    prepare_endpoint(f"ipc://{directory}/lane", has_keys=False)
    assert not (directory / "lane").exists()
    assert os.name == "nt" or stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:*", "tcp://[::1]:5000", "tcp://localhost:0"])
def test_loopback_with_keys_is_fine_and_without_is_not(endpoint: str) -> None:
    prepare_endpoint(endpoint, has_keys=True)
    with pytest.raises(UnsafeEndpoint):
        prepare_endpoint(endpoint, has_keys=False)


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:*", "tcp://*:5000", "tcp://192.168.1.1:1"])
def test_beyond_the_loopback_nothing_listens(endpoint: str) -> None:
    with pytest.raises(UnsafeEndpoint):
        prepare_endpoint(endpoint, has_keys=True)


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps others out by access lists")
def test_where_others_can_swap_the_directory_nothing_listens(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(UnsafePlace):
        prepare_endpoint(f"ipc://{tmp_path}/open/run/lane", has_keys=False)


class Bound:
    """A socket that listens, and clients that connect."""

    def __init__(self, endpoint: str) -> None:
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.listener = Listener(self.router, endpoint)
        self._clients: list[zmq.Socket[bytes]] = []

    def client(self) -> zmq.Socket[bytes]:
        client = self.context.socket(zmq.DEALER)
        self._clients.append(client)
        client.setsockopt(zmq.RECONNECT_IVL, 10)
        client.connect(self.listener.endpoint)
        return client

    def hears(self, client: zmq.Socket[bytes]) -> bytes:
        """The route of a client whose message arrives."""
        client.send(b"here")
        assert self.router.poll(GUARD_SECONDS * 1000)
        route, text = self.router.recv_multipart()
        assert text == b"here"
        return route


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[Bound]:
    (tmp_path / "run").mkdir()
    found = Bound(f"ipc://{tmp_path}/run/lane")
    yield found
    found.context.destroy(linger=0)


needs_unix = pytest.mark.skipif(os.name == "nt", reason="there are no Unix sockets")


def lose(path: Path, loss: str) -> None:
    """What may become of a socket file."""
    if loss == "directory":
        shutil.rmtree(path.parent)
    else:
        path.unlink()
    if loss == "replaced":
        path.write_bytes(b"a file of somebody else")


@needs_unix
@pytest.mark.parametrize("loss", ["file", "directory", "replaced"])
def test_a_lost_socket_file_is_bound_anew_and_who_was_connected_stays(
    bound: Bound, tmp_path: Path, loss: str
) -> None:
    path, former = tmp_path / "run" / "lane", bound.client()
    route = bound.hears(former)
    assert not bound.listener.check_file()
    lose(path, loss)
    assert not bound.listener.check_file()
    assert path.is_socket()
    assert bound.hears(former) == route
    assert bound.hears(bound.client()) != route


@needs_unix
def test_after_too_many_losses_all_have_to_come_back(bound: Bound, tmp_path: Path) -> None:
    client = bound.client()
    bound.hears(client)
    outcomes = []
    for _ in range(FORMER_LISTENERS_LIMIT + 2):
        lose(tmp_path / "run" / "lane", "file")
        outcomes.append(bound.listener.check_file())
    assert outcomes == [False] * FORMER_LISTENERS_LIMIT + [True, False]
    bound.hears(bound.client())


@needs_unix
def test_nobody_else_gets_through_a_closed_gate_and_who_is_inside_stays(bound: Bound, tmp_path: Path) -> None:
    path, inside = str(tmp_path / "run" / "lane"), bound.client()
    route = bound.hears(inside)
    bound.listener.close_gate()
    bound.listener.close_gate()
    assert not bound.listener.is_open
    assert not bound.listener.check_file(), "the file is not lost"
    with socket.socket(socket.AF_UNIX) as connection, pytest.raises(FileNotFoundError):
        connection.connect(path)
    waiting = bound.client()
    assert bound.hears(inside) == route
    bound.listener.open_gate()
    bound.listener.open_gate()
    assert bound.hears(waiting) != route
    assert not bound.listener.check_file()


@needs_unix
def test_a_file_that_is_lost_behind_a_closed_gate_is_bound_anew_when_it_opens(
    bound: Bound, tmp_path: Path
) -> None:
    bound.listener.close_gate()
    shutil.rmtree(tmp_path / "run")
    assert not bound.listener.check_file()
    bound.listener.open_gate()
    assert not bound.listener.check_file()
    bound.hears(bound.client())


@needs_unix
def test_what_cannot_be_bound_now_is_bound_later(bound: Bound, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "run").write_bytes(b"in the way")
    bound.listener.check_file()
    bound.listener.check_file()
    (tmp_path / "run").unlink()
    bound.listener.check_file()
    bound.hears(bound.client())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can close the gate of a port")
@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:*", "tcp://localhost:*", "tcp://127.0.0.1:0"])
def test_nobody_else_gets_through_the_closed_gate_of_a_port(endpoint: str) -> None:
    found = Bound(endpoint)
    inside = found.client()
    route = found.hears(inside)
    found.listener.close_gate()
    found.listener.close_gate()
    assert not found.listener.is_open
    assert not found.listener.check_file()
    waiting = found.client()
    waiting.send(b"outside")
    assert found.hears(inside) == route
    assert not found.router.poll(20)
    found.listener.open_gate()
    found.listener.open_gate()
    assert found.router.poll(GUARD_SECONDS * 1000)
    assert found.router.recv_multipart()[1] == b"outside"
    found.context.destroy(linger=0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has its own way to bind a port")
def test_a_port_that_is_taken_cannot_be_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, zmq.Context() as context:
        router = context.socket(zmq.ROUTER)
        with pytest.raises(OSError, match="in use"):
            Listener(router, f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        router.close(0)


def test_where_the_gate_of_a_port_cannot_be_closed_it_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAN_CLOSE_PORTS", False)
    found = Bound("tcp://127.0.0.1:*")
    found.listener.close_gate()
    assert not found.listener.check_file()
    assert found.listener.is_open
    found.listener.open_gate()
    found.hears(found.client())
    found.context.destroy(linger=0)


@needs_other_user
def test_a_lost_directory_that_another_user_made_anew_is_not_bound_in(bound: Bound, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "run").mkdir(mode=0o777)
    os.chown(tmp_path / "run", STRANGER, STRANGER)
    bound.listener.check_file()
    assert list((tmp_path / "run").iterdir()) == []
    (tmp_path / "run").rmdir()
    bound.listener.check_file()
    bound.hears(bound.client())
