"""Repeats a request until there is an answer: after a server's restart, a deadline or a lost connection."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Final, TypeVar, get_args

from bus.errors import FailureKind, RequestFailed
from bus.peer.peer import REQUEST_TIMEOUT_SECONDS, Peer
from schemas.event import ReplyT, Request

WAITS_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Pauses between attempts. The last one repeats."""

ANY_FAILURE: Final[frozenset[FailureKind]] = frozenset(get_args(FailureKind))
"""Every kind of failure, refusals included."""

UNANSWERED: Final[frozenset[FailureKind]] = ANY_FAILURE - {"refused", "invalid"}
"""No server decided. Some of these requests may have been carried out: repeat only idempotent ones."""

NOT_REACHED: Final[frozenset[FailureKind]] = frozenset({"no_responder", "restarting"})
"""No server ever had the request. Any request may be repeated after these."""

Sleep = Callable[[float], Awaitable[object]]
"""Waits for a number of seconds."""

ResultT = TypeVar("ResultT")


async def request_until_answered(
    peer: Peer,
    request: Request[ReplyT],
    *,
    waits: Iterable[float] = WAITS_SECONDS,
    retry_on: Collection[FailureKind] = UNANSWERED,
    timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    within_seconds: float | None = None,
    sleep: Sleep = asyncio.sleep,
) -> ReplyT:
    """Send a request again and again until its server replies or refuses.

    Args:
        peer: sends the request.
        request: is sent unchanged each time.
        waits: seconds between attempts; the last one repeats.
        retry_on: kinds of failure after which it is sent again.
        timeout_seconds: limit of each attempt.
        within_seconds: limit of all attempts and pauses together; None: no limit.
        sleep: waits between attempts; it may return early.

    Raises:
        RequestFailed: a failure that `retry_on` does not name, or the last failure when the time is over.
    """
    loop = asyncio.get_running_loop()
    end = None if within_seconds is None else loop.time() + within_seconds

    async def ask() -> ReplyT:
        limit = timeout_seconds if end is None else max(0.001, min(timeout_seconds, end - loop.time()))
        return await peer.request(request, timeout_seconds=limit)

    return await until_answered(
        ask, waits=waits, retry_on=retry_on, within_seconds=within_seconds, sleep=sleep
    )


async def until_answered(
    ask: Callable[[], Awaitable[ResultT]],
    *,
    waits: Iterable[float] = WAITS_SECONDS,
    retry_on: Collection[FailureKind] = UNANSWERED,
    within_seconds: float | None = None,
    sleep: Sleep = asyncio.sleep,
) -> ResultT:
    """Repeat a step that makes requests, such as two that belong together, until none of them fails.

    Args:
        ask: makes the requests; it starts from the beginning each time.
        waits: seconds between attempts; the last one repeats.
        retry_on: kinds of failure after which the step is repeated.
        within_seconds: no attempt begins later than this; None: no limit.
        sleep: waits between attempts; it may return early.

    Raises:
        RequestFailed: a failure that `retry_on` does not name, or the last failure when the time is over.
    """
    now = asyncio.get_running_loop().time
    end = math.inf if within_seconds is None else now() + within_seconds
    pauses = _repeat_last(waits)
    while True:
        try:
            return await ask()
        except RequestFailed as failed:
            if failed.kind not in retry_on:
                raise
            pause_seconds = next(pauses)
            if now() + pause_seconds >= end:
                raise
        await sleep(pause_seconds)


def _repeat_last(waits: Iterable[float]) -> Iterator[float]:
    """Yield the pauses, then the last one for ever."""
    pause_seconds: float | None = None
    for pause_seconds in waits:
        yield pause_seconds
    if pause_seconds is None:
        raise ValueError("waits: expected at least one pause, found none")
    yield from itertools.repeat(pause_seconds)
