"""Every request comes to exactly one outcome, whatever its server, its asker and the clock do."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bus import wire
from bus.broker.peer_record import PeerRecord
from bus.broker.request_table import (
    IN_HAND_LIMIT,
    RESTART_GRACE_SECONDS,
    SUCCESSION_GRACE_SECONDS,
    PendingRequest,
    RequestTable,
)
from bus.broker.topic_rules import TopicRules
from bus.errors import ProtocolError

OWN = "bus.statistics"
TOPIC = "config.request"


def peer(name: str) -> PeerRecord:
    return PeerRecord(name.encode(), name, f"instance-{name}")


def switchboard(*, succession: bool = False) -> RequestTable:
    return RequestTable(TopicRules(), 0.0, succession=succession)


def ask(
    board: RequestTable,
    asker: PeerRecord,
    id: int = 1,
    now: float = 0.0,
    timeout_ms: int = 1000,
    topic: str = TOPIC,
) -> PendingRequest | wire.FailedHeader:
    return board.begin(asker, wire.RequestHeader(id, topic, timeout_ms), now)


def kind(outcome: PendingRequest | wire.FailedHeader) -> str:
    assert isinstance(outcome, wire.FailedHeader)
    return outcome.kind


def test_nobody_serves_is_told_at_once() -> None:
    assert kind(ask(switchboard(), peer("app"))) == "no_responder"


def test_right_after_a_broker_took_over_servers_count_as_due_back() -> None:
    board = switchboard(succession=True)
    assert kind(ask(board, peer("app"), now=1.0)) == "restarting"
    assert kind(ask(board, peer("app"), now=SUCCESSION_GRACE_SECONDS)) == "no_responder"


def test_a_server_that_vanished_is_due_back_for_a_minute() -> None:
    board, server = switchboard(), peer("store")
    board.serve(server, [TOPIC], OWN)
    board.leave(server, 10.0, returning=True)
    assert kind(ask(board, peer("app"), now=11.0)) == "restarting"
    assert kind(ask(board, peer("app"), now=10.0 + RESTART_GRACE_SECONDS)) == "no_responder"


def test_a_server_that_left_for_good_is_nobody() -> None:
    board, server = switchboard(), peer("store")
    board.serve(server, [TOPIC], OWN)
    board.leave(server, 10.0, returning=False)
    assert kind(ask(board, peer("app"), now=10.0)) == "no_responder"


def test_a_topic_has_one_server_until_it_is_gone() -> None:
    board, first, second = switchboard(), peer("first"), peer("second")
    board.serve(first, [TOPIC], OWN)
    for topic in (TOPIC, OWN):
        with pytest.raises(ProtocolError, match="duplicate_service"):
            board.serve(second, [topic], OWN)
    board.leave(first, 1.0, returning=True)
    board.serve(second, [TOPIC], OWN)
    found = ask(board, peer("app"))
    assert isinstance(found, PendingRequest)
    assert found.server is second


def test_one_topic_that_does_not_exist_serves_none_of_them() -> None:
    board, server = switchboard(), peer("store")
    with pytest.raises(ProtocolError, match="unknown_topic"):
        board.serve(server, [TOPIC, "no.such_topic"], OWN)
    assert kind(ask(board, peer("app"))) == "no_responder"


def test_a_server_with_its_hands_full_is_busy() -> None:
    board, server, app = switchboard(), peer("store"), peer("app")
    board.serve(server, [TOPIC], OWN)
    for id in range(1, IN_HAND_LIMIT + 1):
        assert isinstance(ask(board, app, id), PendingRequest)
    assert kind(ask(board, app, IN_HAND_LIMIT + 1)) == "busy"


def test_an_id_that_is_under_way_is_refused() -> None:
    board, server, app = switchboard(), peer("store"), peer("app")
    board.serve(server, [TOPIC], OWN)
    ask(board, app, 7)
    with pytest.raises(ProtocolError, match="duplicate_request"):
        ask(board, app, 7)


def test_only_the_server_that_has_it_in_hand_settles_a_request() -> None:
    board, server, app = switchboard(), peer("store"), peer("app")
    board.serve(server, [TOPIC], OWN)
    pending = ask(board, app)
    assert isinstance(pending, PendingRequest)
    with pytest.raises(ProtocolError, match="unknown_request"):
        board.settle(peer("stranger"), pending.id)
    assert board.settle(server, pending.id) == pending
    with pytest.raises(ProtocolError, match="unknown_request"):
        board.settle(server, pending.id)


class Requests(RuleBasedStateMachine):
    """Two askers, two servers, any order of events: no request is lost, none ends twice."""

    def __init__(self) -> None:
        super().__init__()
        self.board = switchboard()
        self.servers = [peer("one"), peer("two")]
        self.askers = [peer("app"), peer("tray")]
        self.topics = [TOPIC, "models.list"]
        self.now = 0.0
        self.last_id = 0
        self.open: dict[int, PendingRequest] = {}
        self.ended: list[int] = []

    def end(self, *pendings: PendingRequest | None) -> None:
        for pending in pendings:
            if pending is not None:
                assert self.open.pop(pending.id) == pending
                self.ended.append(pending.id)

    @rule(at=st.integers(0, 1))
    def serve(self, at: int) -> None:
        self.board.serve(self.servers[at], [self.topics[at]], OWN)

    @rule(at=st.integers(0, 1), topic=st.integers(0, 1), timeout_ms=st.integers(1, 5000))
    def ask(self, at: int, topic: int, timeout_ms: int) -> None:
        self.last_id += 1
        outcome = ask(self.board, self.askers[at], self.last_id, self.now, timeout_ms, self.topics[topic])
        if isinstance(outcome, PendingRequest):
            self.open[outcome.id] = outcome

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        if self.open:
            pending = self.open[data.draw(st.sampled_from(sorted(self.open)))]
            self.end(self.board.settle(pending.server, pending.id))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.open:
            pending = self.open[data.draw(st.sampled_from(sorted(self.open)))]
            self.end(self.board.cancel(pending.asker, pending.asked_id))

    @rule(data=st.data())
    def congest(self, data: st.DataObject) -> None:
        id = data.draw(st.integers(0, self.last_id + 1))
        self.end(self.board.give_up(id))

    @rule(seconds=st.floats(0, 10))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.end(*self.board.expire(self.now))

    @rule(at=st.integers(0, 1), returning=st.booleans())
    def lose_server(self, at: int, returning: bool) -> None:
        server = self.servers[at]
        self.board.leave(server, self.now, returning=returning)
        in_hand, asked = self.board.abandon(server)
        self.end(*in_hand, *asked)
        self.servers[at] = peer(server.name)

    @rule(at=st.integers(0, 1))
    def lose_asker(self, at: int) -> None:
        in_hand, asked = self.board.abandon(self.askers[at])
        self.end(*in_hand, *asked)
        self.askers[at] = peer(self.askers[at].name)

    @invariant()
    def what_is_open_is_what_the_board_has(self) -> None:
        assert len(self.board) == len(self.open)
        assert len(set(self.ended)) == len(self.ended)
        assert (
            sum(len(server.in_hand) for server in self.servers)
            == sum(len(asker.asked) for asker in self.askers)
            == len(self.open)
        )
        deadline = self.board.next_deadline()
        assert (deadline is None) == (not self.open)


TestRequests = Requests.TestCase
