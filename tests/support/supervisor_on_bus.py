"""The supervisor's reporter and service on a real broker, with a control that records requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from actors.runtime.supervisor.reports.bus_reporter import BusReporter
from actors.runtime.supervisor.reports.bus_service import BusService
from bus.client import Peer, connect
from bus.errors import Refused
from schemas.operations.supervision import (
    ActorStateChangedEvent,
    ActorStatus,
    LogLine,
    SupervisorStatusEvent,
)
from tests.support.broker_processes import GUARD_SECONDS, broker_options, broker_process

READY = ActorStatus(actor="config_store", state="ready", pid=42)
OVERVIEW = SupervisorStatusEvent(
    version="0", profile="p", home="", pid=1, started_at=0.0, settled=True, actors=[READY]
)


class NotingControl:
    """Notes what it is asked, and knows one actor."""

    def __init__(self) -> None:
        self.limits: list[int] = []
        self.stops: list[str] = []
        self.greetings: asyncio.Queue[str] = asyncio.Queue()

    def overview(self) -> SupervisorStatusEvent:
        return OVERVIEW

    def newest_lines(self, actor: str | None, limit: int) -> tuple[list[LogLine], int]:
        self.limits.append(limit)
        return [LogLine(actor="config_store", at=1.0, text="hello")], 7

    def restart(self, actor: str) -> ActorStatus:
        if actor != "config_store":
            raise Refused(f"there is no actor {actor!r}")
        return READY

    def stop(self, reason: str) -> None:
        self.stops.append(reason)

    def peer_joined(self, peer: str) -> None:
        self.greetings.put_nowait(peer)


@dataclass(frozen=True)
class SupervisorOnBus:
    """`peer` is a client of the bus; `serving` runs the service."""

    reporter: BusReporter
    control: NotingControl
    peer: Peer
    serving: asyncio.Task[None]


@contextlib.asynccontextmanager
async def supervisor_on_bus(directory: Path) -> AsyncIterator[SupervisorOnBus]:
    """Start a broker and join it; the service serves once the block is entered."""
    with broker_process(broker_options("ipc", directory)) as broker:
        control, reporter = NotingControl(), BusReporter()
        serving = asyncio.create_task(BusService(control, reporter).run(broker.runtime()))
        try:
            async with (
                asyncio.timeout(GUARD_SECONDS),
                connect("app", runtime=broker.runtime()) as peer,
                peer.subscribe(ActorStateChangedEvent) as states,
            ):
                assert await anext(states) == ActorStateChangedEvent(actor="config_store", status=READY)
                yield SupervisorOnBus(reporter, control, peer, serving)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
