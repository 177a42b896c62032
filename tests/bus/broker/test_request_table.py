"""Every request comes to exactly one outcome, whatever its server, its asker and the clock do."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bus import wire
from bus.broker.membership.peer_record import PeerRecord
from bus.broker.membership.peer_rights import PeerRights
from bus.broker.request_table import IN_HAND_LIMIT, IN_HAND_LIMIT_BYTES, PendingRequest, RequestTable
from bus.broker.roster import Grant
from bus.broker.service_book import ServiceBook
from bus.errors import ProtocolError

OWN = "bus.statistics"
TOPIC = "config.request"
TRUSTED = PeerRights(grant=Grant(serves=["*"]), name="any")


def peer(name: str) -> PeerRecord:
    return PeerRecord(name.encode(), name, f"instance-{name}", TRUSTED)


class TableWithServices(RequestTable):
    """A table, and the services that it looks into."""

    def __init__(self) -> None:
        self.services = ServiceBook(0.0, succession=False)
        super().__init__(self.services)

    def serve(self, server: PeerRecord, topics: list[str]) -> None:
        self.services.serve(server, topics, OWN, 0.0)


def request_table() -> TableWithServices:
    return TableWithServices()


def ask(
    table: RequestTable,
    asker: PeerRecord,
    id: int = 1,
    now: float = 0.0,
    timeout_ms: int = 1000,
    topic: str = TOPIC,
    size_bytes: int = 0,
) -> PendingRequest | wire.FailedHeader:
    return table.begin(asker, wire.RequestHeader(id, topic, timeout_ms), now, size_bytes=size_bytes)


def kind(outcome: PendingRequest | wire.FailedHeader) -> str:
    assert isinstance(outcome, wire.FailedHeader)
    return outcome.kind


def test_nobody_serves_is_told_at_once() -> None:
    assert kind(ask(request_table(), peer("app"))) == "no_responder"


def test_a_server_with_its_hands_full_is_busy() -> None:
    table, server, app = request_table(), peer("store"), peer("app")
    table.serve(server, [TOPIC])
    for id in range(1, IN_HAND_LIMIT + 1):
        assert isinstance(ask(table, app, id), PendingRequest)
    assert kind(ask(table, app, IN_HAND_LIMIT + 1)) == "busy"


def test_a_server_with_too_many_bytes_in_hand_is_busy_until_some_are_settled() -> None:
    table, server, app = request_table(), peer("store"), peer("app")
    table.serve(server, [TOPIC])
    quarter = IN_HAND_LIMIT_BYTES // 4
    pendings = [ask(table, app, id, size_bytes=quarter) for id in range(1, 5)]
    assert kind(ask(table, app, 5, size_bytes=1)) == "busy"
    assert isinstance(pendings[0], PendingRequest)
    table.settle(server, pendings[0].id)
    assert isinstance(ask(table, app, 6, size_bytes=quarter), PendingRequest)


def test_an_id_that_is_under_way_is_refused() -> None:
    table, server, app = request_table(), peer("store"), peer("app")
    table.serve(server, [TOPIC])
    ask(table, app, 7)
    with pytest.raises(ProtocolError, match="duplicate_request"):
        ask(table, app, 7)


def test_only_the_server_that_has_it_in_hand_settles_a_request() -> None:
    table, server, app = request_table(), peer("store"), peer("app")
    table.serve(server, [TOPIC])
    pending = ask(table, app)
    assert isinstance(pending, PendingRequest)
    with pytest.raises(ProtocolError, match="unknown_request"):
        table.settle(peer("stranger"), pending.id)
    assert table.settle(server, pending.id) == pending
    with pytest.raises(ProtocolError, match="unknown_request"):
        table.settle(server, pending.id)


class Requests(RuleBasedStateMachine):
    """Two askers, two servers, any order of events: no request is lost, none ends twice."""

    def __init__(self) -> None:
        super().__init__()
        self.table = request_table()
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
        self.table.serve(self.servers[at], [self.topics[at]])

    @rule(
        at=st.integers(0, 1),
        topic=st.integers(0, 1),
        timeout_ms=st.integers(1, 5000),
        size_bytes=st.integers(0, IN_HAND_LIMIT_BYTES // 2),
    )
    def ask(self, at: int, topic: int, timeout_ms: int, size_bytes: int) -> None:
        self.last_id += 1
        asker, name = self.askers[at], self.topics[topic]
        outcome = ask(self.table, asker, self.last_id, self.now, timeout_ms, name, size_bytes)
        if isinstance(outcome, PendingRequest):
            self.open[outcome.id] = outcome

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        if self.open:
            pending = self.open[data.draw(st.sampled_from(sorted(self.open)))]
            self.end(self.table.settle(pending.server, pending.id))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.open:
            pending = self.open[data.draw(st.sampled_from(sorted(self.open)))]
            self.end(self.table.cancel(pending.asker, pending.asked_id))

    @rule(data=st.data())
    def congest(self, data: st.DataObject) -> None:
        id = data.draw(st.integers(0, self.last_id + 1))
        self.end(self.table.give_up(id))

    @rule(seconds=st.floats(0, 10))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.end(*self.table.expire(self.now))

    @rule(at=st.integers(0, 1), returning=st.booleans())
    def lose_server(self, at: int, returning: bool) -> None:
        server = self.servers[at]
        self.table.services.leave(server, self.now, returning=returning)
        in_hand, asked = self.table.abandon(server)
        self.end(*in_hand, *asked)
        self.servers[at] = peer(server.name)

    @rule(at=st.integers(0, 1))
    def lose_asker(self, at: int) -> None:
        in_hand, asked = self.table.abandon(self.askers[at])
        self.end(*in_hand, *asked)
        self.askers[at] = peer(self.askers[at].name)

    @invariant()
    def what_is_open_is_what_the_board_has(self) -> None:
        assert len(self.table) == len(self.open)
        assert len(set(self.ended)) == len(self.ended)
        assert (
            sum(len(server.in_hand) for server in self.servers)
            == sum(len(asker.asked) for asker in self.askers)
            == len(self.open)
        )
        for server in self.servers:
            in_hand_bytes = sum(self.open[id].size_bytes for id in server.in_hand)
            assert server.in_hand_bytes == in_hand_bytes <= IN_HAND_LIMIT_BYTES
        deadline = self.table.next_deadline()
        assert (deadline is None) == (not self.open)


TestRequests = Requests.TestCase
