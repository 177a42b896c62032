"""The supervisor as a peer: it answers what it is asked, whatever that looks like, and tells what changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.supervisor.bus_service import LOG_LIMIT_LINES, BusFace
from bus import wire
from bus.client import Peer, connect
from bus.errors import Refused, RequestFailed
from bus.peer.subscription import Subscription
from bus.transport.sockets import SocketLink
from schemas.operations.alerts import Alert, AlertChangedEvent
from schemas.operations.crashes import ActorCrashedEvent
from schemas.operations.supervision import (
    ActorRestartRequestEvent,
    ActorState,
    ActorStateChangedEvent,
    ActorStatus,
    LogLine,
    LogLinesWrittenEvent,
    LogsRequestEvent,
    SupervisorStatusEvent,
    SupervisorStatusRequestEvent,
    SupervisorStopRequestEvent,
)
from tests.support.broker_processes import GUARD_SECONDS, broker_options, broker_process

pytestmark = pytest.mark.anyio
READY = ActorStatus(actor="config_store", state="ready", pid=42)
OVERVIEW = SupervisorStatusEvent(
    version="0", profile="p", home="", pid=1, started_at=0.0, settled=True, actors=[READY]
)


class Board:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.limits: list[int] = []
        self.stops: list[str] = []
        self.greetings: asyncio.Queue[str] = asyncio.Queue()

    def overview(self) -> SupervisorStatusEvent:
        return OVERVIEW

    def newest_lines(self, actor: str | None, limit: int) -> tuple[list[LogLine], int]:
        self.limits.append(limit)
        return [LogLine(actor="config_store", at=1.0, text="hello")], 7

    def ask_restart(self, actor: str) -> ActorStatus:
        if actor != "config_store":
            raise Refused(f"there is no actor {actor!r}")
        return READY

    def ask_stop(self, reason: str) -> None:
        self.stops.append(reason)

    def greeted(self, peer: str) -> None:
        self.greetings.put_nowait(peer)


@contextlib.asynccontextmanager
async def face(directory: Path) -> AsyncIterator[tuple[BusFace, Board, Peer]]:
    """A face on a real broker, and a peer that talks to it."""
    with broker_process(broker_options("ipc", directory)) as broker:
        board = Board()
        found = BusFace(board)
        running = asyncio.create_task(found.run(broker.runtime()))
        try:
            async with (
                asyncio.timeout(GUARD_SECONDS),
                connect("app", runtime=broker.runtime()) as peer,
                peer.subscribe(ActorStateChangedEvent) as states,
            ):
                assert await anext(states) == ActorStateChangedEvent(
                    actor="config_store", status=READY
                )  # told once it serves
                yield found, board, peer
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_it_answers_status_restart_logs_and_stop(tmp_path: Path) -> None:
    async with face(tmp_path) as (_, board, peer):
        assert await peer.request(SupervisorStatusRequestEvent()) == OVERVIEW
        assert (await peer.request(ActorRestartRequestEvent(actor="config_store"))).status == READY
        reported = await peer.request(LogsRequestEvent())
        assert ([line.text for line in reported.lines], reported.dropped) == (["hello"], 7)
        await peer.request(SupervisorStopRequestEvent(reason="enough"))
        assert board.stops == ["enough"]


async def test_what_the_board_refuses_is_refused(tmp_path: Path) -> None:
    async with face(tmp_path) as (_, _board, peer):
        with pytest.raises(RequestFailed, match="there is no actor 'nobody'") as caught:
            await peer.request(ActorRestartRequestEvent(actor="nobody"))
        assert caught.value.kind == "refused"


@pytest.mark.parametrize(("asked", "given"), [(10**12, LOG_LIMIT_LINES), (3, 3)])
async def test_no_answer_holds_more_lines_than_the_limit(tmp_path: Path, asked: int, given: int) -> None:
    async with face(tmp_path) as (_, board, peer):
        await peer.request(LogsRequestEvent(limit=asked))
        assert board.limits == [given]


@pytest.mark.parametrize("actor", [b"\xa2\xff\xfe", b"\x07"], ids=["not UTF-8", "not a text"])
async def test_a_request_that_cannot_be_read_fails_at_once_and_the_next_one_is_answered(
    tmp_path: Path, actor: bytes
) -> None:
    async with face(tmp_path) as (_, _board, peer):
        assert isinstance(peer._link, SocketLink)
        body = b"\x82\xa4type\xb3supervision.restart\xa5actor" + actor
        outcome: asyncio.Future[wire.LaneHeader] = asyncio.get_running_loop().create_future()
        peer._asking.begin(
            lambda id: wire.Request(id, "supervision.restart", 20_000),
            lambda answer, frames: outcome.set_result(answer),
            body,
        )
        failed = await outcome
        assert isinstance(failed, wire.Failed)
        assert failed.kind == "invalid"
        assert await peer.request(SupervisorStatusRequestEvent()) == OVERVIEW


async def test_log_lines_travel_in_batches_and_peers_that_greet_are_noticed(tmp_path: Path) -> None:
    async with face(tmp_path) as (found, board, peer), peer.subscribe(LogLinesWrittenEvent) as events:
        for n in range(3):
            found.wrote([LogLine(actor="tray", at=float(n), text=str(n))])
        written = await anext(events)
        assert isinstance(written, LogLinesWrittenEvent)
        assert [line.text for line in written.lines] == ["0", "1", "2"]
        while await board.greetings.get() != "app":
            pass


async def test_an_actor_that_does_not_stay_up_is_an_alert_until_it_is_ready(tmp_path: Path) -> None:
    def status(state: ActorState) -> ActorStatus:
        return ActorStatus(actor="tray", state=state, restarts=5, reason="exit code 1")

    async def next_alert(events: Subscription[Any]) -> Alert:
        event = await anext(events)
        assert isinstance(event, AlertChangedEvent)
        assert event.key == "supervisor/supervision.actor_failed/tray"
        return event.alert

    async with face(tmp_path) as (found, _board, peer), peer.subscribe(AlertChangedEvent) as events:
        for state in ("failed", "starting", "failed", "ready", "ready"):
            found.changed(status(state))
        first, second, cleared = [await next_alert(events) for _ in range(3)]
        assert (first.is_active, first.severity, first.count) == (True, "error", 1)
        assert "exit code 1" in first.message
        assert "was started again 5 times" in first.message
        assert "undercroft restart tray" in first.advice
        assert (second.is_active, second.count) == (True, 2)
        assert not cleared.is_active
        found.changed(status("failed"))
        assert (await next_alert(events)).count == 1  # nothing came in between


async def test_a_crash_is_announced(tmp_path: Path) -> None:
    event = ActorCrashedEvent(actor="tray", kind="fatal_signal", at=1.0, signal="SIGSEGV", record="r.json")
    async with face(tmp_path) as (found, _board, peer), peer.subscribe(ActorCrashedEvent) as events:
        found.crashed(event)
        assert await anext(events) == event


async def test_a_profile_that_is_not_taken_over_is_an_alert_until_one_is(tmp_path: Path) -> None:
    async with face(tmp_path) as (found, _board, peer), peer.subscribe(AlertChangedEvent) as events:
        found.profile_read("")
        found.profile_read("profile.toml: name: expected text")
        found.profile_read("")
        raised, cleared = await anext(events), await anext(events)
        assert isinstance(raised, AlertChangedEvent)
        assert isinstance(cleared, AlertChangedEvent)
        assert (raised.key, raised.alert.is_active) == ("supervisor/supervision.profile_refused/", True)
        assert "expected text" in raised.alert.message
        assert not cleared.alert.is_active
