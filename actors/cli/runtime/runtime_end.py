"""Ends the runtime that holds a home, whatever became of its files, its sockets and its broker."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from actors.cli.exit_codes import DeadlinePassed
from actors.cli.options import Target
from actors.cli.runtime.runtime_search import holder_when_seen, not_running, state_of
from actors.runtime.supervisor.host.home.home_holder import HomeHolder
from bus.client import connect
from bus.discovery import read_runtime, runtime_path
from bus.errors import NotRunning, UndercroftError
from schemas.operations.supervision import SupervisorStopRequestEvent

POLITE_SECONDS: Final = 2.0
"""How long the bus has to answer before a signal is sent instead."""


def end_holder(target: Target, timeout_seconds: float) -> int | None:
    """End the runtime by a signal to the process that holds the home, and wait for its end.

    Returns:
        Its process id; None: there was none.

    Raises:
        DeadlinePassed: it has not ended in time.
        HolderUnseen: the home is locked, but not by a process that can be told.
    """
    holder = holder_when_seen(state_of(target))
    if holder is None:
        return None
    try:
        holder.terminate()
        _wait(holder, timeout_seconds)
        return holder.pid
    finally:
        holder.close()


def end_runtime(target: Target, timeout_seconds: float) -> int:
    """Ask the runtime over the bus to stop, or by a signal if that fails, and wait for its end.

    Returns:
        Its process id.

    Raises:
        NotRunning: no runtime holds the home.
        DeadlinePassed: it has not ended in time.
        HolderUnseen: the home is locked, but not by a process that can be told.
    """
    state = state_of(target)
    path = runtime_path(target.app, target.home)
    holder = holder_when_seen(state)
    if holder is None:
        raise not_running(path)
    try:
        began = time.monotonic()
        if not _ask_to_stop(path, holder.pid):
            holder.terminate()
        _wait(holder, timeout_seconds - (time.monotonic() - began))
        return holder.pid
    finally:
        holder.close()


def _wait(holder: HomeHolder, timeout_seconds: float) -> None:
    if not holder.wait(timeout_seconds):
        advice = f"see 'undercroft status'; process {holder.pid} is still there"
        raise DeadlinePassed("the runtime has not stopped", timeout_seconds, advice)


def _ask_to_stop(path: Path, pid: int) -> bool:
    """Ask over the bus; False: it may not have heard. A signal does no harm if it has."""

    async def ask() -> None:
        runtime = read_runtime(path)
        if runtime.pid != pid:
            raise NotRunning(str(path), f"it names process {runtime.pid}, but process {pid} holds this home")
        async with connect(runtime=runtime, timeout_seconds=POLITE_SECONDS) as peer:
            request = SupervisorStopRequestEvent(reason="undercroft down")
            await peer.request(request, timeout_seconds=POLITE_SECONDS)

    try:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(ask())
    except UndercroftError:
        return False
    return True
