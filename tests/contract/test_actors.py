"""The loop around every actor: one thing at a time, every request answered, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import assert_never

import pytest

from bus import wire
from bus.actor import Actor, BusContext
from bus.actor_loop import ActorLoop
from bus.client import correlation
from bus.errors import Refused, RequestFailed
from schemas.event import Event
from schemas.operations.alerts import AlertChangedEvent
from schemas.operations.metrics import MetricsReportedEvent, MetricsWantedEvent
from tests.contract.conftest import ContractBus
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent, StateEvent

pytestmark = pytest.mark.anyio

Inbox = AskEvent | NumberedEvent | StateEvent


class Notes:
    """What happened to the actor; `open` lets it go on in the middle of a request that asks to `wait`."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.noted = asyncio.Event()
        self.open = asyncio.Event()
        self.prepared = asyncio.Event()
        self.prepared.set()

    def note(self, text: str) -> None:
        self.log.append(text)
        self.noted.set()

    async def until(self, text: str) -> None:
        while text not in self.log:
            self.noted.clear()
            await self.noted.wait()


class Recorder(Actor[Inbox]):
    """Notes what happens to it."""

    def __init__(self, context: BusContext, notes: Notes) -> None:
        super().__init__(context)
        self.notes = notes
        self.note = notes.note
        self.inside = 0

    async def prepare(self) -> None:
        self.note("preparing")
        await self.notes.prepared.wait()
        self.note("prepared")

    async def handle(self, event: Inbox) -> Event | None:
        assert self.inside == 0, "two at once"
        self.inside += 1
        try:
            return await self.react(event)
        finally:
            self.inside -= 1

    async def react(self, event: Inbox) -> Event | None:
        match event:
            case AskEvent(text="refuse"):
                raise Refused("not today")
            case AskEvent(text="crash"):
                raise ZeroDivisionError("a bug")
            case AskEvent(text="silent"):
                return None
            case AskEvent(text="wait"):
                self.note("waiting")
                await self.notes.open.wait()
            case AskEvent():
                pass
            case NumberedEvent():
                await asyncio.sleep(0)
                self.note(f"heard {event.n} {correlation.get()}")
                return None
            case StateEvent():
                self.note(f"state {event.key}")
                return None
            case _:
                assert_never(event)
        self.note(f"answering {event.text} {correlation.get()}")
        return AnswerEvent(text=event.text)

    async def close(self) -> None:
        assert self.inside == 0, "closed in the middle"
        self.note("closed")
        await self.peer.publish(NumberedEvent(n=99))


@dataclass
class Life:
    """One life of the actor, and the task that runs it."""

    actor: Recorder
    loop: ActorLoop[Inbox]
    task: asyncio.Task[None]


@contextlib.asynccontextmanager
async def running(
    bus: ContractBus, notes: Notes | None = None, kind: type[Recorder] = Recorder
) -> AsyncIterator[Life]:
    """An actor under its loop, once it prepares itself."""
    notes = notes or Notes()
    built: list[tuple[Recorder, ActorLoop[Inbox]]] = []

    def build(context: BusContext) -> Recorder:
        actor = kind(context, notes)
        built.append((actor, loops[0]))
        return actor

    async def live() -> None:
        async with bus.connect("recorder") as peer:
            loops.append(ActorLoop(build, peer))
            await loops[0].run()

    loops: list[ActorLoop[Inbox]] = []
    task = asyncio.ensure_future(live())
    try:
        await notes.until("preparing")
        yield Life(*built[0], task)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ExceptionGroup):
            await task


async def kind_of(asking: asyncio.Future[AnswerEvent]) -> str:
    with pytest.raises(RequestFailed) as caught:
        await asking
    return caught.value.kind


@pytest.mark.requirement("C-1")
async def test_the_inbox_is_what_an_actor_serves_and_hears(bus: ContractBus) -> None:
    notes = Notes()
    async with bus.connect() as peer, running(bus, notes) as life:
        await life.loop.wait_until_ready()
        assert (await peer.request(AskEvent(text="hello"))).text == "hello"
        correlation.set("matter-3")
        await peer.publish(NumberedEvent(n=1))
        await notes.until("heard 1 matter-3")
        await peer.request(AskEvent(text="again"))
        correlation.set(None)
        assert "answering again matter-3" in notes.log


async def test_events_and_requests_come_one_at_a_time_and_events_in_order(bus: ContractBus) -> None:
    notes = Notes()
    async with bus.connect() as peer, running(bus, notes) as life:
        await life.loop.wait_until_ready()
        asking = []
        for n in range(200):
            await peer.publish(NumberedEvent(n=n))
            asking.append(asyncio.ensure_future(peer.request(AskEvent(text=str(n)))))
        assert [(await future).text for future in asking] == [str(n) for n in range(200)]
        await notes.until("heard 199 None")
        assert [line for line in notes.log if line.startswith("heard")] == [
            f"heard {n} None" for n in range(200)
        ]


async def test_events_wait_until_the_actor_is_prepared(bus: ContractBus) -> None:
    notes = Notes()
    notes.prepared.clear()
    async with bus.connect() as peer:
        await peer.publish(StateEvent(key="retained", value=1))
        await peer.settled()
        async with running(bus, notes):
            await peer.publish(NumberedEvent(n=1))
            await peer.settled()
            assert (
                await kind_of(asyncio.ensure_future(peer.request(AskEvent(text="early")))) == "no_responder"
            )
            notes.prepared.set()
            await notes.until("heard 1 None")
            assert notes.log == ["preparing", "prepared", "state retained", "heard 1 None"]


@pytest.mark.parametrize(("text", "kind"), [("refuse", "refused"), ("silent", "refused")])
async def test_an_actor_may_say_no_and_goes_on(bus: ContractBus, text: str, kind: str) -> None:
    async with bus.connect() as peer, running(bus) as life:
        await life.loop.wait_until_ready()
        assert await kind_of(asyncio.ensure_future(peer.request(AskEvent(text=text)))) == kind
        assert (await peer.request(AskEvent(text="on"))).text == "on"


@pytest.mark.parametrize(
    "body", [wire.encode({"type": "app.ask"}), b"\x82\xa4type\xa7app.ask\xa4text\xa1\xff", b"\x80"]
)
async def test_a_request_that_does_not_fit_is_invalid_and_the_actor_goes_on(
    bus: ContractBus, body: bytes
) -> None:
    async with bus.connect() as peer, bus.raw() as raw, running(bus) as life:
        await life.loop.wait_until_ready()
        await raw.hello("raw")
        raw.send(wire.RequestHeader(1, "app.ask", 5000), body)
        failed, _ = await raw.next(wire.FailedHeader)
        assert (failed.id, failed.kind) == (1, "invalid")
        assert (await peer.request(AskEvent(text="on"))).text == "on"


async def test_a_crash_fails_what_it_had_in_hand_as_died_and_it_is_due_back(bus: ContractBus) -> None:
    async with bus.connect() as peer, running(bus) as life:
        await life.loop.wait_until_ready()
        asking = [
            asyncio.ensure_future(peer.request(AskEvent(text=text), 30.0)) for text in ("crash", "queued")
        ]
        assert [await kind_of(future) for future in asking] == ["died", "died"]
        with pytest.raises(ExceptionGroup) as caught:
            await life.task
        assert caught.group_contains(ZeroDivisionError, depth=1)
        while any(found.peer == "recorder" for found in (await bus.statistics(peer)).peers):
            pass
        assert await kind_of(asyncio.ensure_future(peer.request(AskEvent(text="?")))) == "restarting"


async def test_an_actor_whose_background_work_fails_ends(bus: ContractBus) -> None:
    notes = Notes()

    async def fail() -> None:
        raise ZeroDivisionError

    async with running(bus, notes) as life:
        await life.loop.wait_until_ready()
        life.actor.tasks.start_soon(fail)
        with pytest.raises(ExceptionGroup):
            await life.task


@pytest.mark.parametrize(("returning", "kind"), [(True, "restarting"), (False, "no_responder")])
async def test_stopping_answers_what_is_queued_and_nothing_new(
    bus: ContractBus, returning: bool, kind: str
) -> None:
    notes = Notes()
    async with (
        bus.connect() as peer,
        peer.subscribe(NumberedEvent) as events,
        running(bus, notes) as life,
    ):
        await life.loop.wait_until_ready()
        asking = [
            asyncio.ensure_future(peer.request(AskEvent(text=text), 30.0))
            for text in ("wait", "second", "third")
        ]
        await notes.until("waiting")
        async with bus.connect() as other:
            while (await bus.statistics(other)).pending_requests < 3:
                pass
        await bus.statistics(life.actor.peer)  # so the last of the three has reached the actor
        life.loop.stop(returning=returning)
        assert await kind_of(asyncio.ensure_future(peer.request(AskEvent(text="late"), 30.0))) == kind
        notes.open.set()
        assert [(await future).text for future in asking] == ["wait", "second", "third"]
        await life.task
        assert notes.log[-1] == "closed"
        assert await anext(events) == NumberedEvent(n=99), (
            "what it published last was accepted before it left"
        )
        while any(found.peer == "recorder" for found in (await bus.statistics(peer)).peers):
            pass
        assert await kind_of(asyncio.ensure_future(peer.request(AskEvent(text="after")))) == kind


async def test_a_cancelled_request_that_still_waits_is_not_carried_out(bus: ContractBus) -> None:
    notes = Notes()
    async with bus.connect() as peer, running(bus, notes) as life:
        await life.loop.wait_until_ready()
        first = asyncio.ensure_future(peer.request(AskEvent(text="wait"), 30.0))
        await notes.until("waiting")
        second = asyncio.ensure_future(peer.request(AskEvent(text="unwanted"), 30.0))
        while (await bus.statistics(peer)).pending_requests < 2:
            pass
        second.cancel()
        while (await bus.statistics(peer)).pending_requests > 1:
            pass
        await bus.statistics(life.actor.peer)
        notes.open.set()
        await first
        assert (await peer.request(AskEvent(text="next"))).text == "next"
        assert not any("unwanted" in line for line in notes.log)


async def test_an_actor_reports_its_metrics_on_request(bus: ContractBus) -> None:
    notes = Notes()
    async with (
        bus.connect() as reader,
        running(bus, notes) as life,
        reader.subscribe(MetricsReportedEvent) as reports,
    ):
        await life.loop.wait_until_ready()
        life.actor.metrics.counter("app.heard", "Events heard.").add(3, topic="app.numbered")
        await reader.publish(MetricsWantedEvent(reading="first"))
        report = await anext(reports)
        assert isinstance(report, MetricsReportedEvent)
        assert (report.reading, report.actor, [sample.value for sample in report.samples]) == (
            "first",
            "recorder",
            [3.0],
        )


async def test_an_alert_outlives_the_actor_that_raised_it_until_its_next_life_clears_it(
    bus: ContractBus,
) -> None:
    async with bus.connect() as listener:
        async with running(bus) as first:
            await first.loop.wait_until_ready()
            await first.actor.alerts.raise_alert(
                "disk.full", severity="error", message="no room", advice="make room"
            )
            await first.actor.peer.settled()
        async with listener.subscribe(AlertChangedEvent) as alerts, running(bus) as second:
            raised = await anext(alerts)
            await second.loop.wait_until_ready()
            await second.actor.alerts.clear("disk.full")
            cleared = await anext(alerts)
        assert isinstance(raised, AlertChangedEvent)
        assert isinstance(cleared, AlertChangedEvent)
        assert (raised.alert.is_active, cleared.alert.is_active) == (True, False)
        assert raised.alert.since == cleared.alert.since


async def test_what_an_actor_published_has_its_place_before_its_answer(bus: ContractBus) -> None:
    class Talkative(Recorder):
        async def react(self, event: Inbox) -> Event | None:
            if not isinstance(event, AskEvent):
                return None  # it hears its own events as well
            for number in range(100):
                self.peer.post(StateEvent(key=str(number), value=number))
            return AnswerEvent(text="told")

    async with bus.connect() as peer, running(bus, kind=Talkative) as life:
        await life.loop.wait_until_ready()
        await peer.request(AskEvent(text="tell"))
        async with peer.subscribe(StateEvent) as events:
            pass
        assert sorted([event.value async for event in events if isinstance(event, StateEvent)]) == list(
            range(100)
        )
