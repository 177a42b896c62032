"""What is accepted has its place in the one order, and each topic is heard in order and complete."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from bus import wire
from bus.broker.roster import NamespaceRule
from bus.client import GapEvent, correlation
from bus.errors import HelloRefused, ProtocolError, PublishRefused
from bus.peer.feed.subscription import Subscription
from bus.wire import Frames
from tests.contract.conftest import ContractBus, OpenBus
from tests.support.broker_processes import LossyTransport
from tests.support.event_samples import NumberedEvent, OtherEvent, StateEvent
from tests.support.rosters import trusting_roster

pytestmark = pytest.mark.anyio


async def take(events: Subscription[Any], count: int) -> list[Any]:
    """The next so many events."""
    return [await anext(events) for _ in range(count)]


def is_numbered(frames: list[bytes]) -> bool:
    return frames[0] == b"app.numbered"


class MuteTransport(LossyTransport):
    """A transport on which no PUBLISH reaches the broker, so neither event nor acceptance comes back."""

    def send(self, frames: Frames) -> None:
        if frames[0] != b"PUBLISH":
            super().send(frames)


@pytest.mark.requirement("C-2")
async def test_every_accepted_event_is_heard_once_by_every_subscriber(bus: ContractBus) -> None:
    async with (
        bus.connect() as publisher,
        bus.connect() as one,
        bus.connect() as other,
        one.subscribe(NumberedEvent) as first,
        other.subscribe("app.*") as second,
    ):
        for n in range(3000):
            await publisher.publish(NumberedEvent(n=n))
        await publisher.settled()
        assert publisher.statistics().accepted == 3000
        assert [event.n for event in await take(first, 3000)] == list(range(3000))
        assert [event["n"] for event in await take(second, 3000)] == list(range(3000))


async def test_two_publishers_have_one_order_for_everybody(bus: ContractBus) -> None:
    async with (
        bus.connect() as a,
        bus.connect() as b,
        bus.connect() as one,
        bus.connect() as other,
        one.subscribe(NumberedEvent) as first,
        other.subscribe(NumberedEvent) as second,
    ):
        for n in range(500):
            await a.publish(NumberedEvent(n=n, source="a"))
            await b.publish(NumberedEvent(n=n, source="b"))
            if n % 50 == 0:
                await a.settled()
        heard = await take(first, 1000)
        assert heard == await take(second, 1000)
        for source in ("a", "b"):
            assert [event.n for event in heard if event.source == source] == list(range(500))


async def test_a_message_that_is_sent_again_gets_no_second_place(bus: ContractBus) -> None:
    async with bus.raw() as raw, bus.connect() as listener, listener.subscribe(NumberedEvent) as events:
        assert (await raw.hello("raw")).accepted == 0
        body = wire.encode([NumberedEvent(n=1)])
        for _ in range(3):
            raw.send(wire.PublishHeader(1, "app.numbered", 1, 1), body)
        raw.send(wire.PublishHeader(2, "app.numbered", 1, 2), wire.encode([NumberedEvent(n=2)]))
        accepted, _ = await raw.next(wire.AcceptedHeader)
        while accepted.serial < 2:
            accepted, _ = await raw.next(wire.AcceptedHeader)
        assert [event.n for event in await take(events, 2)] == [1, 2]
        statistics = await bus.statistics(listener)
        assert (statistics.duplicates, statistics.topics["app.numbered"]) == (2, 2)


async def test_what_a_connection_left_unsaid_is_known_at_the_next_welcome(bus: ContractBus) -> None:
    async with bus.raw() as raw:
        await raw.hello("raw")
        raw.send(wire.PublishHeader(5, "app.numbered", 1, 1), wire.encode([NumberedEvent(n=1)]))
        await raw.next(wire.AcceptedHeader)
    async with bus.raw() as again:
        assert (await again.hello("raw")).accepted == 5


@pytest.mark.requirement("C-2")
async def test_a_message_that_the_feed_lost_is_fetched_and_comes_in_its_place(bus: ContractBus) -> None:
    lost = iter([True, False, True, True, False, False] * 1000)
    transport = bus.lossy(lambda frames: is_numbered(frames) and next(lost))
    async with (
        bus.connect() as publisher,
        bus.connect(transport=transport) as listener,
        listener.subscribe(NumberedEvent) as events,
    ):
        for n in range(200):
            await publisher.publish(NumberedEvent(n=n))
            await publisher.settled()
        assert [event.n for event in await take(events, 200)] == list(range(200))
        assert transport.dropped > 0
        assert listener.statistics().replays > 0
        assert listener.statistics().lost == 0


async def test_a_lost_tail_shows_in_the_heartbeat(bus: ContractBus) -> None:
    is_lossy = False
    transport = bus.lossy(lambda frames: is_numbered(frames) and is_lossy)
    async with (
        bus.connect() as publisher,
        bus.connect() as control,
        bus.connect(transport=transport) as listener,
        control.subscribe(NumberedEvent) as all_events,
        listener.subscribe(NumberedEvent) as events,
    ):
        await publisher.publish(NumberedEvent(n=1))
        assert await anext(events) == NumberedEvent(n=1)
        is_lossy = True
        await publisher.publish(NumberedEvent(n=2))
        assert [event.n for event in await take(all_events, 2)] == [1, 2]
        assert await anext(events) == NumberedEvent(n=2)
        assert listener.statistics().replays >= 1


async def test_beyond_the_ring_the_gap_is_told_and_what_is_left_follows(open_bus: OpenBus) -> None:
    async with open_bus(ring_limit_events=100) as bus:
        is_lossy = True
        transport = bus.lossy(lambda frames: is_numbered(frames) and is_lossy)
        whole = bus.lossy(lambda _: False)
        async with (
            bus.connect() as publisher,
            bus.connect(transport=whole) as control,
            bus.connect(transport=transport) as listener,
            control.subscribe(NumberedEvent) as all_events,
            listener.subscribe(NumberedEvent) as events,
        ):
            await whole.is_live.wait()
            for n in range(500):
                await publisher.publish(NumberedEvent(n=n))
                await publisher.settled()
            await take(all_events, 500)
            is_lossy = False
            await publisher.publish(NumberedEvent(n=500))
            heard: list[int] = []
            gaps = 0
            while not heard or heard[-1] != 500:
                event = await anext(events)
                if isinstance(event, GapEvent):
                    assert (event.lost_topic, event.reason) == ("app.numbered", "ring_exceeded")
                    gaps += event.count
                    heard += range(len(heard), len(heard) + event.count)
                else:
                    heard.append(event.n)
            assert heard == list(range(501))
            assert gaps > 0
            assert listener.statistics().lost == gaps


async def test_the_ring_is_bounded_by_bytes_too(open_bus: OpenBus) -> None:
    async with open_bus(ring_limit_bytes=100_000) as bus, bus.connect() as publisher:
        for n in range(100):
            await publisher.publish(NumberedEvent(n=n, filler=bytes(10_000)))
        await publisher.settled()
        assert (await bus.statistics(publisher)).ring_bytes <= 100_000


async def test_after_a_gap_the_retained_state_of_every_key_is_told_again(open_bus: OpenBus) -> None:
    async with open_bus(ring_limit_events=10) as bus:
        is_lossy = True
        transport = bus.lossy(lambda frames: frames[0] == b"app.state" and is_lossy)
        whole = bus.lossy(lambda _: False)
        async with (
            bus.connect() as publisher,
            bus.connect(transport=whole) as control,
            bus.connect(transport=transport) as listener,
            control.subscribe(StateEvent) as all_events,
            listener.subscribe(StateEvent) as events,
        ):
            await whole.is_live.wait()
            await publisher.publish(StateEvent(key="early", value=1))
            for value in range(50):
                await publisher.publish(StateEvent(key="busy", value=value))
            await publisher.settled()
            await take(all_events, 51)
            is_lossy = False
            await publisher.publish(StateEvent(key="busy", value=50))
            state: dict[str, int] = {}
            while state != {"early": 1, "busy": 50}:
                event = await anext(events)
                if isinstance(event, StateEvent):
                    state[event.key] = event.value


async def test_what_is_retained_can_be_read_without_staying(bus: ContractBus) -> None:
    async with bus.connect() as publisher, bus.connect() as reader:
        assert await reader.retained(StateEvent) == []
        for key, value in (("a", 1), ("b", 1), ("a", 2)):
            await publisher.publish(StateEvent(key=key, value=value))
        await publisher.settled()
        assert sorted((event.key, event.value) for event in await reader.retained(StateEvent)) == [
            ("a", 2),
            ("b", 1),
        ]


async def test_a_late_joiner_hears_the_retained_events_first_and_then_what_follows(bus: ContractBus) -> None:
    async with bus.connect() as publisher:
        for key, value in [("a", 1), ("b", 1), ("a", 2)]:
            await publisher.publish(StateEvent(key=key, value=value))
        await publisher.publish(NumberedEvent(n=1))
        await publisher.settled()
        async with bus.connect() as late, late.subscribe(StateEvent, NumberedEvent) as events:
            await publisher.publish(StateEvent(key="a", value=3))
            received = [await events.received() for _ in range(3)]
            assert [(r.event, r.retained) for r in received] == [
                (StateEvent(key="b", value=1), True),
                (StateEvent(key="a", value=2), True),
                (StateEvent(key="a", value=3), False),
            ]
            assert [r.number for r in received] == [2, 3, 4]


async def test_joining_while_events_stream_hears_each_key_without_a_hole(bus: ContractBus) -> None:
    async with bus.connect() as publisher, bus.connect() as late:

        async def stream() -> None:
            for value in range(400):
                await publisher.publish(StateEvent(key="k", value=value))
                await publisher.settled()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stream())
            for _ in range(5):
                async with late.subscribe(StateEvent) as events:
                    values = [event.value for event in await take(events, 20)]
                    assert values == list(range(values[0], values[0] + 20))


async def test_a_pattern_hears_its_conversation_and_an_exact_topic_only_itself(bus: ContractBus) -> None:
    async with (
        bus.connect() as publisher,
        bus.connect() as listener,
        listener.subscribe("app.*") as both,
        listener.subscribe(OtherEvent) as one,
    ):
        await publisher.publish(NumberedEvent(n=1))
        await publisher.publish(OtherEvent(n=2))
        await publisher.publish(NumberedEvent(n=3))
        heard = await take(both, 3)  # each topic in order; between topics the sequence tells
        plain = [msgspec.to_builtins(event) for event in heard]
        assert [event["n"] for event in plain if event["type"] == "app.numbered"] == [1, 3]
        assert [event["n"] for event in plain if event["type"] == "app.other"] == [2]
        assert await anext(one) == OtherEvent(n=2)


async def test_the_correlation_id_travels_with_what_is_published(bus: ContractBus) -> None:
    async with (
        bus.connect() as publisher,
        bus.connect() as listener,
        listener.subscribe(NumberedEvent) as events,
    ):
        await publisher.publish(NumberedEvent(n=1))
        correlation.set("matter-1")
        await publisher.publish(NumberedEvent(n=2))
        correlation.set(None)
        assert [(await events.received()).correlation for _ in range(2)] == [None, "matter-1"]
        assert events.correlation == "matter-1"


async def test_an_event_of_almost_16_mebibytes_arrives(bus: ContractBus) -> None:
    overhead = len(wire.encode(NumberedEvent(n=1, filler=bytes(70_000)))) - 70_000 + 5
    async with (
        bus.connect() as publisher,
        bus.connect() as listener,
        listener.subscribe(NumberedEvent) as events,
    ):
        await publisher.publish(NumberedEvent(n=0))
        await publisher.publish(NumberedEvent(n=0, filler=b"gathers with the next one"))
        await publisher.publish(NumberedEvent(n=1, filler=bytes(wire.BODY_LIMIT_BYTES - overhead)))
        await publisher.settled()
        assert [event.n for event in await take(events, 3)] == [0, 0, 1]
        assert publisher.welcomes == listener.welcomes == 1


async def test_a_larger_event_is_refused_before_it_leaves_and_nothing_else_suffers(bus: ContractBus) -> None:
    async with (
        bus.connect() as publisher,
        bus.connect() as listener,
        listener.subscribe(NumberedEvent) as events,
    ):
        await publisher.publish(NumberedEvent(n=1))
        with pytest.raises(ProtocolError, match="oversize"):
            await publisher.publish(NumberedEvent(n=2, filler=bytes(wire.BODY_LIMIT_BYTES)))
        await publisher.publish(NumberedEvent(n=3))
        await publisher.settled()
        assert [event.n for event in await take(events, 2)] == [1, 3]
        assert publisher.welcomes == 1


class UndeclaredEvent(NumberedEvent, frozen=True, kw_only=True, tag="elsewhere.happened"):
    pass


async def test_an_unknown_topic_is_refused_and_what_follows_is_not(bus: ContractBus) -> None:
    async with (
        bus.connect() as publisher,
        bus.connect() as listener,
        listener.subscribe(NumberedEvent) as events,
    ):
        await publisher.publish(UndeclaredEvent(n=1))
        with pytest.raises(PublishRefused, match="unknown_topic"):
            await publisher.settled()
        await publisher.publish(NumberedEvent(n=2))
        await publisher.settled()
        assert await anext(events) == NumberedEvent(n=2)
        assert (await bus.statistics(publisher)).refused == {"unknown_topic": 1}


async def test_a_declared_namespace_is_admitted(open_bus: OpenBus) -> None:
    async with (
        open_bus(trusting_roster(namespaces=(NamespaceRule(namespace="elsewhere.*"),))) as bus,
        bus.connect() as publisher,
    ):
        await publisher.publish(UndeclaredEvent(n=1))
        await publisher.settled()
        assert publisher.statistics().accepted == 1


UNFIT = [
    b"\x82\xa4type\xacapp.numbered\xa1n\xa5three",
    b"\x82\xa4type\xa9app.other\xa1n\x01",
    b"\xc0",
    b"\x82\xa4type\xacapp.numbered\xa1n\xa2\xff\xfe",
    b"\x83\xa4type\xacapp.numbered\xa1n\x01\xa6source\xa2\xff\xfe",
    b"\x83\xa4type\xacapp.numbered\xa1n\x01\xa4more" + b"\x91" * 700 + b"\x90",
]


@pytest.mark.parametrize("unfit", UNFIT)
async def test_an_event_that_does_not_fit_its_type_is_a_gap_and_counted(
    bus: ContractBus, unfit: bytes
) -> None:
    async with bus.raw() as raw, bus.connect() as listener, listener.subscribe(NumberedEvent) as events:
        await raw.hello("raw")
        good = [wire.encode(NumberedEvent(n=n)) for n in (1, 2)]
        raw.send(wire.PublishHeader(1, "app.numbered", 3, 1), b"\x93" + good[0] + unfit + good[1])
        heard = await take(events, 3)
        if listener.statistics().undecodable == 0:  # a later version's field, however deep, may be skipped
            assert unfit.count(b"\x91") == 700
        else:
            gap = GapEvent(lost_topic="app.numbered", count=1, reason="unreadable")
            assert heard.pop(1) == gap, "it is told in its place"
        assert {event.n for event in heard} == {1, 2}


async def test_an_unreadable_event_of_an_untyped_topic_is_a_gap_too(bus: ContractBus) -> None:
    async with bus.raw() as raw, bus.connect() as listener, listener.subscribe("app.*") as events:
        await raw.hello("raw")
        raw.send(
            wire.PublishHeader(1, "app.strange", 4, 1),
            b"\x94\xa2\xff\xfe" + b"\x91" * 700 + b"\x90" + b"\x01" + b"\x81\xa1a\x01",
        )
        gap = GapEvent(lost_topic="app.strange", count=1, reason="unreadable")
        assert await take(events, 4) == [gap, gap, gap, {"a": 1}]
        assert listener.statistics().undecodable == 3


async def test_a_name_is_taken_once_at_a_time(bus: ContractBus) -> None:
    async with bus.connect("same"):
        with pytest.raises(HelloRefused) as caught:
            async with bus.connect("same"):
                pass
        assert caught.value.reason == "duplicate_name"
    async with bus.connect() as other:
        while any(peer.peer == "same" for peer in (await bus.statistics(other)).peers):
            pass
        async with bus.connect("same") as again:
            assert again.welcomes == 1


@pytest.mark.parametrize("name", ["broker", "", "with space", "x" * 65, "../up"])
async def test_a_name_that_is_none_is_refused(bus: ContractBus, name: str) -> None:
    async with bus.raw() as raw:
        raw.send(wire.HelloHeader(wire.PROTOCOL_VERSION, name, "instance-of-raw", bus.token))
        failed, _ = await raw.next(wire.FailedHeader)
        assert failed.verb == "HELLO"
        assert failed.message.split(":")[0] in ("invalid_name", "malformed")


async def test_a_subscriber_that_does_not_read_costs_the_others_nothing(bus: ContractBus) -> None:
    async with (
        bus.connect() as publisher,
        bus.connect() as slow,
        bus.connect() as listener,
        slow.subscribe(NumberedEvent) as unread,
        listener.subscribe(NumberedEvent) as events,
    ):
        for n in range(40_000):
            await publisher.publish(NumberedEvent(n=n))
            if n % 1000 == 999:
                assert [event.n for event in await take(events, 1000)] == list(range(n - 999, n + 1))
        assert [event.n for event in await take(unread, 40_000)] == list(range(40_000))
        assert slow.statistics().lost == 0


async def test_whoever_left_is_not_waited_for(bus: ContractBus) -> None:
    async with bus.connect() as publisher, bus.connect() as listener:
        events = listener.subscribe(NumberedEvent)
        async with events:
            pass
        await publisher.publish(NumberedEvent(n=1))
        await publisher.settled()
        assert [event async for event in events] == []


async def test_closing_lets_go_of_everybody_who_waits(bus: ContractBus) -> None:
    async with bus.connect(transport=MuteTransport(bus.make_transport(), lambda _: False)) as peer:
        events = peer.subscribe(NumberedEvent)
        await events.__aenter__()
        waiting = asyncio.ensure_future(anext(events))
        peer.post(NumberedEvent(n=1))
        settled = asyncio.ensure_future(peer.settled())
        await asyncio.sleep(0)
        peer.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
        with pytest.raises(PublishRefused, match="left"):
            await settled
