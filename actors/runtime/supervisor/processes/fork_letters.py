"""What the supervisor and the fork server write to each other."""

from __future__ import annotations

import socket
from typing import Final

import msgspec

LETTER_LIMIT_BYTES: Final = 128 * 1024


class ForkLetter(msgspec.Struct, frozen=True, kw_only=True, tag="fork"):
    """Create a child. Two descriptors go with it: its lifeline (or the stdin of a command) and its log.

    Attributes:
        mark: what its descendants are recognised by; it is in the environment, too.
    """

    ticket: int
    name: str
    command: list[str]
    environment: dict[str, str]
    directory: str = ""
    mark: str = ""


class SignalLetter(msgspec.Struct, frozen=True, kw_only=True, tag="signal"):
    """Send a signal to a child, or SIGKILL to its group. Nothing happens if it was reaped."""

    pid: int
    number: int


class ForkedLetter(msgspec.Struct, frozen=True, kw_only=True, tag="forked"):
    """The process of a command exists; whether its program runs is not known yet."""

    ticket: int
    pid: int


class StartedLetter(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """The child exists, and runs its program."""

    ticket: int
    pid: int


class FailedLetter(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The child could not be created.

    Attributes:
        cannot_run: because of its program or directory.
    """

    ticket: int
    reason: str
    cannot_run: bool = False


class ExitedLetter(msgspec.Struct, frozen=True, kw_only=True, tag="exited"):
    """The child ended; a negative code is a signal."""

    pid: int
    returncode: int


class KilledLetter(msgspec.Struct, frozen=True, kw_only=True, tag="killed"):
    """SIGKILL was sent. The server answers so that the supervisor notices one that hangs."""

    pid: int


ToServer = ForkLetter | SignalLetter
FromServer = ForkedLetter | StartedLetter | FailedLetter | ExitedLetter | KilledLetter


def letter_socket_pair() -> tuple[socket.socket, socket.socket]:
    """A pair of sockets that keeps letters apart (SOCK_SEQPACKET) and carries descriptors."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
