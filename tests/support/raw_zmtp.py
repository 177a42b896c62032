"""A stranger who speaks ZMTP byte by byte (RFC 23), as far as a test wants it to."""

from __future__ import annotations

import contextlib
import socket

GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + bytes(48)


def ready(kind: bytes) -> bytes:
    """The command after which messages may follow, of a socket of this kind."""
    command = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
    return b"\x04" + bytes([len(command)]) + command


def frame(content: bytes, *, more: bool = False, claims_bytes: int | None = None) -> bytes:
    """A frame.

    Args:
        content: what is in it.
        more: another one follows.
        claims_bytes: the size that it states, if not the true one.
    """
    size = len(content) if claims_bytes is None else claims_bytes
    return bytes([2 | more]) + size.to_bytes(8, "big") + content


class RawStranger:
    """One connection.

    Attributes:
        is_cut: the broker has ended it.
    """

    def __init__(self, endpoint: str) -> None:
        self.is_cut = False
        if endpoint.startswith("ipc://"):
            self.connection = socket.socket(socket.AF_UNIX)
            self.connection.settimeout(30)
            self.connection.connect(endpoint.removeprefix("ipc://"))
        else:
            host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
            self.connection = socket.create_connection((host, int(port)), timeout=30)

    def __enter__(self) -> RawStranger:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, content: bytes) -> bool:
        """Send all of it; returns whether the connection still takes it."""
        try:
            self.connection.sendall(content)
        except OSError:
            self.is_cut = True
        return not self.is_cut

    def greet(self, kind: bytes = b"DEALER") -> RawStranger:
        """Shake hands. Each side waits for the other: ZeroMQ ends a connection that runs ahead."""
        self.send(GREETING)
        self._receive(len(GREETING))
        self.send(ready(kind))
        _, size = self._receive(2)
        self._receive(size)
        return self

    def _receive(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self.connection.recv(count - len(found))
            assert piece, "the connection has ended"
            found += piece
        return found

    def stream(self, content: bytes, limit_bytes: int) -> int:
        """Send the same until the connection ends or so much is sent; returns how much was."""
        sent_bytes = 0
        while sent_bytes < limit_bytes and self.send(content):
            sent_bytes += len(content)
        return sent_bytes

    def wait_for_end(self) -> None:
        """Return when the other side has ended the connection."""
        with contextlib.suppress(ConnectionError):
            while self.connection.recv(65_536):
                pass
        self.is_cut = True
