"""What is sent for each step of a request."""

from __future__ import annotations

from bus import wire
from bus.broker.log.event_log import EventLog
from bus.broker.membership.peer_record import PeerRecord
from bus.broker.outgoing import Outgoing
from bus.broker.request_relay import RequestRelay
from bus.broker.service_book import ServiceBook

BODY = wire.encode({"type": "app.ask"})


def test_a_request_goes_to_its_server_and_its_outcome_back() -> None:
    out = Outgoing()
    relay = RequestRelay(ServiceBook(0.0, succession=False), EventLog("epoch"), out, "bus.statistics")
    server, asker = PeerRecord(b"s", "server", "one"), PeerRecord(b"a", "asker", "two")
    relay.serve(server, wire.ServeHeader(["app.ask"]), 0.0)
    relay.request(asker, wire.RequestHeader(7, "app.ask", 1000), BODY, 0.0)
    assert len(relay) == 1
    assert relay.next_deadline() == 1.0
    relay.failed(server, wire.FailedHeader(1, "refused", "no"))
    assert [(route, frames[0]) for route, frames in out.take_for_peers()] == [
        (b"s", b"SERVE"),
        (b"s", b"REQUEST"),
        (b"a", b"FAILED"),
    ]
