"""The supervisor as a peer of the bus: answers what it is asked, and tells what changes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from typing import Any, Final

import msgspec

from actors.runtime.supervisor.core.child_spec import SUPERVISOR
from actors.runtime.supervisor.interfaces import Board
from bus.alert_book import AlertBook
from bus.client import IncomingRequest, Peer, connect
from bus.discovery import Runtime
from bus.errors import Refused, RequestFailed, UndercroftError
from bus.wire import UNREADABLE
from schemas.event import Event, Request, topic_of
from schemas.operations.alerts import Alert, AlertChangedEvent
from schemas.operations.bus import BusStatisticsRequestEvent, PeerJoinedEvent
from schemas.operations.crashes import ActorCrashedEvent
from schemas.operations.supervision import (
    ActorRestartAcceptedEvent,
    ActorRestartRequestEvent,
    ActorStateChangedEvent,
    ActorStatus,
    LogLine,
    LogLinesWrittenEvent,
    LogsReportedEvent,
    LogsRequestEvent,
    SupervisorStatusEvent,
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
LINES_INTERVAL_SECONDS: Final = 0.1
LINES_LIMIT: Final = 1_000
"""Of one batch; a process that writes faster is heard in part, and the ring keeps the rest."""

CONNECT_TIMEOUT_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1.0
LOG_LIMIT_LINES: Final = 10_000
FAILED_ALERT: Final = "supervision.actor_failed"
PROFILE_ALERT: Final = "supervision.profile_refused"


class BusFace:
    """Peer `supervisor`. Its troubles are its own: the supervisor runs on without it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._peer: Peer | None = None
        self._alerts = AlertBook(SUPERVISOR)
        self._lines: deque[LogLine] = deque(maxlen=LINES_LIMIT)
        self._flush_timer: asyncio.TimerHandle | None = None
        self._decoders = {topic_of(request): msgspec.msgpack.Decoder(request) for request in SERVED}

    async def run(self, runtime: Runtime) -> None:
        """Stay on the bus until cancelled."""
        while True:
            try:
                async with connect(
                    SUPERVISOR, runtime=runtime, timeout_seconds=CONNECT_TIMEOUT_SECONDS
                ) as peer:
                    await self._stay(peer)
            except UndercroftError as error:
                sys.stderr.write(f"supervisor: not on the bus: {error}\n")
            finally:
                self._peer = None
            await asyncio.sleep(RETRY_SECONDS)

    def changed(self, status: ActorStatus) -> None:
        """An actor is in another state."""
        self._post(ActorStateChangedEvent(actor=status.actor, status=status))
        if status.state == "failed":
            often = f" and was started again {status.restarts} times" if status.restarts else ""
            message = f"{status.actor} does not stay up: {status.reason}; it ended{often}, the rest runs on"
            advice = f"see 'undercroft logs {status.actor}' and 'undercroft doctor'; 'undercroft restart {status.actor}' tries at once"
            self._tell(
                self._alerts.raise_alert(FAILED_ALERT, status.actor, "error", message, advice, time.time())
            )
        elif status.state in ("ready", "stopped"):
            self._tell(self._alerts.clear(FAILED_ALERT, status.actor))

    def profile_read(self, fault: str) -> None:
        """The profile was read again; `fault` says why it is not taken over, and is empty if it is."""
        if fault:
            message, advice = (
                f"the profile is not taken over, the former one stays in force: {fault}",
                "mend it, then send SIGHUP again",
            )
            self._tell(self._alerts.raise_alert(PROFILE_ALERT, "", "warning", message, advice, time.time()))
        else:
            self._tell(self._alerts.clear(PROFILE_ALERT, ""))

    def crashed(self, event: ActorCrashedEvent) -> None:
        """An actor ended that was not meant to."""
        self._post(event)

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Whoever wants to know sees it in the states."""

    def stopping(self, reason: str) -> None:
        """The end has begun."""
        self._post(SupervisorStoppingEvent(reason=reason))

    def wrote(self, lines: list[LogLine]) -> None:
        """Processes wrote to their logs; lines travel in batches."""
        self._lines.extend(lines)
        if self._flush_timer is None and self._peer is not None:
            self._flush_timer = asyncio.get_running_loop().call_later(
                LINES_INTERVAL_SECONDS, self._flush_lines
            )

    async def _stay(self, peer: Peer) -> None:
        await peer.serve(SERVED, self._asked)
        self._peer = peer
        for status in self._board.overview().actors:
            self._post(ActorStateChangedEvent(actor=status.actor, status=status))
        for alert in self._alerts.active():
            self._tell(alert)
        self.wrote([])
        async with peer.subscribe(PeerJoinedEvent) as events:
            await self._look_around(peer)
            async for event in events:
                if isinstance(event, PeerJoinedEvent):
                    self._board.greeted(event.peer)
                else:
                    await self._look_around(peer)

    async def _look_around(self, peer: Peer) -> None:
        """Find peers that joined before we listened."""
        try:
            statistics = await peer.request(BusStatisticsRequestEvent())
        except RequestFailed:
            return  # the broker is gone again; whoever is there will greet the next one, and we shall hear it
        for other in statistics.peers:
            self._board.greeted(other.peer)

    def _post(self, event: Event) -> None:
        if self._peer is not None:
            self._peer.post(event)

    def _tell(self, alert: Alert | None) -> None:
        if alert is not None:
            self._post(AlertChangedEvent(key=self._alerts.key_of(alert.name, alert.subject), alert=alert))

    def _flush_lines(self) -> None:
        self._flush_timer = None
        lines = list(self._lines)
        self._lines.clear()
        if (
            lines and self._peer is not None and self._peer.is_connected
        ):  # while the broker is away they would pile up; the ring keeps them
            self._post(LogLinesWrittenEvent(lines=lines))

    def _asked(self, request: IncomingRequest) -> None:
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
                return ActorRestartAcceptedEvent(status=self._board.ask_restart(actor))
            case LogsRequestEvent(actor=actor, limit=limit):
                lines, dropped = self._board.newest_lines(actor, min(limit, LOG_LIMIT_LINES))
                return LogsReportedEvent(lines=lines, dropped=dropped)
            case SupervisorStopRequestEvent(reason=reason):
                self._board.ask_stop(reason)
                return SupervisorStoppingEvent(reason=reason)
            case _:
                return self._board.overview()
