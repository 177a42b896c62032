"""One write for all changes that came while the one before was under way. Who made a change is told when it is durable, or that it is not."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

from actors.config_store.files.write_delay import QUIET_SECONDS, Pacing
from bus.errors import UndercroftError

RETRY_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Delays before a failed write is tried again; the last one repeats. A new change is a try of its own."""


class Commits:
    """Brings changes to disk, in their order. A change is known by its number.

    Attributes:
        is_durable: whether the last write went well.
        writes: how many were tried.
    """

    def __init__(
        self,
        write: Callable[[], Awaitable[None]],
        on_fault: Callable[[Exception], Awaitable[None]],
        on_durable: Callable[[], Awaitable[None]],
    ) -> None:
        """`write` writes what is in effect now. What it raises is told to `on_fault`; once it goes well again, `on_durable` follows."""
        self.is_durable = True
        self.writes = 0
        self._write = write
        self._on_fault = on_fault
        self._on_durable = on_durable
        self._changed = 0
        self._tried = 0
        self._durable = 0
        self._pacing = Pacing()
        self._wanted = asyncio.Event()
        self._came = asyncio.Event()
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
        """Something changed in memory; returns its number."""
        self._changed += 1
        self._pacing.changed(paths, asyncio.get_running_loop().time())
        self._wanted.set()
        self._came.set()
        return self._changed

    async def outcome(self, number: int) -> bool:
        """Wait until the change was written; False: the disk did not take it (yet)."""
        while self._tried < number:
            await self._done.wait()
        return self._durable >= number

    async def run(self) -> None:
        """Write whenever something changed, one at a time, until cancelled; after a fault also when its delay is over."""
        delays = _delays()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self.is_durable else next(delays)):
                    await self._wanted.wait()
            await self._linger()
            await self._commit()
            if self.is_durable:
                delays = _delays()

    async def close(self) -> None:
        """Write what is still to be written, without waiting for more."""
        self._is_closing = True
        self._came.set()
        while self._tried < self._changed:
            await self._done.wait()

    async def _linger(self) -> None:
        seconds = self._pacing.linger_seconds()
        if not seconds or self._is_closing:
            return
        loop, before = asyncio.get_running_loop(), self._changed
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            self._came.clear()
            try:
                async with asyncio.timeout(min(left, QUIET_SECONDS)):
                    await self._came.wait()
            except TimeoutError:
                break
            if self._is_closing:
                break
        self._pacing.lingered(self._changed - before)

    async def _commit(self) -> None:
        number = self._changed
        self._wanted.clear()
        self.writes += 1
        was_durable = self.is_durable
        try:
            await self._write()
        except (UndercroftError, OSError) as error:
            self.is_durable = False
            await self._on_fault(error)
        else:
            self.is_durable = True
            self._durable = number
            if not was_durable:
                await self._on_durable()
        self._tried = number
        done, self._done = self._done, asyncio.Event()
        done.set()


def _delays() -> Iterator[float]:
    return itertools.chain(RETRY_SECONDS, itertools.repeat(RETRY_SECONDS[-1]))
