"""Whom the broker lets in, which event gets which place, which request goes where, and how it ends: exactly once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import wire
from bus.broker import broker_core as core_module
from bus.broker.broker_core import BrokerCore
from bus.broker.event_log import EventLog
from bus.broker.request_table import IN_HAND_LIMIT, RESTART_GRACE_SECONDS, SUCCESSION_GRACE_SECONDS
from bus.broker.topic_rules import TopicRules
from bus.wire import frames as wire_frames

EVENT = wire.encode([{"type": "app.x"}])
BODY = wire.encode({"type": "app.ask"})


class Bench:
    """A routing, the time, and what each connection was sent."""

    def __init__(self, *, succession: bool = False) -> None:
        self.now = 0.0
        self.reachable: set[bytes] = set()
        self.routing = BrokerCore(
            EventLog("epoch"),
            "token",
            TopicRules(),
            lambda route: route in self.reachable,
            0.0,
            succession=succession,
        )
        self.inbox: dict[bytes, list[tuple[Any, list[bytes]]]] = {}

    def send(self, route: bytes, header: wire.LaneHeader, *body: bytes) -> None:
        self.raw(route, [bytes(frame) for frame in wire.lane_frames(header, *body)])

    def raw(self, route: bytes, frames: list[bytes]) -> None:
        self.reachable.add(route)
        self.routing.receive(route, frames, self.now, 0)
        self.carry_out()

    def carry_out(self) -> None:
        routing = self.routing
        while routing.outgoing:
            outgoing, routing.outgoing = routing.outgoing, []
            for route, frames in outgoing:
                if route in self.reachable:
                    plain = [bytes(frame) for frame in frames]
                    self.inbox.setdefault(route, []).append((wire.read_from_broker(plain), plain[2:]))
                else:
                    routing.unreachable(route, self.now, 0)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.routing.tick(self.now)
        self.carry_out()

    def vanish(self, route: bytes) -> None:
        self.reachable.discard(route)
        self.routing.unreachable(route, self.now, 0)
        self.carry_out()

    def hello(self, route: bytes, name: str | None = None, instance: str = "") -> Any:
        self.send(
            route,
            wire.HelloHeader(1, name or route.decode(), instance or f"instance-{route.decode()}", "token"),
        )
        return self.inbox[route][-1][0]

    def last(self, route: bytes) -> Any:
        return self.inbox[route][-1][0]

    def take(self, route: bytes, kind: type[Any]) -> list[Any]:
        """Headers of this kind that came to this connection."""
        return [header for header, _ in self.inbox.get(route, []) if isinstance(header, kind)]


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.hello(b"server")
    bench.hello(b"asker")
    bench.send(b"server", wire.ServeHeader(["app.ask"]))
    return bench


def ask(bench: Bench, id: int = 1, timeout_ms: int = 1000) -> int:
    """Ask, and return the broker's own id."""
    bench.send(b"asker", wire.RequestHeader(id, "app.ask", timeout_ms), BODY)
    return int(bench.take(b"server", wire.RequestHeader)[-1].id)


def test_a_request_goes_to_its_server_and_the_reply_back(bench: Bench) -> None:
    bench.send(b"server", wire.ReplyHeader(ask(bench, 7)), BODY)
    assert bench.last(b"asker") == wire.ReplyHeader(7)


def test_a_server_that_comes_back_on_a_new_connection_has_nothing_in_hand_any_more(bench: Bench) -> None:
    ask(bench)
    welcome = bench.hello(b"again", "server", "instance-server")
    assert isinstance(welcome, wire.WelcomeHeader)
    failed = bench.last(b"asker")
    assert (failed.id, failed.kind) == (1, "died")
    bench.send(b"asker", wire.RequestHeader(2, "app.ask", 1000), BODY)
    assert bench.take(b"again", wire.RequestHeader), "it still serves"


def test_an_asker_that_comes_back_on_a_new_connection_waits_for_nothing_any_more(bench: Bench) -> None:
    id = ask(bench)
    bench.hello(b"again", "asker", "instance-asker")
    assert bench.last(b"server") == wire.CancelHeader(id)
    bench.send(b"server", wire.ReplyHeader(id), BODY)
    assert bench.routing.refused == {"unknown_request": 1}


def test_a_hello_repeated_on_the_same_connection_changes_nothing(bench: Bench) -> None:
    id = ask(bench)
    bench.hello(b"server")
    bench.send(b"server", wire.ReplyHeader(id), BODY)
    assert bench.last(b"asker") == wire.ReplyHeader(1)


def test_one_connection_cannot_take_a_second_name(bench: Bench) -> None:
    assert bench.hello(b"server", "other").message.startswith("invalid_name")
    assert {peer.peer for peer in bench.routing.statistics(0.0).peers} == {"server", "asker"}


def test_a_name_passes_on_only_when_its_owner_cannot_be_reached(bench: Bench) -> None:
    assert bench.hello(b"thief", "server", "instance-thief").message.startswith("duplicate_name")
    bench.reachable.discard(b"server")
    ask_id = bench.routing.statistics(0.0).pending_requests
    assert isinstance(bench.hello(b"thief", "server", "instance-thief"), wire.WelcomeHeader)
    assert ask_id == 0


def test_an_absent_server_is_restarting_for_a_while_and_then_nobody(bench: Bench) -> None:
    bench.vanish(b"server")
    for seconds, kind in [
        (0.0, "restarting"),
        (RESTART_GRACE_SECONDS - 1, "restarting"),
        (1.0, "no_responder"),
    ]:
        bench.tick(seconds)
        bench.send(b"asker", wire.RequestHeader(1, "app.ask", 1000), BODY)
        assert bench.last(b"asker").kind == kind


def test_a_successor_expects_servers_for_a_while() -> None:
    bench = Bench(succession=True)
    bench.hello(b"asker")
    for seconds, kind in [(0.0, "restarting"), (SUCCESSION_GRACE_SECONDS, "no_responder")]:
        bench.tick(seconds)
        bench.send(b"asker", wire.RequestHeader(1, "app.ask", 1000), BODY)
        assert bench.last(b"asker").kind == kind


def test_another_peer_may_take_over_a_service_whose_server_is_gone(bench: Bench) -> None:
    bench.hello(b"heir")
    bench.send(b"heir", wire.ServeHeader(["app.ask"]))
    assert bench.last(b"heir").message.startswith("duplicate_service")
    bench.vanish(b"server")
    bench.send(b"heir", wire.ServeHeader(["app.ask"]))
    assert bench.last(b"heir") == wire.ServeHeader(["app.ask"])
    bench.hello(b"server2", "server", "instance-new")
    bench.send(b"server2", wire.ServeHeader(["app.ask"]))
    assert bench.last(b"server2").message.startswith("duplicate_service")


def test_a_deadline_fails_the_request_and_tells_the_server(bench: Bench) -> None:
    id = ask(bench, timeout_ms=500)
    assert bench.routing.next_due() <= 0.5
    bench.tick(0.499)
    assert not bench.take(b"asker", wire.FailedHeader)
    bench.tick(0.001)
    assert bench.last(b"asker").kind == "deadline"
    assert bench.last(b"server") == wire.CancelHeader(id)


def test_a_reply_that_cannot_be_read_still_ends_the_request(bench: Bench) -> None:
    for id, body in enumerate([[], [b"\xc1"], [BODY, BODY]], 1):
        bench.send(b"server", wire.ReplyHeader(ask(bench, id)), *body)
        assert (bench.last(b"asker").id, bench.last(b"asker").kind) == (id, "invalid")


def test_hands_are_full_at_the_limit(bench: Bench) -> None:
    for id in range(1, IN_HAND_LIMIT + 1):
        ask(bench, id)
    bench.send(b"asker", wire.RequestHeader(IN_HAND_LIMIT + 1, "app.ask", 1000), BODY)
    assert bench.last(b"asker").kind == "busy"


def test_a_server_whose_connection_takes_no_more_is_busy(bench: Bench) -> None:
    id = ask(bench)
    bench.routing.congested(b"server", wire.lane_frames(wire.RequestHeader(id, "app.ask", 1000), BODY))
    bench.carry_out()
    assert bench.last(b"asker").kind == "busy"
    assert bench.routing.undeliverable == 1


def test_acceptance_that_could_not_be_told_is_told_with_the_next_heartbeat(bench: Bench) -> None:
    bench.send(b"asker", wire.PublishHeader(1, "app.x", 1, 1), EVENT)
    bench.tick(0.01)
    assert bench.last(b"asker") == wire.AcceptedHeader(1)
    bench.routing.congested(b"asker", wire.lane_frames(wire.AcceptedHeader(1)))
    bench.inbox.clear()
    bench.tick(wire.HEARTBEAT_SECONDS)
    assert bench.last(b"asker") == wire.AcceptedHeader(1)


def test_lives_of_peers_are_forgotten_oldest_first_but_not_while_connected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_module, "INSTANCE_LIMIT", 10)
    bench.send(b"asker", wire.PublishHeader(5, "app.x", 1, 1), EVENT)
    for n in range(30):
        bench.hello(b"visitor", "visitor", f"instance-{n}")
        bench.vanish(b"visitor")
    assert len(bench.routing._accepted) <= 10
    bench.vanish(b"asker")
    assert bench.hello(b"back", "asker", "instance-asker").accepted == 5


def test_a_nested_header_is_refused_and_does_not_end_the_broker(bench: Bench) -> None:
    for verb in (b"PUBLISH", b"REQUEST", b"SNAPSHOT", b"HELLO"):
        bench.raw(b"asker", [verb, b"\x91" * 60_000, EVENT])
        assert bench.last(b"asker").message.startswith("malformed")
    assert bench.routing.refused == {"malformed": 4}


def test_the_heartbeat_carries_the_heads_and_comes_once_a_second(bench: Bench) -> None:
    bench.send(b"asker", wire.PublishHeader(1, "app.x", 1, 1), EVENT)
    assert bench.routing.tick(0.5) is None
    heartbeat = bench.routing.tick(1.0)
    assert heartbeat is not None
    assert wire.read_heartbeat(bytes(heartbeat[1]), bytes(heartbeat[2]))[1]["app.x"] == 1
    assert bench.routing.tick(1.5) is None
    assert "peers=" in repr(bench.routing)


ROUTES = [b"a", b"b", b"c"]
TOPICS = ["app.one", "app.two"]
NOISE = [b"REQUEST", b"REPLY", b"CANCEL", b"\x91\xcd\xff\xff", b"\x80", b"", BODY]
DEEDS = [
    "hello",
    "serve",
    "ask",
    "ask",
    "reply",
    "fail",
    "junk reply",
    "cancel",
    "bye",
    "vanish",
    "return",
    "tick",
    "noise",
]


@settings(max_examples=200)
@given(st.data())
def test_whatever_peers_do_every_request_has_exactly_one_outcome(data: st.DataObject) -> None:
    bench = Bench()
    asked: dict[tuple[str, int], bytes] = {}
    outcomes: Counter[tuple[str, int]] = Counter()
    generation = dict.fromkeys(ROUTES, 0)
    abandoned: set[tuple[str, int]] = set()
    ids = iter(range(1, 10_000))

    def route_of(peer: bytes) -> bytes:
        return peer + str(generation[peer]).encode()

    def collect() -> None:
        for route, messages in bench.inbox.items():
            for header, _ in messages:
                if isinstance(header, wire.ReplyHeader) or (
                    isinstance(header, wire.FailedHeader) and header.verb == "REQUEST"
                ):
                    outcomes[(route.decode(), header.id)] += 1
                if isinstance(header, wire.RequestHeader):
                    in_hand.setdefault(route, []).append(header.id)
        bench.inbox.clear()

    in_hand: dict[bytes, list[int]] = {}
    for _ in range(data.draw(st.integers(1, 60))):
        peer = data.draw(st.sampled_from(ROUTES))
        route = route_of(peer)
        match data.draw(
            st.sampled_from(
                [
                    "hello",
                    "serve",
                    "ask",
                    "ask",
                    "reply",
                    "fail",
                    "junk reply",
                    "cancel",
                    "bye",
                    "vanish",
                    "return",
                    "tick",
                    "noise",
                ]
            )
        ):
            case "hello":
                bench.send(route, wire.HelloHeader(1, peer.decode(), f"instance-{peer.decode()}", "token"))
            case "serve":
                bench.send(route, wire.ServeHeader([data.draw(st.sampled_from(TOPICS))]))
            case "ask":
                id = next(ids)
                asked[(route.decode(), id)] = peer
                bench.send(
                    route,
                    wire.RequestHeader(
                        id, data.draw(st.sampled_from(TOPICS)), data.draw(st.integers(1, 3000))
                    ),
                    BODY,
                )
            case "reply" if in_hand.get(route):
                id = in_hand[route].pop(data.draw(st.integers(0, len(in_hand[route]) - 1)))
                bench.send(route, wire.ReplyHeader(id), data.draw(st.sampled_from([BODY, b"\xc1"])))
            case "fail" if in_hand.get(route):
                bench.send(route, wire.FailedHeader(in_hand[route].pop(), "refused", "no"))
            case "junk reply":
                bench.send(route, wire.ReplyHeader(data.draw(st.integers(0, 50))), BODY)
            case "cancel":
                mine = [id for (r, id) in asked if r == route.decode() and (r, id) not in outcomes]
                if mine:
                    id = data.draw(st.sampled_from(mine))
                    abandoned.add((route.decode(), id))
                    bench.send(route, wire.CancelHeader(id))
            case "bye":
                bench.send(route, wire.ByeHeader(data.draw(st.booleans())))
                abandoned |= {(r, id) for (r, id) in asked if r == route.decode()}
            case "vanish":
                abandoned |= {(r, id) for (r, id) in asked if r == route.decode()}
                generation[peer] += 1
                bench.vanish(route)
            case "return":  # on a new connection, before the broker has noticed that the former one ended
                abandoned |= {(r, id) for (r, id) in asked if r == route.decode()}
                bench.reachable.discard(route)
                generation[peer] += 1
                bench.hello(route_of(peer), peer.decode(), f"instance-{peer.decode()}")
            case "tick":
                bench.tick(data.draw(st.floats(0.0, 2.0)))
            case "noise":
                bench.raw(
                    route,
                    data.draw(
                        st.lists(
                            st.sampled_from(
                                [b"REQUEST", b"REPLY", b"CANCEL", b"\x91\xcd\xff\xff", b"\x80", b"", BODY]
                            ),
                            max_size=4,
                        )
                    ),
                )
            case _:
                pass
        collect()
    bench.tick(10.0)
    collect()
    for key in asked:
        assert outcomes[key] <= 1
        assert outcomes[key] == 1 or key in abandoned
    assert bench.routing.statistics(bench.now).pending_requests == 0
    assert all(not peer.in_hand and not peer.asked for peer in bench.routing._peers.values())
    assert {peer.route for peer in bench.routing._names.values()} == set(bench.routing._peers)


VALUES = st.one_of(st.integers(-1, 2**64 - 1), st.text(max_size=8), st.none(), st.booleans())
PIECES = st.one_of(
    st.sampled_from(list(wire_frames._TO_BROKER)),
    st.binary(max_size=40),
    st.lists(VALUES, max_size=8).map(wire.encode),
    st.sampled_from([EVENT, BODY, b"\x91" * 3000]),
)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.sampled_from(ROUTES), st.lists(PIECES, max_size=5)), max_size=20))
def test_no_message_makes_the_broker_raise(messages: list[tuple[bytes, list[bytes]]]) -> None:
    bench = Bench()
    bench.hello(b"a")
    for route, frames in messages:
        bench.raw(route, frames)
    assert sum(bench.routing.refused.values()) <= bench.routing.messages == len(messages) + 1
    wire.encode(bench.routing.statistics(0.0))
