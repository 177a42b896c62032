"""The connection of a command to the runtime."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, TypeVar

from actors.cli.options import Target
from bus.client import REQUEST_TIMEOUT_SECONDS, Peer, connect
from bus.errors import FailureKind
from bus.retry import request_until_answered
from schemas.event import Event, Request

RESTARTING: Final[frozenset[FailureKind]] = frozenset({"restarting"})
RESTARTING_WAITS_SECONDS: Final = (0.05,)

ResultT = TypeVar("ResultT")
ReplyT = TypeVar("ReplyT", bound=Event)


@contextlib.asynccontextmanager
async def connect_to(target: Target) -> AsyncIterator[Peer]:
    """Connect to the runtime that the command is about.

    Raises:
        NotRunning: there is none, or it does not answer.
    """
    async with connect(app=target.app, home=target.home) as peer:
        yield peer


def with_peer(target: Target, work: Callable[[Peer], Coroutine[Any, Any, ResultT]]) -> ResultT:
    """Connect, do the work, disconnect.

    Raises:
        NotRunning: there is no runtime, or it does not answer.
    """

    async def run() -> ResultT:
        async with connect_to(target) as peer:
            return await work(peer)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(run())


async def ask(
    peer: Peer, request: Request[ReplyT], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
) -> ReplyT:
    """Send a request, and again while its actor restarts: such a request never reached it.

    Raises:
        RequestFailed: any other failure, or the actor has not come back in time.
    """
    return await request_until_answered(
        peer,
        request,
        waits=RESTARTING_WAITS_SECONDS,
        retry_on=RESTARTING,
        timeout_seconds=timeout_seconds,
        within_seconds=timeout_seconds,
    )


def ask_runtime(
    target: Target, request: Request[ReplyT], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
) -> ReplyT:
    """Connect, send one request, disconnect.

    Raises:
        NotRunning: there is no runtime, or it does not answer.
        RequestFailed: the request failed.
    """
    return with_peer(target, lambda peer: ask(peer, request, timeout_seconds))
