"""What the system knows of descriptors: how many there may be, and who is at their other end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import sys
from typing import Final

from bus.errors import OperatorError

if sys.platform != "win32":
    import fcntl
    import resource

DESCRIPTOR_LIMIT: Final = 65_536
"""More than this many are not asked for."""

NEEDED_DESCRIPTORS: Final = 24
"""More than a context of ZeroMQ, a lane, a feed and a monitor take together."""

_CREDENTIALS: Final = struct.Struct("3i")
_COUNT: Final = struct.Struct("i")
_SIOCOUTQ: Final = 0x5411
_SIOCINQ: Final = 0x541B
_TCP_INFO: Final = struct.Struct("=128xQ")
"""`tcpi_bytes_received` of `struct tcp_info`."""

_ATTACH_FILTER: Final = 26
_DETACH_FILTER: Final = 27
_PASS_NOTHING: Final = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
_PROGRAM: Final = struct.pack("HL", 1, ctypes.addressof(_PASS_NOTHING))
"""A socket filter of one instruction: keep no byte of a packet."""


class DescriptorsShort(OperatorError):
    """The process may not open as many files as a connection to the bus needs."""

    needed: int
    words = "this process may not open the {needed} files that a connection needs; run: ulimit -n 1024"


def check_descriptors(needed: int = NEEDED_DESCRIPTORS) -> None:
    """Try whether there are enough descriptors: libzmq ends a process in which there are not.

    Raises:
        DescriptorsShort: there are not.
    """
    if sys.platform == "win32":
        return
    tried: list[int] = []
    try:
        tried.append(os.open(os.devnull, os.O_RDONLY))
        tried += (os.dup(tried[0]) for _ in range(needed - 1))
    except OSError:
        raise DescriptorsShort(needed) from None
    finally:
        for descriptor in tried:
            os.close(descriptor)


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


def arrived_bytes(descriptor: int, former_bytes: int) -> int:
    """What has arrived on a connection so far, by the count of TCP, or by what waits at each look.

    Args:
        descriptor: the connection.
        former_bytes: what this said at the last look.
    """
    if sys.platform != "linux":
        return former_bytes
    try:
        waiting_bytes = int(_COUNT.unpack(fcntl.ioctl(descriptor, _SIOCINQ, bytes(_COUNT.size)))[0])
    except OSError:
        return former_bytes  # it has ended meanwhile
    return max(former_bytes + waiting_bytes, _received_bytes(descriptor))


def _received_bytes(descriptor: int) -> int:
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        return 0
    try:
        if connection.family not in (socket.AF_INET, socket.AF_INET6):
            return 0
        found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        return int(_TCP_INFO.unpack(found)[0]) if len(found) == _TCP_INFO.size else 0
    except OSError:
        return 0
    finally:
        connection.detach()


def set_port_gate(descriptor: int, *, is_open: bool) -> bool:
    """Let others connect to a port that listens, or not; who is connected stays. Returns whether it can.

    While the gate is closed the kernel drops what asks for a connection, and the other side asks again, each
    time after twice as long.
    """
    if sys.platform != "linux":
        return False
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError:
        return False
    try:
        if is_open:
            listener.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, bytes(4))
        else:
            listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, _PROGRAM)
    except OSError:
        return False
    finally:
        listener.detach()
    return True


def end_connection(descriptor: int) -> None:
    """End a connection that somebody else owns. The owner finds it ended, and closes the descriptor."""
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        return  # it has ended meanwhile
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.detach()
