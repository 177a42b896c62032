"""A pipe that tells the publisher when its last event was handled: one event at a time is under way."""

from __future__ import annotations

import asyncio
import os
from multiprocessing.connection import Connection

WARM_UP_EVENTS = 200
"""So many events at the start of a latency run do not count."""


def ring(bell: Connection) -> None:
    """Tell it."""
    os.write(bell.fileno(), b".")


def await_ring(bell: Connection) -> None:
    """Wait for it, in synchronous code."""
    os.read(bell.fileno(), 1)


class AsyncBell:
    """Wait for it on an event loop."""

    def __init__(self, bell: Connection) -> None:
        self._descriptor = bell.fileno()
        self._loop = asyncio.get_running_loop()
        self._rung: asyncio.Future[None] | None = None
        self._loop.add_reader(self._descriptor, self._read)

    async def rung(self) -> None:
        """Wait until the former event was handled."""
        self._rung = self._loop.create_future()
        await self._rung

    def close(self) -> None:
        """Listen no more."""
        self._loop.remove_reader(self._descriptor)

    def _read(self) -> None:
        os.read(self._descriptor, 1)
        if self._rung is not None:
            self._rung.set_result(None)
