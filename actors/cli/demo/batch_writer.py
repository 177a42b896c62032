"""Writes one number to several keys of the state store at once. Two numbers would be half a batch."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from actors.cli.demo.tour_report import expect
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.state import BatchOperation, StateSaveBatchRequestEvent

KEYS: Final = tuple(f"config.ledger.page{number}" for number in range(8))


class BatchWriter:
    """Counts up, one batch for each number.

    Attributes:
        acknowledged: the last number that was answered.
        tried: the last number that was sent.
    """

    def __init__(self) -> None:
        self.acknowledged = 0
        self.tried = 0
        self._changed = asyncio.Condition()

    async def write(self, peer: Peer) -> None:
        """Write number after number until one is not answered."""
        while True:
            self.tried += 1
            operations = [BatchOperation(type="save", key=key, value=self.tried) for key in KEYS]
            try:
                await peer.request(StateSaveBatchRequestEvent(operations=operations))
            except RequestFailed:
                return
            async with self._changed:
                self.acknowledged = self.tried
                self._changed.notify_all()

    async def until(self, number: int) -> None:
        """Wait until a number was answered."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.acknowledged >= number)

    def check(self, found: dict[str, Any]) -> int:
        """The one number that all keys have.

        Raises:
            NotProven: they have several numbers, an older one than was answered, or one that nobody wrote.
        """
        number: Any = found.get(KEYS[0])
        expect(
            all(found.get(key) == number for key in KEYS),
            f"expected one number in all keys, found half a batch: {found}",
        )
        expect(
            number in (self.acknowledged, self.tried),
            f"expected {self.acknowledged} or {self.tried}, found {number!r}",
        )
        return int(number)
