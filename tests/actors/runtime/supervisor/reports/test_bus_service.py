"""The supervisor as a peer: it answers every request, whatever that holds, and notices peers that greet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.supervisor.reports import bus_service
from actors.runtime.supervisor.reports.bus_service import LOG_LIMIT_LINES
from bus import wire
from bus.errors import FailureKind, RequestFailed
from schemas.operations.bus import BusStatisticsRequestEvent, PeerJoinedEvent, PeerLeftEvent
from schemas.operations.supervision import (
    ActorRestartRequestEvent,
    ActorStatus,
    LogsRequestEvent,
    SupervisorStatusRequestEvent,
    SupervisorStopRequestEvent,
)
from tests.support.supervisor_on_bus import OVERVIEW, READY, supervisor_on_bus

pytestmark = pytest.mark.anyio


async def test_it_answers_status_restart_logs_and_stop(tmp_path: Path) -> None:
    async with supervisor_on_bus(tmp_path) as found:
        peer, control = found.peer, found.control
        assert await peer.request(SupervisorStatusRequestEvent()) == OVERVIEW
        assert (await peer.request(ActorRestartRequestEvent(actor="config_store"))).status == READY
        reported = await peer.request(LogsRequestEvent())
        assert ([line.text for line in reported.lines], reported.dropped) == (["hello"], 7)
        await peer.request(SupervisorStopRequestEvent(reason="enough"))
        assert control.stops == ["enough"]


async def test_what_the_supervisor_refuses_is_refused(tmp_path: Path) -> None:
    async with supervisor_on_bus(tmp_path) as found:
        peer = found.peer
        with pytest.raises(RequestFailed, match="there is no actor 'nobody'") as caught:
            await peer.request(ActorRestartRequestEvent(actor="nobody"))
        assert caught.value.kind == "refused"


@pytest.mark.parametrize(("asked", "given"), [(10**12, LOG_LIMIT_LINES), (3, 3)])
async def test_no_answer_holds_more_lines_than_the_limit(tmp_path: Path, asked: int, given: int) -> None:
    async with supervisor_on_bus(tmp_path) as found:
        peer, control = found.peer, found.control
        await peer.request(LogsRequestEvent(limit=asked))
        assert control.limits == [given]


@pytest.mark.parametrize("actor", [b"\xa2\xff\xfe", b"\x07"], ids=["not UTF-8", "not a text"])
async def test_a_request_that_cannot_be_read_fails_at_once_and_the_next_one_is_answered(
    tmp_path: Path, actor: bytes
) -> None:
    async with supervisor_on_bus(tmp_path) as found:
        peer = found.peer
        body = b"\x82\xa4type\xb3supervision.restart\xa5actor" + actor
        outcome: asyncio.Future[wire.LaneHeader] = asyncio.get_running_loop().create_future()
        peer._link.requester.begin(
            lambda id: wire.RequestHeader(id, "supervision.restart", 20_000),
            lambda answer, frames: outcome.set_result(answer),
            body,
        )
        failed = await outcome
        assert isinstance(failed, wire.FailedHeader)
        assert failed.kind == "invalid"
        assert await peer.request(SupervisorStatusRequestEvent()) == OVERVIEW


async def test_peers_that_greet_are_noticed(tmp_path: Path) -> None:
    async with supervisor_on_bus(tmp_path) as found:
        while await found.control.greetings.get() != "app":
            pass


async def test_a_broker_that_does_not_answer_in_time_is_asked_again_who_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with supervisor_on_bus(tmp_path) as found:
        service = bus_service.BusService(found.control, found.reporter)
        while not found.control.greetings.empty():
            found.control.greetings.get_nowait()
        failures: list[FailureKind] = ["deadline", "busy"]
        ask = found.peer.request_with_place

        async def request(*arguments: Any) -> Any:
            if failures:
                raise RequestFailed(failures.pop(), "not now")
            return await ask(*arguments)

        monkeypatch.setattr(found.peer, "request_with_place", request)
        async with found.peer.ask_then_follow(BusStatisticsRequestEvent(), PeerJoinedEvent) as updates:
            service._notice(await anext(updates))
        assert failures == []
        assert not found.control.greetings.empty()


async def test_it_leaves_the_bus_when_the_runtime_stops_and_the_broker_is_next(tmp_path: Path) -> None:
    async with supervisor_on_bus(tmp_path) as found, found.peer.subscribe(PeerLeftEvent) as events:
        found.reporter.changed(ActorStatus(actor="broker", state="stopping"))
        found.reporter.stopping("enough")
        found.reporter.changed(ActorStatus(actor="config_store", state="stopping"))
        await found.peer.request(SupervisorStatusRequestEvent())
        assert not found.serving.done()
        found.reporter.changed(ActorStatus(actor="broker", state="stopping"))
        await found.serving
        left = await anext(events)
        assert isinstance(left, PeerLeftEvent)
        assert left.peer == "supervisor"
