"""The broker's loop: it listens, answers, notices who left, and ends with its supervisor."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus import wire
from bus.broker.broker_process import Broker, BrokerOptions
from bus.broker.roster import NamespaceRule, Roster
from bus.client import connect
from bus.discovery import Runtime
from bus.errors import HelloRefused, UnsafeEndpoint
from bus.lifeline import LifelineMessage, encode
from bus.transport.sockets.broker_sockets import SendOutcome
from bus.transport.sockets.curve_keys import new_curve_secrets
from schemas.operations.bus import BusStatisticsRequestEvent, PeerJoinedEvent, PeerLeftEvent
from tests.support.broker_processes import GUARD_SECONDS, broker_options, broker_process
from tests.support.event_samples import NumberedEvent
from tests.support.raw_peer import RawPeer
from tests.support.rosters import credential_of, strict_roster

pytestmark = pytest.mark.anyio


def test_options_travel_as_json() -> None:
    options = BrokerOptions(
        lane="ipc:///l",
        feed="ipc:///f",
        token="t",
        curve=new_curve_secrets(),
        roster=strict_roster("engine", namespaces=(NamespaceRule(namespace="mine.*"),)),
        ring_limit_events=5,
    )
    assert msgspec.json.decode(msgspec.json.encode(options), type=BrokerOptions) == options


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_it_ends_when_it_is_told_to(transport: str, tmp_path: Path) -> None:
    with broker_process(broker_options(transport, tmp_path)) as broker:
        assert len(broker.epoch) == 16
        assert broker.stop() == 0


def test_it_ends_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    with broker_process(broker_options("ipc", tmp_path)) as broker:
        assert broker._pipe is not None
        assert broker._process is not None
        broker._pipe.close()
        broker._process.join(GUARD_SECONDS)
        assert broker._process.exitcode == 0


def test_its_own_loop_answers_the_supervisor(tmp_path: Path) -> None:
    with broker_process(broker_options("ipc", tmp_path)) as broker:
        assert broker._pipe is not None
        os.write(broker._pipe.fileno(), encode(LifelineMessage(ping=42)))
        assert broker._pipe.fileno() >= 0
        assert msgspec.json.decode(os.read(broker._pipe.fileno(), 1000)) == {"pong": 42}


def read_lifeline_line(broker: Any) -> Any:
    assert broker._pipe is not None
    return msgspec.json.decode(os.read(broker._pipe.fileno(), 1000))


async def test_it_asks_a_peer_for_the_supervisor(tmp_path: Path) -> None:
    with broker_process(broker_options("ipc", tmp_path)) as broker:
        for name in ("engine", "nobody"):
            question = {"peer": name, "number": 7}
            async with connect("engine", runtime=broker.runtime()):
                broker.tell(LifelineMessage(ask_peer=question))
                told = await asyncio.to_thread(read_lifeline_line, broker)
            assert told == {"peer_answered": question}


async def test_who_comes_and_goes_is_announced(tmp_path: Path) -> None:
    with broker_process(broker_options("ipc", tmp_path)) as broker:
        async with (
            connect("watcher", runtime=broker.runtime()) as watcher,
            watcher.subscribe(PeerJoinedEvent, PeerLeftEvent) as events,
        ):
            async with connect("guest", runtime=broker.runtime()) as guest:
                pass
            heard = [await anext(events), await anext(events)]
            assert heard == [
                PeerJoinedEvent(peer="guest", instance=guest.public_instance),
                PeerLeftEvent(peer="guest", instance=guest.public_instance, said_bye=True),
            ]


async def test_a_broker_in_this_process_takes_turns_and_bounds_its_ring(tmp_path: Path) -> None:
    broker = Broker(broker_options("ipc", tmp_path, ring_limit_events=10))

    async def turn() -> None:
        while not done.is_set():
            await asyncio.to_thread(broker.turn, 0.01)

    done = asyncio.Event()
    turning = asyncio.ensure_future(turn())
    runtime = runtime_of(broker)
    async with connect("peer", runtime=runtime) as peer:
        for n in range(100):
            await peer.publish(NumberedEvent(n=n))
            await peer.settled()
        statistics = await peer.request(BusStatisticsRequestEvent())
        assert statistics.topics["app.numbered"] == 100
        assert statistics.ring_events <= 10
    done.set()
    await turning
    broker.close()


def test_it_does_not_listen_where_strangers_could_connect() -> None:
    for lane in ("tcp://0.0.0.0:*", "tcp://127.0.0.1:*"):
        with pytest.raises(UnsafeEndpoint):
            Broker(BrokerOptions(lane=lane, feed="ipc:///nowhere", token="t", roster=Roster()))


async def test_a_child_that_was_told_of_before_it_started_is_in_the_roster_when_it_says_hello(
    tmp_path: Path,
) -> None:
    with broker_process(broker_options("ipc", tmp_path, roster=Roster())) as broker:
        for name in ("engine", "sidecar", "late"):
            broker.tell(LifelineMessage(roster=msgspec.to_builtins(strict_roster(name))))
            async with connect(name, runtime=broker.runtime(), credential=credential_of(name)) as peer:
                assert peer.role == "named"
            with pytest.raises(HelloRefused, match="reserved_name"):
                async with connect(name, runtime=broker.runtime()):
                    pass
        with pytest.raises(HelloRefused, match="wrong_token"):
            async with connect("engine", runtime=broker.runtime(), credential=credential_of("engine")):
                pass
        assert broker.stop() == 0


def test_no_roster_is_no_default() -> None:
    with pytest.raises(TypeError, match="roster"):
        BrokerOptions(lane="ipc:///l", feed="ipc:///f", token="t")  # type: ignore[call-arg]


def runtime_of(broker: Broker) -> Runtime:
    """What clients of a broker in this process are told."""
    sockets = broker.sockets
    return Runtime(
        app="x",
        pid=os.getpid(),
        started_at=0.0,
        lane=sockets.lane_endpoint,
        feed=sockets.feed_endpoint,
        token="token",
    )


def test_one_of_the_largest_messages_is_the_most_that_is_read_before_the_supervisor_has_its_turn(
    tmp_path: Path,
) -> None:
    broker = Broker(broker_options("ipc", tmp_path))
    body = wire.encode([{"filler": bytes(15 * 2**20)}])
    with RawPeer(runtime_of(broker)) as rude:
        rude.send(wire.HelloHeader(wire.PROTOCOL_VERSION, "rude", "instance", "token"))
        for serial in range(1, 11):
            rude.publish(serial, "app.x", body)
        read = []
        while sum(read) < 11:
            before = broker.core.messages
            broker.turn(1.0)
            read.append(broker.core.messages - before)
        assert max(read) <= 2, "the HELLO, or a small one, and one of the largest"
    broker.close()


def test_a_connection_that_ends_is_followed_alone(tmp_path: Path) -> None:
    broker = Broker(broker_options("ipc", tmp_path))
    with RawPeer(runtime_of(broker), "stays") as stays:
        with RawPeer(runtime_of(broker), "goes") as goes:
            for peer in (stays, goes):
                peer.send(wire.HelloHeader(wire.PROTOCOL_VERSION, peer.name, peer.instance, "token"))
            while len(broker.core.routes()) < 2:
                broker.turn(1.0)
        while len(broker.core.routes()) > 1:
            broker.turn(1.0)
        (route,) = broker.core.routes()
        assert broker.sockets.send(route, wire.lane_frames(wire.PingHeader(7))) is SendOutcome.SENT
        while stays.wait_for(wire.PingHeader, answers_pings=False).id != 7:
            pass
    broker.close()
