"""A flow of events, requests and entries through a runtime that is being killed, and what became of each."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

from bus.client import GapEvent, Peer
from bus.errors import RequestFailed
from schemas.config import RuntimeConfigRequestEvent
from schemas.history import HistoryAppendRequestEvent, HistoryPageEvent, HistoryQueryRequestEvent
from tests.support.event_samples import NumberedEvent

TIMEOUT_SECONDS = 2.0
GRACE_SECONDS = 8.0
PAUSE_SECONDS = 0.002
PAGE = 1000


class FlowLoad:
    """One publisher and one subscriber, each over one connection after the other.

    A connection publishes numbers of a range of its own, so that a new one is told apart.
    """

    RANGE = 1 << 32

    def __init__(self) -> None:
        self._ranges = itertools.count(1)
        self._last: dict[int, int] = {}
        self.missed = 0
        self.heard = 0
        self.told_lost = 0
        self.faults: list[str] = []

    async def publish(self, peer: Peer) -> None:
        """Publish 0, 1, 2 ... over one connection."""
        for number in itertools.count(next(self._ranges) * self.RANGE):
            await peer.publish(NumberedEvent(n=number))
            await asyncio.sleep(PAUSE_SECONDS)

    async def hear(self, peer: Peer) -> None:
        """Hear them in order, none twice, and as many missing as gaps tell."""
        began: set[int] = set()
        async with peer.subscribe(NumberedEvent) as events:
            async for event in events:
                if isinstance(event, GapEvent):
                    self.told_lost += event.count
                    continue
                source, number = divmod(event.n, self.RANGE)
                last = self._last.get(source, -1)
                if number <= last:
                    self.faults.append(f"{source}: {number} after {last}")
                elif source in began:  # what came before this connection listened is not missed
                    self.missed += number - last - 1
                began.add(source)
                self._last[source] = max(last, number)
                self.heard += 1
                if self.missed > self.told_lost:
                    self.faults.append(f"{source}: {number} after {last}, and no gap told")
                    self.told_lost = self.missed


class RequestLoad:
    """Asks, and counts what became of each question."""

    def __init__(self) -> None:
        self.asked = 0
        self.outcomes: Counter[str] = Counter()
        self.faults: list[str] = []

    async def run(self, peer: Peer) -> None:
        """Ask over one connection. Each question has one outcome, and not long after its deadline."""
        while True:
            self.asked += 1
            asking = asyncio.ensure_future(
                peer.request(RuntimeConfigRequestEvent(operation="get_effective"), TIMEOUT_SECONDS)
            )
            try:
                await asyncio.wait_for(asking, TIMEOUT_SECONDS + GRACE_SECONDS)
                self.outcomes["reply"] += 1
            except RequestFailed as failed:
                self.outcomes[failed.kind] += 1
            except TimeoutError:
                self.faults.append("a request without an outcome")
            except asyncio.CancelledError:
                self.outcomes["cancelled"] += 1
                raise
            except Exception:
                self.outcomes["disconnected"] += 1
                raise
            await asyncio.sleep(PAUSE_SECONDS)


class HistoryLoad:
    """Appends entries with texts of their own, and remembers which were acknowledged."""

    def __init__(self) -> None:
        self._names = itertools.count()
        self.asked: set[str] = set()
        self.acknowledged: set[str] = set()
        self.storages: Counter[str] = Counter()

    async def run(self, peer: Peer) -> None:
        """Append over one connection."""
        while True:
            name = f"entry-{next(self._names)}"
            self.asked.add(name)
            answer = await peer.request(HistoryAppendRequestEvent(text=name), TIMEOUT_SECONDS)
            self.storages[answer.storage] += 1
            if answer.storage != "memory":  # what is said to lie in memory may go with the runtime
                self.acknowledged.add(name)
            await asyncio.sleep(PAUSE_SECONDS)

    async def check(self, peer: Peer) -> list[str]:
        """What is missing, came twice, or came from nowhere."""
        found: list[str] = []
        before = ""
        while True:
            page: HistoryPageEvent = await peer.request(
                HistoryQueryRequestEvent(limit=PAGE, before=before), 5 * TIMEOUT_SECONDS
            )
            found += [entry.text for entry in page.entries]
            before = page.next_before
            if not before:
                break
        known = set(found)
        return [
            *(f"history lost {name}" for name in sorted(self.acknowledged - known)),
            *(f"history has {name} from nowhere" for name in sorted(known - self.asked)),
            *(["history has entries twice"] if len(found) != len(known) else []),
        ]
