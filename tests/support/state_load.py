"""Load on a state store that is being killed: keys, batches and a document, and what was acknowledged."""

from __future__ import annotations

import asyncio

from bus.client import Peer
from schemas.documents import DocumentReadRequestEvent, DocumentWriteRequestEvent
from schemas.state import (
    BatchOperation,
    StateHealthRequestEvent,
    StateLoadBatchRequestEvent,
    StateLoadRequestEvent,
    StateSaveBatchRequestEvent,
    StateSaveRequestEvent,
)

WRITERS = 8
TIMEOUT_SECONDS = 5.0

DOCUMENTS = """
from pydantic import BaseModel

class Counter(BaseModel):
    n: int = 0

DOCUMENTS = [Counter]
"""


class StateLoad:
    """Counts up keys, batches and a document, and remembers outside the runtime what was acknowledged."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}
        self.acknowledged: dict[str, int] = {}

    def next(self, name: str) -> int:
        self.asked[name] = self.asked.get(name, 0) + 1
        return self.asked[name]

    async def save(self, peer: Peer) -> None:
        """Save one key each for many writers at once."""

        async def write(key: str) -> None:
            while True:
                n = self.next(key)
                await peer.request(
                    StateSaveRequestEvent(key=key, value={"n": n, "filler": "x" * (n % 3000)}),
                    TIMEOUT_SECONDS,
                )
                self.acknowledged[key] = n

        try:
            async with asyncio.TaskGroup() as writers:
                for number in range(WRITERS):
                    writers.create_task(write(f"config.k{number}"))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def save_batches(self, peer: Peer) -> None:
        """Save three keys with one number, and one key that comes and goes with them."""
        while True:
            n = self.next("batch")
            operations = [BatchOperation(type="save", key=f"config.batch{part}", value=n) for part in "abc"]
            operations.append(
                BatchOperation(
                    type="save" if n % 2 else "delete", key="config.odd", value=n if n % 2 else None
                )
            )
            await peer.request(StateSaveBatchRequestEvent(operations=operations), TIMEOUT_SECONDS)
            self.acknowledged["batch"] = n

    async def write_document(self, peer: Peer) -> None:
        """Write a typed document."""
        while True:
            n = self.next("document")
            await peer.request(
                DocumentWriteRequestEvent(type_name="Counter", value={"n": n}), TIMEOUT_SECONDS
            )
            self.acknowledged["document"] = n

    async def check(self, peer: Peer) -> None:
        """Check that what is found was acknowledged, or is newer and was asked for, never half a batch."""
        found = (
            await peer.request(
                StateLoadBatchRequestEvent(keys=[*(f"config.batch{part}" for part in "abc"), "config.odd"]),
                TIMEOUT_SECONDS,
            )
        ).values
        parts = {found[f"config.batch{part}"] or 0 for part in "abc"}
        assert len(parts) == 1, f"half a batch: {found}"
        self.fits("batch", parts.pop())
        assert found["config.odd"] == (
            found["config.batcha"] if (found["config.batcha"] or 0) % 2 else None
        ), f"half a batch: {found}"
        for number in range(WRITERS):
            value = (
                await peer.request(StateLoadRequestEvent(key=f"config.k{number}"), TIMEOUT_SECONDS)
            ).value or {"n": 0, "filler": ""}
            self.fits(f"config.k{number}", value["n"])
            assert value["filler"] == "x" * (value["n"] % 3000)
        self.fits(
            "document",
            (await peer.request(DocumentReadRequestEvent(type_name="Counter"), TIMEOUT_SECONDS)).value["n"],
        )
        assert (await peer.request(StateHealthRequestEvent(), TIMEOUT_SECONDS)).corrupted == 0

    def has_grown(self, before: dict[str, int]) -> bool:
        """Whether something of each kind was acknowledged since then."""
        return all(
            self.acknowledged.get(name, 0) > before.get(name, 0)
            for name in ("batch", "document", "config.k0")
        )

    def fits(self, name: str, n: int) -> None:
        acknowledged, asked = self.acknowledged.get(name, 0), self.asked.get(name, 0)
        assert acknowledged <= n <= asked, f"{name}: found {n}, acknowledged {acknowledged}, asked {asked}"
