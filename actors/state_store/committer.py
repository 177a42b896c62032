"""The queue in front of the one writer: makes waiting transactions durable together, then checkpoints."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import anyio
import anyio.to_thread

from actors.state_store.engine.operations import StepDone, WriteStep
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import StateError

GROUP_LIMIT: Final = 256
"""How many transactions share a sync. More would delay the first of them."""

IDLE_SECONDS: Final = 2.0
"""How long after a write the journal is brought to its files, unless it grows fast."""

SEGMENT_LIMIT_BYTES: Final = 8 * 1024 * 1024


class Committer:
    """Carries out transactions in the order in which they were submitted."""

    def __init__(self, store: StateStore, idle_seconds: float = IDLE_SECONDS) -> None:
        self._store = store
        self._idle_seconds = idle_seconds
        self._queue: deque[tuple[Sequence[WriteStep], asyncio.Future[list[StepDone]]]] = deque()
        self._wanted = anyio.Event()
        self._written = anyio.Event()
        self._is_long = anyio.Event()
        self._is_idle = anyio.Event()
        self._is_idle.set()

    def submit(self, steps: Sequence[WriteStep]) -> asyncio.Future[list[StepDone]]:
        """Queue a transaction; the future has its durable outcome, or a StateError."""
        outcome: asyncio.Future[list[StepDone]] = asyncio.get_running_loop().create_future()
        self._queue.append((steps, outcome))
        if self._is_idle.is_set():
            self._is_idle = anyio.Event()
        self._wanted.set()
        return outcome

    async def run(self) -> None:
        """Carry out what is submitted, until cancelled.

        Raises:
            StoreBroken: only a restart can tell what is on disk.
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

    async def run_checkpoints(self) -> None:
        """Bring the journal to its files a while after each write, until cancelled."""
        while True:
            await self._written.wait()
            with anyio.move_on_after(self._idle_seconds):
                await self._is_long.wait()
            self._written, self._is_long = anyio.Event(), anyio.Event()
            await anyio.to_thread.run_sync(self._store.checkpoint)

    async def drained(self) -> None:
        """Wait until everything that was submitted has its outcome."""
        await self._is_idle.wait()


def _settle(future: asyncio.Future[list[StepDone]], outcome: list[StepDone] | StateError) -> None:
    if future.done():
        return  # the requester stopped waiting
    if isinstance(outcome, StateError):
        future.set_exception(outcome)
        future.exception()  # marks it as seen: it is no mistake if nobody waits
    else:
        future.set_result(outcome)
