"""The connection of a command to the runtime."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from actors.cli.exit_codes import RuntimeSilent
from actors.cli.options import Target
from actors.cli.runtime.runtime_search import find_runtime, state_of
from bus.client import REQUEST_TIMEOUT_SECONDS, Peer, connect
from bus.discovery import CREDENTIAL_VARIABLE, is_alive
from bus.errors import FailureKind, NotRunning
from bus.retry import request_until_answered
from schemas.event import Event, Request

RUNTIME_VARIABLE: Final = "UNDERCROFT_RUNTIME"
RESTARTING: Final[frozenset[FailureKind]] = frozenset({"restarting"})
AWAY: Final[frozenset[FailureKind]] = frozenset({"restarting", "no_responder"})
RESTARTING_WAITS_SECONDS: Final = (0.05,)

ResultT = TypeVar("ResultT")
ReplyT = TypeVar("ReplyT", bound=Event)


@contextlib.asynccontextmanager
async def connect_to(target: Target) -> AsyncIterator[Peer]:
    """Connect to the runtime that the command is about: as a guest, or by UNDERCROFT_CREDENTIAL.

    Raises:
        NotRunning: there is none.
        RuntimeSilent: there is one, but it does not answer.
        HelloRefused: the credential is not that of the name, or another peer has the name.
    """
    runtime = find_runtime(target)
    name, credential = own_credential(os.environ)
    async with contextlib.AsyncExitStack() as stack:
        try:
            peer = await stack.enter_async_context(
                connect(name, app=target.app, home=target.home, credential=credential)
            )
        except NotRunning as silent:
            if not is_alive(runtime.pid):
                raise
            raise RuntimeSilent(str(state_of(target)), runtime.pid, silent.detail) from silent
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
        NotRunning: there is no runtime.
        RuntimeSilent: there is one, but it does not answer.
    """

    async def run() -> ResultT:
        async with connect_to(target) as peer:
            return await work(peer)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(run())


async def ask_supervisor(peer: Peer, request: Request[ReplyT]) -> ReplyT:
    """Send a request to the supervisor, and again while it is not on the bus yet, or not again.

    Raises:
        RequestFailed: any other failure, or it has not come in time.
    """
    return await ask(peer, request, retry_on=AWAY)


async def ask(
    peer: Peer,
    request: Request[ReplyT],
    timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    retry_on: frozenset[FailureKind] = RESTARTING,
) -> ReplyT:
    """Send a request, and again while its actor restarts: such a request never reached it.

    Raises:
        RequestFailed: any other failure, or the actor has not come back in time.
    """
    return await request_until_answered(
        peer,
        request,
        waits=RESTARTING_WAITS_SECONDS,
        retry_on=retry_on,
        timeout_seconds=timeout_seconds,
        within_seconds=timeout_seconds,
    )


def ask_runtime(
    target: Target, request: Request[ReplyT], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
) -> ReplyT:
    """Connect, send one request, disconnect.

    Raises:
        NotRunning: there is no runtime.
        RuntimeSilent: there is one, but it does not answer.
        RequestFailed: the request failed.
    """
    return with_peer(target, lambda peer: ask(peer, request, timeout_seconds))
