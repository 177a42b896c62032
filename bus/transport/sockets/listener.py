"""One endpoint of the broker: it lets nobody in while there is no room, and notices a lost socket file."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from socket import AF_INET, AF_INET6, create_server
from typing import Final, cast

import zmq

from bus.errors import UnsafeEndpoint, UnsafePlace
from bus.own_places import check_endpoints
from bus.transport.sockets.descriptors import set_port_gate

LOOPBACK: Final = ("127.0.0.1", "[::1]", "localhost")
IPC: Final = "ipc://"
TCP: Final = "tcp://"
CAN_CLOSE_PORTS: Final = sys.platform == "linux"

FORMER_LISTENERS_LIMIT: Final = 16
"""Listeners without a file that are kept for the sake of their connections. Each costs a descriptor."""


class Listener:
    """Binds a socket to an endpoint, and has a gate before it.

    To unbind would end all connections. So a closed gate hides the socket file, or has the kernel drop what
    asks for a connection to the port: nobody else can connect, and who is connected stays. A socket file that
    is lost is bound once more, beside the former listener.

    Attributes:
        endpoint: where it listens, with the port that the system chose.
        is_open: whether the gate is open. That of a TCP port always is, except on Linux.

    Raises:
        OSError: the endpoint cannot be bound.
    """

    def __init__(self, socket: zmq.Socket[bytes], endpoint: str) -> None:
        self._socket = socket
        self._port = -1
        if endpoint.startswith(TCP) and CAN_CLOSE_PORTS:
            self._bind_port(endpoint)
        else:
            self._socket.bind(endpoint)
        self.endpoint = cast(bytes, socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()
        self.is_open = True
        self._path = Path(self.endpoint.removeprefix(IPC)) if self.endpoint.startswith(IPC) else None
        self._file = self._found_file()
        self._former_listeners = 0

    def _bind_port(self, endpoint: str) -> None:
        """Bind to a port through a descriptor that is known here."""
        host, _, number = endpoint.removeprefix(TCP).rpartition(":")
        family = AF_INET6 if host.startswith("[") else AF_INET
        address = (host.strip("[]"), 0 if number == "*" else int(number))
        backlog = cast(int, self._socket.getsockopt(zmq.BACKLOG))
        with create_server(address, family=family, backlog=backlog) as port:
            self._socket.setsockopt(zmq.USE_FD, port.fileno())
            self._socket.bind(f"{TCP}{host}:{port.getsockname()[1]}")
            self._socket.setsockopt(zmq.USE_FD, -1)
            self._port = port.detach()  # it is that of ZeroMQ now

    def close_gate(self) -> None:
        """Let nobody else connect."""
        if self._port >= 0 and self.is_open:
            self.is_open = not set_port_gate(self._port, is_open=False)
        if self._path is not None and self.is_open:
            self.is_open = False
            with contextlib.suppress(OSError):  # a lost file is a closed gate as well
                self._path.replace(self._hidden)

    def open_gate(self) -> None:
        """Let others connect again."""
        if self._port >= 0 and not self.is_open:
            self.is_open = set_port_gate(self._port, is_open=True)
        if self._path is not None and not self.is_open:
            self.is_open = True
            with contextlib.suppress(OSError):  # a lost file is found at the next look
                self._hidden.replace(self._path)

    def check_file(self) -> bool:
        """If the socket file is gone, or another one, bind anew. What fails is tried again by the next call.

        Returns whether all connections were ended: that is the price after too many losses.
        """
        if not self.is_open or self._found_file() == self._file:
            return False
        is_end = self._former_listeners >= FORMER_LISTENERS_LIMIT
        with contextlib.suppress(OSError, zmq.ZMQError, UnsafePlace):
            if is_end:
                self._former_listeners = 0
                self._socket.unbind(self.endpoint)
            make_directory(self.endpoint)
            self._socket.bind(self.endpoint)
            self._file = self._found_file()
            self._former_listeners += 1
        return is_end

    @property
    def _hidden(self) -> Path:
        assert self._path is not None
        return self._path.with_name(f".{self._path.name}.closed")

    def _found_file(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def prepare_endpoint(endpoint: str, *, has_keys: bool) -> None:
    """Prepare an endpoint for binding: for ipc, make its directory with mode 0700 and remove a stale socket.

    Raises:
        UnsafeEndpoint: strangers could connect: it is TCP without keys, or beyond the loopback.
        UnsafePlace: others own the directory of the socket, or can write to it.
    """
    if endpoint.startswith(TCP):
        if endpoint.removeprefix(TCP).rpartition(":")[0] not in LOOPBACK:
            raise UnsafeEndpoint(endpoint, f"the broker listens on the loopback only ({', '.join(LOOPBACK)})")
        if not has_keys:
            raise UnsafeEndpoint(
                endpoint,
                "the broker listens on TCP with CURVE keys only, since every user of the machine can connect",
            )
    make_directory(endpoint)
    if endpoint.startswith(IPC):
        Path(endpoint.removeprefix(IPC)).unlink(missing_ok=True)


def make_directory(endpoint: str) -> None:
    """For ipc, make the directory of the endpoint with mode 0700.

    Raises:
        UnsafePlace: others own it, or can put another in its place.
    """
    if endpoint.startswith(IPC):
        directory = Path(endpoint.removeprefix(IPC)).parent
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # then it is not ours, which the check says
            directory.chmod(0o700)
        check_endpoints(endpoint)
