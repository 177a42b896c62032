"""Runs what a command has to say to the runtime."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from actors.cli.options import Target
from bus.client import Peer, connect

ResultT = TypeVar("ResultT")


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
