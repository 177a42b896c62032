"""What the system knows of descriptors: how many there may be, and who is at their other end."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Final

if sys.platform != "win32":
    import fcntl
    import resource

DESCRIPTOR_LIMIT: Final = 65_536
"""More than this many are not asked for."""

_CREDENTIALS: Final = struct.Struct("3i")
_COUNT: Final = struct.Struct("i")
_SIOCOUTQ: Final = 0x5411


def raise_descriptor_limit() -> int:
    """Raise the soft limit of descriptors as far as this process may; returns the limit that holds now."""
    if sys.platform == "win32":
        return DESCRIPTOR_LIMIT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTOR_LIMIT if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTOR_LIMIT)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return DESCRIPTOR_LIMIT if soft == resource.RLIM_INFINITY else min(soft, DESCRIPTOR_LIMIT)
    with contextlib.suppress(OSError, ValueError):  # macOS allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], DESCRIPTOR_LIMIT)


def process_of(descriptor: int) -> int | None:
    """The process at the other end of a Unix socket; None: the system does not say."""
    if sys.platform != "linux":
        return None
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        return None
    try:
        if connection.family != socket.AF_UNIX:
            return None
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return int(_CREDENTIALS.unpack(found)[0])
    except OSError:
        return None
    finally:
        connection.detach()


def unread_bytes(descriptor: int) -> int:
    """What was written to a connection, and its other end has not read; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0
    try:
        return int(_COUNT.unpack(fcntl.ioctl(descriptor, _SIOCOUTQ, bytes(_COUNT.size)))[0])
    except OSError:
        return 0  # it has ended meanwhile


def end_connection(descriptor: int) -> None:
    """End a connection that somebody else owns. The owner finds it ended, and closes the descriptor."""
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        return  # it has ended meanwhile
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.detach()
