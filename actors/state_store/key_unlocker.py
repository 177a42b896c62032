"""Asks the keychain for the keys of encrypted values, but leaves it alone for a while after it refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import anyio
import anyio.abc
import anyio.to_thread

from actors.shared.crypto.envelope_errors import KeyUnavailable
from actors.shared.keys.key_source import LockableKeySource
from actors.state_store.key_status import KeyStatus

PAUSE_SECONDS: Final = 5.0
"""How long a keychain that refused is left alone: it may hang, or show a window each time."""

ASK_AGAIN_SECONDS: Final = 30.0
"""How often a keychain that refused is asked again without a request. No window comes up for that."""


class KeyUnlocker:
    """Unlocks the keys of one store, and keeps everybody informed about them."""

    def __init__(
        self,
        ring: LockableKeySource,
        status: KeyStatus,
        tasks: anyio.abc.TaskGroup,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an unlocker.

        Args:
            ring: the keys.
            status: publishes how they are.
            tasks: runs the repeated attempts.
            clock: seconds, never set back.
        """
        self._ring = ring
        self._status = status
        self._tasks = tasks
        self._clock = clock
        self._not_before = 0.0
        self._lock = anyio.Lock()

    async def unlock(self) -> None:
        """Ask the keychain, one caller at a time. Whether keys are available shows when they are used."""
        async with self._lock:
            await anyio.to_thread.run_sync(self._ask)
        if await self._status.publish():
            self._tasks.start_soon(self._ask_again)

    def _ask(self) -> None:
        if self._clock() < self._not_before:
            return
        self._ring.unlock(make=True)
        try:
            self._ring.current()
        except KeyUnavailable:
            self._not_before = self._clock() + PAUSE_SECONDS

    async def _ask_again(self) -> None:
        """Go on asking while the keys are locked, so that the published status stays true."""
        while self._status.is_locked:
            await anyio.sleep(ASK_AGAIN_SECONDS)
            await self.unlock()
