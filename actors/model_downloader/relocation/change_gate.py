"""Counts the changes of models that are under way, so that a move begins after them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import anyio


class ChangeGate:
    """Lets changes pass, and lets a move wait until none is under way. For one event loop."""

    def __init__(self) -> None:
        self._changes = 0
        self._none_left = anyio.Event()

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """A block that changes models."""
        self._changes += 1
        try:
            yield
        finally:
            self._changes -= 1
            if not self._changes:
                self._none_left.set()
                self._none_left = anyio.Event()

    async def until_none(self, within_seconds: float) -> bool:
        """Wait until no change is under way; returns whether that is so."""
        with anyio.move_on_after(within_seconds):
            while self._changes:
                await self._none_left.wait()
        return not self._changes
