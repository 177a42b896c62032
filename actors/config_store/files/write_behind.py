"""Gathers changes into few writes: all changes that arrive during a write share the next one.

The owner asks when a write is due, writes, and reports the outcome:

    while True:
        number = await write_behind.due()
        ... write what is in effect now ...
        write_behind.written(number)  # or failed(number)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from actors.config_store.files.write_delay import QUIET_SECONDS, WriteDelay

RETRY_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Delays before a failed write is tried again; the last one repeats. A new change is tried at once."""


class WriteBehind:
    """Knows which changes are on disk. A change is identified by its number.

    Attributes:
        is_durable: whether the last write succeeded.
    """

    def __init__(self) -> None:
        self.is_durable = True
        self._changed = 0
        self._tried = 0
        self._durable = 0
        self._delay = WriteDelay()
        self._retry_delays = _retry_delays()
        self._wanted = asyncio.Event()
        self._arrived = asyncio.Event()
        self._done = asyncio.Event()
        self._is_closing = False

    @property
    def latest(self) -> int:
        """Number of the last change."""
        return self._changed

    @property
    def is_settled(self) -> bool:
        """Whether every change is on disk."""
        return self._durable >= self._changed

    def change(self, paths: Iterable[str]) -> int:
        """Note that something changed in memory.

        Args:
            paths: dotted paths of the settings.

        Returns:
            The number of the change.
        """
        self._changed += 1
        self._delay.changed(paths, asyncio.get_running_loop().time())
        self._wanted.set()
        self._arrived.set()
        return self._changed

    async def outcome(self, number: int) -> bool:
        """Wait until a change was written; False: the disk did not accept it yet."""
        while self._tried < number:
            await self._done.wait()
        return self._durable >= number

    async def due(self) -> int:
        """Wait until a write is due: after a change, or after a failure once its delay is over.

        Returns:
            The number of the last change that the write will contain.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if self.is_durable else next(self._retry_delays)):
                await self._wanted.wait()
        await self._wait_for_more()
        self._wanted.clear()
        return self._changed

    def written(self, number: int) -> None:
        """Note that the write that was due is on disk."""
        self.is_durable = True
        self._durable = number
        self._retry_delays = _retry_delays()
        self._finish(number)

    def failed(self, number: int) -> None:
        """Note that the write that was due failed."""
        self.is_durable = False
        self._finish(number)

    async def close(self) -> None:
        """Wait until everything was written or tried, without gathering more."""
        self._is_closing = True
        self._arrived.set()
        while self._tried < self._changed:
            await self._done.wait()

    async def _wait_for_more(self) -> None:
        seconds = self._delay.seconds()
        if not seconds or self._is_closing:
            return
        loop, before = asyncio.get_running_loop(), self._changed
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            self._arrived.clear()
            try:
                async with asyncio.timeout(min(left, QUIET_SECONDS)):
                    await self._arrived.wait()
            except TimeoutError:
                break
            if self._is_closing:
                break
        self._delay.waited(self._changed - before)

    def _finish(self, number: int) -> None:
        self._tried = number
        done, self._done = self._done, asyncio.Event()
        done.set()


def _retry_delays() -> Iterator[float]:
    return itertools.chain(RETRY_SECONDS, itertools.repeat(RETRY_SECONDS[-1]))
