"""Runs what a command has to say to the runtime."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from actors.cli.options import Target
from bus.client import REQUEST_TIMEOUT_SECONDS, Peer, connect
from bus.errors import RequestFailed
from schemas.event import Event, Request

ResultT = TypeVar("ResultT")
ReplyT = TypeVar("ReplyT", bound=Event)
RESTARTING_PAUSE_SECONDS = 0.05


@contextlib.asynccontextmanager
async def reach(target: Target) -> AsyncIterator[Peer]:
    """A peer of the runtime that is meant.

    Raises:
        NotRunning: there is none, or it does not answer.
    """
    async with connect(app=target.app, home=target.home) as peer:
        yield peer


def converse(target: Target, talk: Callable[[Peer], Coroutine[Any, Any, ResultT]]) -> ResultT:
    """Connect, talk, leave."""

    async def run() -> ResultT:
        async with reach(target) as peer:
            return await talk(peer)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(run())


async def ask(
    peer: Peer, request: Request[ReplyT], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
) -> ReplyT:
    """Ask; while the actor is being restarted, which the request has not reached then, wait for it.

    Raises:
        RequestFailed: any other failure, or `restarting` still when the time is over.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_seconds
    while True:
        try:
            return await peer.request(request, timeout_seconds=max(0.001, end - loop.time()))
        except RequestFailed as failed:
            if failed.kind != "restarting" or loop.time() + RESTARTING_PAUSE_SECONDS >= end:
                raise
        await asyncio.sleep(RESTARTING_PAUSE_SECONDS)
