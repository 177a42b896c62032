"""Reads what the broker still keeps of one matter, across all topics: for tools, since it reads it all."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Final

import msgspec

from bus import wire
from bus.errors import RequestFailed
from bus.peer.feed.subscription import Received
from bus.peer.lane.requester import Answer, Requester
from bus.wire import Run

ALL_TOPICS: Final = "*"
PAST_TOPIC: Final = "past events"


class PastEvents:
    """Events of the past, with their places in the order."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    async def of_matter(self, correlation: str) -> list[Received]:
        """The events of one matter that the broker still keeps, in their order.

        Raises:
            RequestFailed: the broker refused, or was lost meanwhile.
        """
        answer, _ = await self._ask(lambda id: wire.SnapshotHeader(id, [ALL_TOPICS], True))
        if not isinstance(answer, wire.SnapshottedHeader):
            raise _failure(answer)
        found: list[Received] = []
        for topic, head in answer.heads.items():
            found += await self._of_topic(topic, head, correlation)
        return sorted(found, key=lambda received: received.sequence)

    async def _of_topic(self, topic: str, head: int, correlation: str) -> list[Received]:
        found: list[Received] = []
        first = 1
        while first <= head:
            answer, body = await self._ask(functools.partial(_replay, topic, first, head))
            if not isinstance(answer, wire.ReplayedHeader):
                raise _failure(answer)
            for at in range(0, len(body) - 2, 3):
                run = wire.read_run(body[at + 1])
                if run.correlation == correlation:
                    found += _received(topic, run, body[at + 2])
            if answer.next <= first:
                break
            first = answer.next
        return found

    async def _ask(self, make_header: Callable[[int], wire.LaneHeader]) -> tuple[Answer, list[bytes]]:
        outcome: asyncio.Future[tuple[Answer, list[bytes]]] = asyncio.get_running_loop().create_future()

        def settle(answer: Answer, body: list[bytes]) -> None:
            if not outcome.done():
                outcome.set_result((answer, body))

        self._requester.begin(make_header, settle)
        return await outcome


def _replay(topic: str, first: int, last: int, id: int) -> wire.ReplayHeader:
    return wire.ReplayHeader(id, topic, first, last)


def _received(topic: str, run: Run, body: bytes) -> list[Received]:
    try:
        events = msgspec.msgpack.decode(body)
    except wire.UNREADABLE:
        events = [None] * run.count  # its place shows that there was something
    return [Received.of_run(topic, run, offset, event) for offset, event in enumerate(events)]


def _failure(answer: Answer) -> RequestFailed:
    if isinstance(answer, wire.FailedHeader):
        return RequestFailed(answer.kind, answer.message, PAST_TOPIC)
    return RequestFailed("invalid", f"the broker answered {type(answer).__name__}", PAST_TOPIC)
