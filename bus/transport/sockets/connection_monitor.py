"""Tells which connections of a socket begin and end, in the order in which they do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import zmq

from bus.transport.sockets.frame_io import has_input

ACCEPTED: Final = int(zmq.EVENT_ACCEPTED)
DISCONNECTED: Final = int(zmq.EVENT_DISCONNECTED)


class ConnectionMonitor:
    """Watches one bound socket.

    What ZeroMQ reports waits here unread. There is room for 1001 reports. Then ZeroMQ itself waits until they
    are read, so that no more connections come in than are known.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes], name: str) -> None:
        self._watched = socket
        endpoint = f"inproc://connections-of-{name}"
        socket.monitor(endpoint, ACCEPTED | DISCONNECTED)
        self._reports = context.socket(zmq.PAIR)
        self._reports.setsockopt(zmq.LINGER, 0)
        self._reports.setsockopt(zmq.RCVHWM, 1)
        self._reports.connect(endpoint)

    def fileno(self) -> int:
        """The descriptor that shows that something may have been reported."""
        return self._reports.fileno()

    def has_reports(self) -> bool:
        """Whether something was reported."""
        return has_input(self._reports)

    def read(self) -> Iterator[tuple[int, int]]:
        """What was reported: event, and descriptor of the connection."""
        with contextlib.suppress(zmq.Again):
            while True:
                report, _endpoint = self._reports.recv_multipart(zmq.NOBLOCK)
                yield int.from_bytes(report[:2], "little"), int.from_bytes(report[2:], "little")

    def close(self) -> None:
        """Watch no longer."""
        self._watched.disable_monitor()
        self._reports.close()
