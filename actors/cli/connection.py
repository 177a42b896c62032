"""The connection of a command to the runtime."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from actors.cli.options import Target
from bus.client import REQUEST_TIMEOUT_SECONDS, Peer, connect
from bus.discovery import CREDENTIAL_VARIABLE
from bus.errors import FailureKind
from bus.retry import request_until_answered
from schemas.event import Event, Request

RUNTIME_VARIABLE: Final = "UNDERCROFT_RUNTIME"
RESTARTING: Final[frozenset[FailureKind]] = frozenset({"restarting"})
RESTARTING_WAITS_SECONDS: Final = (0.05,)

ResultT = TypeVar("ResultT")
ReplyT = TypeVar("ReplyT", bound=Event)


@contextlib.asynccontextmanager
async def connect_to(target: Target) -> AsyncIterator[Peer]:
    """Connect to the runtime that the command is about: as a guest, or by UNDERCROFT_CREDENTIAL.

    Raises:
        NotRunning: there is none, or it does not answer.
        HelloRefused: the credential is not that of the name, or another peer has the name.
    """
    name, credential = own_credential(os.environ)
    async with connect(name, app=target.app, home=target.home, credential=credential) as peer:
        yield peer


def own_credential(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Name and credential that a person gave to the command; None and None: it is a guest.

    Within a child of a runtime the variable is that of the child, which is connected under its name itself.
    """
    name, _, credential = environ.get(CREDENTIAL_VARIABLE, "").partition(":")
    if not name or not credential or RUNTIME_VARIABLE in environ:
        return None, None
    return name, credential


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
