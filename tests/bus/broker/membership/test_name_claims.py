"""One claim for each name and connection, and when it counts as unanswered."""

from __future__ import annotations

from bus import wire
from bus.broker.membership.name_claims import CHECK_SECONDS, CLAIM_SECONDS, NameClaims, is_unanswered
from bus.broker.membership.peer_record import PeerRecord

HELLO = wire.HelloHeader(2, "tray", "instance-new", "token")
FORMER = PeerRecord(b"old", "tray", "instance-old")


def test_a_claim_is_found_by_name_and_by_connection_until_it_ends() -> None:
    claims = NameClaims()
    assert claims.next_due() is None
    claim = claims.begin(b"new", HELLO, FORMER, 5.0)
    assert claims.of_name("tray") is claims.of_route(b"new") is claim
    assert claims.routes() == [b"new"]
    assert claims.next_due() == 5.0 + CHECK_SECONDS
    claims.end(claim)
    assert len(claims) == 0
    assert claims.of_name("tray") is claims.of_route(b"new") is None


def test_two_claims_ask_with_different_ids() -> None:
    ids = {NameClaims().begin(b"new", HELLO, FORMER, 0.0).ping_id for _ in range(20)}
    assert len(ids) == 20
    assert all(0 < id < 2**53 for id in ids), "any client can hold them exactly"


def test_the_former_connection_has_its_time_and_the_broker_looks_often_enough() -> None:
    claims = NameClaims()
    claim = claims.begin(b"new", HELLO, FORMER, 0.0)
    now = 0.0
    while not is_unanswered(claim, now):
        now += CHECK_SECONDS
        assert claims.due(now) in ([claim], [])
    assert CLAIM_SECONDS <= now <= CLAIM_SECONDS + 2 * CHECK_SECONDS


def test_time_in_which_the_broker_itself_stood_still_does_not_count() -> None:
    claims = NameClaims()
    claim = claims.begin(b"new", HELLO, FORMER, 0.0)
    assert claims.due(100.0) == [claim]
    assert not is_unanswered(claim, 100.0)
