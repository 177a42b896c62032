"""The typed client of the bus, for actors, the command line and tests: finds the runtime, connects, follows it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from bus.discovery import DEFAULT_APP, Runtime, is_alive, read_runtime, runtime_path
from bus.errors import NotRunning
from bus.peer.peer import REQUEST_TIMEOUT_SECONDS as REQUEST_TIMEOUT_SECONDS
from bus.peer.peer import Peer as Peer
from bus.peer.peer import Statistics as Statistics
from bus.peer.peer import correlation as correlation
from bus.peer.responder import NOBODY as NOBODY
from bus.peer.responder import IncomingRequest as IncomingRequest
from bus.peer.responder import asker as asker
from bus.transport.transport import Link
from schemas.operations.bus import GapEvent as GapEvent

CONNECT_TIMEOUT_SECONDS: Final = 5.0
FOLLOW_SECONDS: Final = 0.25
"""So often a peer without a connection looks whether the runtime was started anew."""


@contextlib.asynccontextmanager
async def attach(
    link: Link, name: str, token: str, timeout_seconds: float = CONNECT_TIMEOUT_SECONDS
) -> AsyncIterator[Peer]:
    """A peer over a given link; leaves the bus at the end of the block.

    Raises:
        HelloRefused: the broker does not let it in.
        TimeoutError: the broker does not answer.
    """
    peer = Peer(link, name, token)
    peer.start()
    try:
        await peer.wait_until_welcome(timeout_seconds)
        yield peer
    finally:
        peer.close()


@contextlib.asynccontextmanager
async def connect(
    name: str | None = None,
    *,
    runtime: Runtime | None = None,
    app: str = DEFAULT_APP,
    home: str | os.PathLike[str] | None = None,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> AsyncIterator[Peer]:
    """Connect to a runtime, found by app or home unless it is given; reconnects by itself until the block ends.

    Raises:
        NotRunning: there is no runtime, or it does not answer.
        HelloRefused: it does not let this peer in.
    """
    from bus.transport.sockets import SocketLink

    path = runtime_path(app, home)
    is_given = runtime is not None
    if runtime is None:
        runtime = read_runtime(path)
        if not is_alive(runtime.pid):
            raise NotRunning(str(path), f"it is left over from process {runtime.pid}, which is no more")
    async with contextlib.AsyncExitStack() as stack:
        try:
            peer = await stack.enter_async_context(
                attach(SocketLink(runtime), name or unique_name("client"), runtime.token, timeout_seconds)
            )
        except TimeoutError:
            raise NotRunning(
                str(path), f"nobody answers at {runtime.lane} within {timeout_seconds} s"
            ) from None
        if not is_given:
            following = asyncio.create_task(_follow(peer, path, runtime))
            stack.callback(following.cancel)
        yield peer


async def _follow(peer: Peer, path: Path, runtime: Runtime) -> None:
    """When the connection does not come back, see whether `runtime.json` names another broker by now, and go there."""
    from bus.transport.sockets import SocketLink

    while True:
        await peer.wait_until_lost()
        await asyncio.sleep(FOLLOW_SECONDS)
        with contextlib.suppress(NotRunning):
            found = read_runtime(path)
            if found != runtime and is_alive(found.pid):
                runtime = found
                peer.move(SocketLink(found), found.token)


def unique_name(kind: str) -> str:
    """A name for a peer that nobody has to find."""
    return f"{kind}-{os.getpid()}-{os.urandom(4).hex()}"
