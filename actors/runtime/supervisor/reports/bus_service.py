"""The supervisor as a peer of the bus: answers requests, and notices peers that greet the broker."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import msgspec

from actors.runtime.supervisor.core.child_spec import SUPERVISOR
from actors.runtime.supervisor.interfaces import SupervisorControl
from actors.runtime.supervisor.reports.bus_reporter import BusReporter
from bus.client import IncomingRequest, Peer, connect
from bus.discovery import Runtime
from bus.errors import Refused, UndercroftError
from bus.wire import UNREADABLE
from schemas.event import Event, Request, topic_of
from schemas.operations.bus import BusStatisticsEvent, BusStatisticsRequestEvent, PeerJoinedEvent
from schemas.operations.supervision import (
    ActorRestartAcceptedEvent,
    ActorRestartRequestEvent,
    LogsReportedEvent,
    LogsRequestEvent,
    SupervisorStatusRequestEvent,
    SupervisorStoppingEvent,
    SupervisorStopRequestEvent,
)

SERVED: Final[tuple[type[Request[Any]], ...]] = (
    SupervisorStatusRequestEvent,
    ActorRestartRequestEvent,
    SupervisorStopRequestEvent,
    LogsRequestEvent,
)
CONNECT_TIMEOUT_SECONDS: Final = 10.0
RECONNECT_SECONDS: Final = 1.0
LOG_LIMIT_LINES: Final = 10_000


class BusService:
    """Peer `supervisor`. Whatever goes wrong on the bus, the supervisor runs on."""

    def __init__(self, supervisor: SupervisorControl, reporter: BusReporter) -> None:
        """Serve the supervisor; `reporter` publishes over the same connection."""
        self._supervisor = supervisor
        self._reporter = reporter
        self._decoders = {topic_of(request): msgspec.msgpack.Decoder(request) for request in SERVED}

    async def run(self, runtime: Runtime, credential: str | None = None) -> None:
        """Stay on the bus until the broker is about to stop.

        Args:
            runtime: how to reach it.
            credential: of the supervisor.
        """
        staying = asyncio.ensure_future(self._stay_connected(runtime, credential))
        try:
            await self._reporter.until_broker_stops()
        finally:
            staying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await staying

    async def _stay_connected(self, runtime: Runtime, credential: str | None) -> None:
        while True:
            try:
                async with connect(
                    SUPERVISOR,
                    runtime=runtime,
                    timeout_seconds=CONNECT_TIMEOUT_SECONDS,
                    credential=credential,
                ) as peer:
                    await self._serve(peer)
            except UndercroftError as error:
                self._supervisor.say(f"not on the bus: {error}")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _serve(self, peer: Peer) -> None:
        await peer.serve(SERVED, self._take_request)
        with self._reporter.reporting_over(peer, self._supervisor.overview().actors):
            async with peer.ask_then_follow(BusStatisticsRequestEvent(), PeerJoinedEvent) as updates:
                async for update in updates:
                    self._notice(update)

    def _notice(self, update: BusStatisticsEvent | PeerJoinedEvent) -> None:
        """Notice the peers that are there, at first and after a gap, or one that has just come."""
        if isinstance(update, PeerJoinedEvent):
            self._supervisor.peer_joined(update.peer)
            return
        for other in update.peers:
            self._supervisor.peer_joined(other.peer)

    def _take_request(self, request: IncomingRequest) -> None:
        try:
            event = self._decoders[request.topic].decode(request.body)
        except UNREADABLE as error:
            request.fail("invalid", f"the request does not fit {request.topic}: {error}")
            return
        try:
            request.reply(self._answer(event))
        except Refused as refused:
            request.fail("refused", str(refused))

    def _answer(self, event: Request[Any]) -> Event:
        match event:
            case ActorRestartRequestEvent(actor=actor):
                return ActorRestartAcceptedEvent(status=self._supervisor.restart(actor))
            case LogsRequestEvent(actor=actor, limit=limit):
                lines, dropped = self._supervisor.newest_lines(actor, min(limit, LOG_LIMIT_LINES))
                return LogsReportedEvent(lines=lines, dropped=dropped)
            case SupervisorStopRequestEvent(reason=reason):
                self._supervisor.stop(reason)
                return SupervisorStoppingEvent(reason=reason)
            case _:
                return self._supervisor.overview()
