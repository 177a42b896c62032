"""The typed client of the bus: finds the runtime, connects to it, and follows it when it is started anew."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from bus.discovery import (
    DEFAULT_APP,
    Runtime,
    environment_credential,
    is_alive,
    read_runtime,
    runtime_path,
)
from bus.errors import NotRunning
from bus.own_places import check_endpoints
from bus.peer.lane.responder import NOBODY as NOBODY
from bus.peer.lane.responder import IncomingRequest as IncomingRequest
from bus.peer.lane.responder import asker as asker
from bus.peer.lane.responder import publisher as publisher
from bus.peer.matter import correlation as correlation
from bus.peer.peer import REQUEST_TIMEOUT_SECONDS as REQUEST_TIMEOUT_SECONDS
from bus.peer.peer import Peer as Peer
from bus.peer.peer_statistics import Statistics as Statistics
from bus.transport.transport import Transport
from schemas.operations.bus import GapEvent as GapEvent

CONNECT_TIMEOUT_SECONDS: Final = 5.0
FOLLOW_SECONDS: Final = 0.25
"""How often a peer without a connection checks whether the runtime was started anew."""


@contextlib.asynccontextmanager
async def attach(
    transport: Transport, name: str, credential: str, timeout_seconds: float = CONNECT_TIMEOUT_SECONDS
) -> AsyncIterator[Peer]:
    """Make a peer over a given transport; it leaves the bus at the end of the block.

    Args:
        transport: the way to the broker.
        name: of the peer.
        credential: that of the name, or the token of the runtime, which makes a guest.
        timeout_seconds: limit of the first connection.

    Raises:
        HelloRefused: the broker does not admit it.
        TimeoutError: the broker does not answer.
    """
    peer = Peer(transport, name, credential)
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
    credential: str | None = None,
) -> AsyncIterator[Peer]:
    """Connect to a runtime. The peer reconnects by itself until the block ends.

    Args:
        name: of the peer; None: a unique one.
        runtime: where to connect; None: the runtime of `app` or `home` is looked up, and followed.
        app: name of the app.
        home: directory below which the app keeps everything.
        timeout_seconds: limit of the first connection.
        credential: proves that this peer is who its name says; None: that in UNDERCROFT_CREDENTIAL, if it was
            made for this name and this runtime, else the token of the runtime, which makes a guest.

    Raises:
        NotRunning: there is no runtime, or it does not answer.
        UnsafePlace: others own its home or its sockets, or can write to them.
        HelloRefused: it does not admit this peer.
    """
    from bus.transport.sockets.socket_transport import SocketTransport

    name = name or unique_name("client")
    path = runtime_path(app, home)
    is_given = runtime is not None
    if runtime is None:
        runtime = read_runtime(path)
        if not is_alive(runtime.pid):
            raise NotRunning(str(path), f"it is left over from process {runtime.pid}, which has ended")
    check_endpoints(runtime.lane, runtime.feed)
    async with contextlib.AsyncExitStack() as stack:
        try:
            peer = await stack.enter_async_context(
                attach(SocketTransport(runtime), name, _presented(credential, name, runtime), timeout_seconds)
            )
        except TimeoutError:
            place = runtime.lane if is_given else str(path)
            raise NotRunning(place, f"no answer at {runtime.lane} within {timeout_seconds} s") from None
        if not is_given:
            following = asyncio.create_task(_follow(peer, path, runtime, credential))
            stack.callback(following.cancel)
        yield peer


def _presented(credential: str | None, name: str, runtime: Runtime) -> str:
    """What HELLO presents to this runtime under this name."""
    return credential or environment_credential(name, runtime) or runtime.token


async def _follow(peer: Peer, path: Path, runtime: Runtime, credential: str | None) -> None:
    """While the connection is lost, look whether `runtime.json` names another broker, and connect to that."""
    from bus.transport.sockets.socket_transport import SocketTransport

    while not peer.is_displaced:
        await peer.wait_until_lost()
        await asyncio.sleep(FOLLOW_SECONDS)
        with contextlib.suppress(NotRunning):
            found = read_runtime(path)
            if found != runtime and is_alive(found.pid):
                runtime = found
                peer.move(SocketTransport(found), _presented(credential, peer.name, found))


def unique_name(kind: str) -> str:
    """A name for a peer that no other peer has to find."""
    return f"{kind}-{os.getpid()}-{os.urandom(4).hex()}"
