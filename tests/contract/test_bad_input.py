"""Whoever breaks the protocol is refused with a reason, or ignored, and counted; nobody else notices."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from bus import wire
from bus.wire import Frame
from tests.contract.conftest import ContractBus
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent

pytestmark = pytest.mark.anyio

BOMB = b"\x91" * 60_000
EVENT = wire.encode([NumberedEvent(n=1)])


def header(*values: object) -> bytes:
    return msgspec.msgpack.encode(values)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([b""], "truncated"),
        ([b"PUBLISH"], "truncated"),
        ([b"SHOUT", b"\x90"], "wrong_verb"),
        ([b"\xff\xfe", b"\x90"], "wrong_verb"),
        ([b"WELCOME", header(1, "e", 0, 0)], "wrong_verb"),
        ([b"PUBLISH", b"\xc1", EVENT], "malformed"),
        ([b"PUBLISH", header(1, "app.numbered", 1), EVENT], "malformed"),
        ([b"PUBLISH", header(1, "app.numbered", 1, 1)[:-1], EVENT], "malformed"),
        ([b"PUBLISH", b"\x94\x01\xa2\xff\xfe\x01\x01", EVENT], "malformed"),
        ([b"PUBLISH", header(-1, "app.numbered", 1, 1), EVENT], "malformed"),
        ([b"PUBLISH", header(1, "app.numbered", 1, 1, "k" * 513), EVENT], "malformed"),
        ([b"PUBLISH", header(1, "app.numbered", 1, 1)], "truncated"),
        ([b"PUBLISH", header(1, "app.numbered", 1, 1), EVENT, EVENT], "truncated"),
        ([b"PUBLISH", header(1, "app.numbered", 2, 1), EVENT], "miscounted"),
        ([b"PUBLISH", header(1, "app.numbered", 1, 1), EVENT[:-1]], "malformed"),
        ([b"PUBLISH", header(1, "app.numbered", 1, 1), BOMB], "malformed"),
        ([b"PUBLISH", header(1, "nowhere.happened", 1, 1), EVENT], "unknown_topic"),
        ([b"PUBLISH", header(1, "config.request", 1, 1), EVENT], "unknown_topic"),
        ([b"PUBLISH", header(1, "app.UPPER", 1, 1), EVENT], "unknown_topic"),
        ([b"PUBLISH", header(1, "!heartbeat", 1, 1), EVENT], "unknown_topic"),
        ([b"PUBLISH", BOMB, EVENT], "malformed"),
        ([b"PUBLISH", header("x" * 70_000), EVENT], "oversize"),
        ([b"SNAPSHOT", header(1, ["app.*"] * 2000)], "malformed"),
        ([b"SNAPSHOT", header(1, ["a" * 100] * 1000)], "oversize"),
        ([b"SERVE", header(["config.settings_changed"])], "unknown_topic"),
        ([b"SERVE", header(["bus.statistics"])], "duplicate_service"),
        ([b"REPLY", header(77), wire.encode(AnswerEvent(text="?"))], "unknown_request"),
        ([b"FAILED", header(77, "refused", "no")], "unknown_request"),
        ([b"FAILED", header(77, "tired", "no")], "malformed"),
        ([b"REQUEST", header(1, "app.ask", 0), b"\x80"], "malformed"),
        ([b"REQUEST", header(1, "app.ask", 10**9), b"\x80"], "malformed"),
        ([b"HELLO", header(2, "other-name", "instance-of-raw", "?")], "wrong_token"),
        ([b"HELLO", header(1, "raw", "instance-of-raw", "?")], "wrong_version"),
        ([b"HELLO", header(2, "raw", "short", "?")], "malformed"),
    ],
)
async def test_a_broken_message_is_refused_and_counted_and_the_peer_goes_on(
    bus: ContractBus, frames: list[Frame], reason: str
) -> None:
    async with bus.raw() as raw, bus.connect() as witness:
        await raw.hello("raw")
        raw.transport.send(frames)
        if frames[0] not in (b"REPLY", b"FAILED"):
            failed, _ = await raw.next(wire.FailedHeader)
            assert failed.message.startswith(f"{reason}: ")
            assert failed.verb == bytes(frames[0][:16]).decode("ascii", "replace")
        raw.send(wire.PingHeader(3))
        await raw.next(wire.PongHeader)
        assert (await bus.statistics(witness)).refused == {reason: 1}


@pytest.mark.parametrize(
    "question",
    [
        wire.PingHeader(1),
        wire.SnapshotHeader(1, ["*"]),
        wire.RequestHeader(1, "bus.statistics", 1000),
        wire.ServeHeader(["app.ask"]),
    ],
)
async def test_a_stranger_gets_nothing_before_hello(bus: ContractBus, question: wire.LaneHeader) -> None:
    async with bus.raw() as raw:
        raw.send(question, *([b"\x80"] if isinstance(question, wire.RequestHeader) else []))
        failed, _ = await raw.next(wire.FailedHeader)
        assert (failed.kind, failed.message.split(":")[0]) == ("refused", "unknown_peer")


async def test_a_wrong_token_is_refused_and_stays_outside(bus: ContractBus) -> None:
    async with bus.raw() as raw, bus.connect() as witness:
        raw.send(wire.HelloHeader(wire.PROTOCOL_VERSION, "stranger", "instance-of-raw", "guess"))
        failed, _ = await raw.next(wire.FailedHeader)
        assert (failed.kind, failed.message.split(":")[0]) == ("refused", "wrong_token")
        raw.send(wire.PublishHeader(1, "app.numbered", 1, 1), EVENT)
        assert (await raw.next(wire.FailedHeader))[0].message.startswith("unknown_peer")
        statistics = await bus.statistics(witness)
        assert "app.numbered" not in statistics.topics
        assert [peer.peer for peer in statistics.peers] == [witness.name]


async def test_one_connection_is_one_peer(bus: ContractBus) -> None:
    async with bus.raw() as raw, bus.connect() as witness:
        await raw.hello("raw")
        for n in range(50):
            raw.send(wire.HelloHeader(wire.PROTOCOL_VERSION, f"alias-{n}", f"instance-{n}", bus.token))
            assert (await raw.next(wire.FailedHeader))[0].message.startswith("invalid_name")
        assert {peer.peer for peer in (await bus.statistics(witness)).peers} == {"raw", witness.name}


async def test_replies_to_what_another_server_was_asked_are_ignored(bus: ContractBus) -> None:
    async with bus.raw() as server, bus.raw() as thief, bus.connect() as asker:
        await server.hello("server")
        await thief.hello("thief", "instance-of-thief")
        server.send(wire.ServeHeader(["app.ask"]))
        await server.next(wire.ServeHeader)
        asking = asyncio.ensure_future(asker.request(AskEvent(text="?")))
        request, _ = await server.next(wire.RequestHeader)
        thief.send(wire.ReplyHeader(request.id), wire.encode(AnswerEvent(text="stolen")))
        thief.send(wire.PingHeader(1))
        await thief.next(wire.PongHeader)
        server.send(wire.ReplyHeader(request.id), wire.encode(AnswerEvent(text="true")))
        assert (await asking).text == "true"
        assert (await bus.statistics(asker)).refused == {"unknown_request": 1}


async def test_a_refused_message_is_settled_and_not_sent_again(bus: ContractBus) -> None:
    async with bus.raw() as raw:
        await raw.hello("raw")
        raw.send(wire.PublishHeader(1, "nowhere.happened", 1, 1), EVENT)
        failed, _ = await raw.next(wire.FailedHeader)
        assert (failed.verb, failed.id, failed.kind) == ("PUBLISH", 1, "invalid")
        assert (await raw.hello("raw")).accepted == 1
