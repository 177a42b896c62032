"""Takes what many want to write, in the order in which they came, and makes it durable together; then tidies the journal up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import anyio
import anyio.to_thread

from actors.state_store.engine.operations import Done, Step
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import StateError

GROUP_LIMIT: Final = 256
"""Transactions that share a sync; more would keep the first of them waiting."""

IDLE_SECONDS: Final = 2.0
"""So long after a write the journal is brought to its files, unless it grows fast."""

SEGMENT_LIMIT_BYTES: Final = 8 * 1024 * 1024


class Committer:
    """The queue in front of a store's one writer."""

    def __init__(self, store: StateStore, idle_seconds: float = IDLE_SECONDS) -> None:
        self._store = store
        self._idle_seconds = idle_seconds
        self._queue: deque[tuple[Sequence[Step], asyncio.Future[list[Done]]]] = deque()
        self._wanted = anyio.Event()
        self._written = anyio.Event()
        self._is_long = anyio.Event()
        self._is_idle = anyio.Event()
        self._is_idle.set()

    def submit(self, steps: Sequence[Step]) -> asyncio.Future[list[Done]]:
        """Have a transaction carried out after all that was submitted before; the outcome is durable, or a StateError."""
        outcome: asyncio.Future[list[Done]] = asyncio.get_running_loop().create_future()
        self._queue.append((steps, outcome))
        if self._is_idle.is_set():
            self._is_idle = anyio.Event()
        self._wanted.set()
        return outcome

    async def run(self) -> None:
        """Carry out what is submitted, until cancelled.

        Raises:
            StoreBroken: only a new start can tell what is so.
        """
        while True:
            await self._wanted.wait()
            self._wanted = anyio.Event()
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(GROUP_LIMIT, len(self._queue)))]
                outcomes = await anyio.to_thread.run_sync(self._store.commit, [steps for steps, _ in group])
                self._written.set()
                if self._store.journal_bytes >= SEGMENT_LIMIT_BYTES:
                    self._is_long.set()
                for (_, future), outcome in zip(group, outcomes, strict=True):
                    _settle(future, outcome)
            self._is_idle.set()

    async def tidy(self) -> None:
        """Bring what is in the journal to its files, a while after it was written, until cancelled."""
        while True:
            await self._written.wait()
            with anyio.move_on_after(self._idle_seconds):
                await self._is_long.wait()
            self._written, self._is_long = anyio.Event(), anyio.Event()
            await anyio.to_thread.run_sync(self._store.checkpoint)

    async def drained(self) -> None:
        """Wait until all that was submitted has its outcome."""
        await self._is_idle.wait()


def _settle(future: asyncio.Future[list[Done]], outcome: list[Done] | StateError) -> None:
    if future.done():
        return  # whoever asked waits no more
    if isinstance(outcome, StateError):
        future.set_exception(outcome)
        future.exception()  # nobody may be waiting, and that is no mistake
    else:
        future.set_result(outcome)
