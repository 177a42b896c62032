"""Which peers the broker admits, which place each event gets, and how each request ends, exactly once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import wire
from bus.broker.backlog import BACKLOG_LIMIT_MESSAGES, RETRY_SECONDS
from bus.broker.request_table import IN_HAND_LIMIT
from bus.broker.service_book import RESTART_GRACE_SECONDS, SUCCESSION_GRACE_SECONDS
from bus.wire import frames as wire_frames
from tests.support.core_under_test import CoreUnderTest

EVENT = wire.encode([{"type": "app.x"}])
BODY = wire.encode({"type": "app.ask"})


@pytest.fixture
def broker() -> CoreUnderTest:
    broker = CoreUnderTest()
    broker.hello(b"server")
    broker.hello(b"asker")
    broker.send(b"server", wire.ServeHeader(["app.ask"]))
    return broker


def ask(broker: CoreUnderTest, id: int = 1, timeout_ms: int = 1000) -> int:
    """Ask, and return the broker's own id."""
    broker.send(b"asker", wire.RequestHeader(id, "app.ask", timeout_ms), BODY)
    return int(broker.take(b"server", wire.RequestHeader)[-1].id)


def test_a_request_goes_to_its_server_and_the_reply_back(broker: CoreUnderTest) -> None:
    broker.send(b"server", wire.ReplyHeader(ask(broker, 7)), BODY)
    assert broker.last(b"asker") == wire.RepliedHeader(7, "epoch", broker.core.event_log.sequence, "server")


def test_a_server_that_comes_back_on_a_new_connection_has_nothing_in_hand_any_more(
    broker: CoreUnderTest,
) -> None:
    ask(broker)
    broker.reachable.discard(b"server")
    welcome = broker.hello(b"again", "server", "instance-server")
    assert isinstance(welcome, wire.WelcomeHeader)
    failed = broker.last(b"asker")
    assert (failed.id, failed.kind) == (1, "died")
    broker.send(b"asker", wire.RequestHeader(2, "app.ask", 1000), BODY)
    assert broker.last(b"asker").kind == "restarting", "until it serves again"
    broker.send(b"again", wire.ServeHeader(["app.ask"]))
    broker.send(b"asker", wire.RequestHeader(3, "app.ask", 1000), BODY)
    assert broker.take(b"again", wire.RequestHeader)


def test_an_asker_that_comes_back_on_a_new_connection_waits_for_nothing_any_more(
    broker: CoreUnderTest,
) -> None:
    id = ask(broker)
    broker.reachable.discard(b"asker")
    broker.hello(b"again", "asker", "instance-asker")
    assert broker.last(b"server") == wire.CancelHeader(id)
    broker.send(b"server", wire.ReplyHeader(id), BODY)
    assert broker.core.refused == {"unknown_request": 1}


def test_a_hello_repeated_on_the_same_connection_changes_nothing(broker: CoreUnderTest) -> None:
    id = ask(broker)
    broker.hello(b"server")
    broker.send(b"server", wire.ReplyHeader(id), BODY)
    answer = broker.last(b"asker")
    assert isinstance(answer, wire.RepliedHeader)
    assert (answer.id, answer.source) == (1, "server")


def test_one_connection_cannot_take_a_second_name(broker: CoreUnderTest) -> None:
    assert broker.hello(b"server", "other").message.startswith("invalid_name")
    assert {peer.peer for peer in broker.core.statistics(0.0).peers} == {"server", "asker"}


def test_an_absent_server_is_restarting_for_a_while_and_then_nobody(broker: CoreUnderTest) -> None:
    broker.vanish(b"server")
    for seconds, kind in [
        (0.0, "restarting"),
        (RESTART_GRACE_SECONDS - 1, "restarting"),
        (1.0, "no_responder"),
    ]:
        broker.tick(seconds)
        broker.send(b"asker", wire.RequestHeader(1, "app.ask", 1000), BODY)
        assert broker.last(b"asker").kind == kind


def test_a_successor_expects_servers_for_a_while() -> None:
    broker = CoreUnderTest(succession=True)
    broker.hello(b"asker")
    for seconds, kind in [(0.0, "restarting"), (SUCCESSION_GRACE_SECONDS, "no_responder")]:
        broker.tick(seconds)
        broker.send(b"asker", wire.RequestHeader(1, "app.ask", 1000), BODY)
        assert broker.last(b"asker").kind == kind


def test_another_peer_may_take_over_a_service_whose_server_is_gone(broker: CoreUnderTest) -> None:
    broker.hello(b"heir")
    broker.send(b"heir", wire.ServeHeader(["app.ask"]))
    assert broker.last(b"heir").message.startswith("duplicate_service")
    broker.vanish(b"server")
    broker.send(b"heir", wire.ServeHeader(["app.ask"]))
    assert broker.last(b"heir").message.startswith("duplicate_service")
    broker.tick(RESTART_GRACE_SECONDS)
    broker.send(b"heir", wire.ServeHeader(["app.ask"]))
    assert broker.last(b"heir") == wire.ServeHeader(["app.ask"])
    broker.hello(b"server2", "server", "instance-new")
    broker.send(b"server2", wire.ServeHeader(["app.ask"]))
    assert broker.last(b"server2").message.startswith("duplicate_service")


def test_a_deadline_fails_the_request_and_tells_the_server(broker: CoreUnderTest) -> None:
    id = ask(broker, timeout_ms=500)
    assert broker.core.next_due() <= 0.5
    broker.tick(0.499)
    assert not broker.take(b"asker", wire.FailedHeader)
    broker.tick(0.001)
    assert broker.last(b"asker").kind == "deadline"
    assert broker.last(b"server") == wire.CancelHeader(id)


def test_a_reply_that_cannot_be_read_still_ends_the_request(broker: CoreUnderTest) -> None:
    for id, body in enumerate([[], [b"\xc1"], [BODY, BODY]], 1):
        broker.send(b"server", wire.ReplyHeader(ask(broker, id)), *body)
        assert (broker.last(b"asker").id, broker.last(b"asker").kind) == (id, "invalid")


def test_hands_are_full_at_the_limit(broker: CoreUnderTest) -> None:
    for id in range(1, IN_HAND_LIMIT + 1):
        ask(broker, id)
    broker.send(b"asker", wire.RequestHeader(IN_HAND_LIMIT + 1, "app.ask", 1000), BODY)
    assert broker.last(b"asker").kind == "busy"


def full(broker: CoreUnderTest, route: bytes, header: wire.LaneHeader, *body: bytes) -> None:
    """The connection did not take this message."""
    broker.core.congested(route, wire.lane_frames(header, *body), broker.now, 0)
    broker.carry_out()


def test_a_server_whose_connection_takes_no_more_is_busy(broker: CoreUnderTest) -> None:
    full(broker, b"server", wire.RequestHeader(ask(broker), "app.ask", 1000), BODY)
    assert broker.last(b"asker").kind == "busy"
    assert broker.core.undeliverable == 1


def test_a_reply_that_does_not_fit_fails_as_busy(broker: CoreUnderTest) -> None:
    full(broker, b"asker", wire.RepliedHeader(7, "epoch", 1, "server"), BODY)
    assert (broker.last(b"asker").id, broker.last(b"asker").kind) == (7, "busy")
    assert broker.core.undeliverable == 1


@pytest.mark.parametrize(
    "header",
    [
        wire.SnapshottedHeader(7, "epoch", 1, {}),
        wire.ReplayedHeader(7, "app.x", 0, 1, "epoch"),
    ],
)
def test_a_page_that_does_not_fit_fails_as_busy(broker: CoreUnderTest, header: wire.LaneHeader) -> None:
    full(broker, b"asker", header, b"", b"", b"")
    failed = broker.last(b"asker")
    assert (failed.id, failed.kind, failed.verb) == (7, "busy", wire.VERB_OF[type(header)].decode())


def test_an_outcome_that_does_not_fit_is_kept_and_sent_again(broker: CoreUnderTest) -> None:
    outcomes = [wire.FailedHeader(id, "busy", "no") for id in (1, 2, 3)]
    for outcome in outcomes:
        full(broker, b"asker", outcome)
        assert broker.core.is_congested(b"asker")
    assert broker.core.next_due() == RETRY_SECONDS
    broker.tick(RETRY_SECONDS)
    assert broker.take(b"asker", wire.FailedHeader) == outcomes
    assert not broker.core.is_congested(b"asker")


def test_a_peer_that_takes_nothing_at_all_is_cut_off(broker: CoreUnderTest) -> None:
    id = ask(broker)
    for number in range(BACKLOG_LIMIT_MESSAGES + 1):
        full(broker, b"server", wire.CancelHeader(number))
    assert broker.core.out.take_cut() == [b"server"]
    assert b"server" not in broker.core.routes()
    assert broker.last(b"asker").kind == "died"
    assert not broker.core.is_congested(b"server")
    broker.send(b"server", wire.ReplyHeader(id), BODY)
    assert broker.core.refused["unknown_peer"] == 1


def test_acceptance_that_could_not_be_told_is_told_with_the_next_heartbeat(broker: CoreUnderTest) -> None:
    broker.send(b"asker", wire.PublishHeader(1, "app.x", 1, 1), EVENT)
    broker.tick(0.01)
    assert broker.last(b"asker") == wire.AcceptedHeader(1)
    broker.core.congested(b"asker", wire.lane_frames(wire.AcceptedHeader(1)), broker.now, 0)
    broker.inbox.clear()
    broker.tick(wire.HEARTBEAT_SECONDS)
    assert broker.last(b"asker") == wire.AcceptedHeader(1)


def test_a_nested_header_is_refused_and_does_not_end_the_broker(broker: CoreUnderTest) -> None:
    for verb in (b"PUBLISH", b"REQUEST", b"SNAPSHOT", b"HELLO"):
        broker.raw(b"asker", [verb, b"\x91" * 60_000, EVENT])
        assert broker.last(b"asker").message.startswith("malformed")
    assert broker.core.refused == {"malformed": 4}


def test_the_heartbeat_carries_the_heads_and_comes_once_a_second(broker: CoreUnderTest) -> None:
    broker.send(b"asker", wire.PublishHeader(1, "app.x", 1, 1), EVENT)
    assert broker.core.tick(0.5, 0) is None
    heartbeat = broker.core.tick(1.0, 0)
    assert heartbeat is not None
    assert wire.read_heartbeat(bytes(heartbeat[1]), bytes(heartbeat[2]))[1]["app.x"] == 1
    assert broker.core.tick(1.5, 0) is None
    assert "peers=" in repr(broker.core)


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
    broker = CoreUnderTest()
    asked: dict[tuple[str, int], bytes] = {}
    outcomes: Counter[tuple[str, int]] = Counter()
    generation = dict.fromkeys(ROUTES, 0)
    abandoned: set[tuple[str, int]] = set()
    ids = iter(range(1, 10_000))

    def route_of(peer: bytes) -> bytes:
        return peer + str(generation[peer]).encode()

    def collect() -> None:
        for route, messages in broker.inbox.items():
            for header, _ in messages:
                if isinstance(header, wire.RepliedHeader) or (
                    isinstance(header, wire.FailedHeader) and header.verb == "REQUEST"
                ):
                    outcomes[(route.decode(), header.id)] += 1
                if isinstance(header, wire.RequestHeader):
                    in_hand.setdefault(route, []).append(header.id)
        broker.inbox.clear()

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
                broker.send(
                    route,
                    wire.HelloHeader(
                        wire.PROTOCOL_VERSION, peer.decode(), f"instance-{peer.decode()}", "token"
                    ),
                )
            case "serve":
                broker.send(route, wire.ServeHeader([data.draw(st.sampled_from(TOPICS))]))
            case "ask":
                id = next(ids)
                asked[(route.decode(), id)] = peer
                broker.send(
                    route,
                    wire.RequestHeader(
                        id, data.draw(st.sampled_from(TOPICS)), data.draw(st.integers(1, 3000))
                    ),
                    BODY,
                )
            case "reply" if in_hand.get(route):
                id = in_hand[route].pop(data.draw(st.integers(0, len(in_hand[route]) - 1)))
                broker.send(route, wire.ReplyHeader(id), data.draw(st.sampled_from([BODY, b"\xc1"])))
            case "fail" if in_hand.get(route):
                broker.send(route, wire.FailedHeader(in_hand[route].pop(), "refused", "no"))
            case "junk reply":
                broker.send(route, wire.ReplyHeader(data.draw(st.integers(0, 50))), BODY)
            case "cancel":
                mine = [id for (r, id) in asked if r == route.decode() and (r, id) not in outcomes]
                if mine:
                    id = data.draw(st.sampled_from(mine))
                    abandoned.add((route.decode(), id))
                    broker.send(route, wire.CancelHeader(id))
            case "bye":
                broker.send(route, wire.ByeHeader(data.draw(st.booleans())))
                abandoned |= {(r, id) for (r, id) in asked if r == route.decode()}
            case "vanish":
                abandoned |= {(r, id) for (r, id) in asked if r == route.decode()}
                generation[peer] += 1
                broker.vanish(route)
            case "return":  # on a new connection, before the broker has noticed that the former one ended
                abandoned |= {(r, id) for (r, id) in asked if r == route.decode()}
                broker.reachable.discard(route)
                generation[peer] += 1
                broker.hello(route_of(peer), peer.decode(), f"instance-{peer.decode()}")
            case "tick":
                broker.tick(data.draw(st.floats(0.0, 2.0)))
            case "noise":
                broker.raw(
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
    broker.tick(10.0)
    collect()
    for key in asked:
        assert outcomes[key] <= 1
        assert outcomes[key] == 1 or key in abandoned
    assert broker.core.statistics(broker.now).pending_requests == 0
    assert all(not peer.in_hand and not peer.asked for peer in broker.core._peers.values())
    assert {peer.route for peer in broker.core._registry.by_name.values()} == set(broker.core._peers)


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
    broker = CoreUnderTest()
    broker.hello(b"a")
    for route, frames in messages:
        broker.raw(route, frames)
    assert sum(broker.core.refused.values()) <= broker.core.messages == len(messages) + 1
    wire.encode(broker.core.statistics(0.0))
