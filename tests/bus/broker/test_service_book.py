"""Who serves a topic, and with whom it stays."""

from __future__ import annotations

import pytest

from bus.broker.membership.peer_record import PeerRecord
from bus.broker.membership.peer_rights import PeerRights
from bus.broker.roster import Grant
from bus.broker.service_book import (
    ALL_GUESTS_SERVICE_LIMIT,
    GUEST_GRACE_SECONDS,
    GUEST_SERVICE_LIMIT,
    RESTART_GRACE_SECONDS,
    SUCCESSION_GRACE_SECONDS,
    ServiceBook,
)
from bus.errors import ProtocolError

OWN = "bus.statistics"
TOPIC = "config.request"


def named(name: str) -> PeerRecord:
    return PeerRecord(name.encode(), name, f"instance-{name}", PeerRights(None, Grant(serves=["*"]), name))


def guest(name: str) -> PeerRecord:
    return PeerRecord(name.encode(), name, f"instance-{name}")


def book(*, succession: bool = False) -> ServiceBook:
    return ServiceBook(0.0, succession=succession)


def kind(services: ServiceBook, topic: str, now: float) -> str:
    found = services.find(topic, now)
    return found.name if isinstance(found, PeerRecord) else found[0]


def test_nobody_serves_a_topic_until_a_peer_does() -> None:
    services = book()
    assert kind(services, TOPIC, 0.0) == "no_responder"
    services.serve(named("store"), [TOPIC], OWN, 0.0)
    assert kind(services, TOPIC, 0.0) == "store"


def test_right_after_a_broker_took_over_servers_count_as_due_back() -> None:
    services = book(succession=True)
    assert kind(services, TOPIC, 1.0) == "restarting"
    assert kind(services, TOPIC, SUCCESSION_GRACE_SECONDS) == "no_responder"


@pytest.mark.parametrize(
    ("make", "grace_seconds"), [(named, RESTART_GRACE_SECONDS), (guest, GUEST_GRACE_SECONDS)]
)
def test_a_topic_stays_with_its_name_while_the_server_is_due_back(make, grace_seconds) -> None:  # type: ignore[no-untyped-def]
    services, server, thief = book(), make("server"), guest("thief")
    services.serve(server, ["app.ask"], OWN, 0.0)
    with pytest.raises(ProtocolError, match="duplicate_service"):
        services.serve(thief, ["app.ask"], OWN, 0.0)
    services.leave(server, 10.0, returning=True)
    for now in (10.0, 10.0 + grace_seconds - 0.1):
        assert kind(services, "app.ask", now) == "restarting"
        with pytest.raises(ProtocolError, match="duplicate_service: app.ask is kept for 'server'"):
            services.serve(thief, ["app.ask"], OWN, now)
    services.serve(make("server"), ["app.ask"], OWN, 11.0)
    assert kind(services, "app.ask", 11.0) == "server"


def test_a_topic_is_free_when_its_server_did_not_come_back() -> None:
    services, server = book(), guest("server")
    services.serve(server, ["app.ask"], OWN, 0.0)
    services.leave(server, 10.0, returning=True)
    assert kind(services, "app.ask", 10.0 + GUEST_GRACE_SECONDS) == "no_responder"
    services.serve(guest("heir"), ["app.ask"], OWN, 10.0 + GUEST_GRACE_SECONDS)
    assert kind(services, "app.ask", 10.0 + GUEST_GRACE_SECONDS) == "heir"


def test_a_server_that_left_for_good_is_nobody() -> None:
    services, server = book(), named("store")
    services.serve(server, [TOPIC], OWN, 0.0)
    services.leave(server, 10.0, returning=False)
    assert kind(services, TOPIC, 10.0) == "no_responder"


def test_one_topic_that_may_not_be_served_serves_none_of_them() -> None:
    services = book()
    for topics, reason in [
        (["app.ask", "no.such_topic"], "unknown_topic"),
        (["app.ask", TOPIC], "not_yours"),
        (["app.ask", OWN], "duplicate_service"),
    ]:
        with pytest.raises(ProtocolError, match=reason):
            services.serve(guest("thief"), topics, OWN, 0.0)
    assert kind(services, "app.ask", 0.0) == "no_responder"


def test_a_guest_has_its_share_and_all_guests_have_theirs() -> None:
    services = book()

    def topics_of(name: str, count: int) -> list[str]:
        return [f"app.{name}.t{n}" for n in range(count)]

    one = guest("g0")
    services.serve(one, topics_of("g0", GUEST_SERVICE_LIMIT), OWN, 0.0)
    services.serve(one, topics_of("g0", GUEST_SERVICE_LIMIT), OWN, 0.0)
    with pytest.raises(ProtocolError, match="services_full"):
        services.serve(one, ["app.one_more"], OWN, 0.0)
    others = [guest(f"g{n}") for n in range(1, ALL_GUESTS_SERVICE_LIMIT // GUEST_SERVICE_LIMIT)]
    for other in others:
        services.serve(other, topics_of(other.name, GUEST_SERVICE_LIMIT), OWN, 0.0)
    with pytest.raises(ProtocolError, match="services_full"):
        services.serve(guest("late"), ["app.one_more"], OWN, 0.0)
    services.serve(named("engine"), [TOPIC, "app.one_more"], OWN, 0.0)
    services.leave(one, 1.0, returning=True)
    services.serve(guest("late"), ["app.late"], OWN, 1.0 + GUEST_GRACE_SECONDS)
