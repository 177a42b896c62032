"""How many topics a peer may begin, and which are forgotten."""

from __future__ import annotations

import pytest

from bus.broker.log.topic_quotas import (
    ALL_GUESTS_TOPIC_LIMIT,
    FORGET_EVERY_NS,
    GUEST_TOPIC_LIMIT,
    NAMED_TOPIC_LIMIT,
    TopicQuotas,
)
from bus.errors import ProtocolError


def begin(quotas: TopicQuotas, topic: str, creator: str, *, is_guest: bool = True) -> None:
    quotas.check(topic, creator, is_guest=is_guest)
    quotas.begin(topic, creator, is_guest=is_guest)


@pytest.mark.parametrize(("is_guest", "limit"), [(True, GUEST_TOPIC_LIMIT), (False, NAMED_TOPIC_LIMIT)])
def test_a_peer_begins_so_many_topics_and_no_more(is_guest: bool, limit: int) -> None:
    quotas = TopicQuotas()
    for n in range(limit):
        begin(quotas, f"app.x{n}", "one", is_guest=is_guest)
    with pytest.raises(ProtocolError, match=f"topics_full.*'one' began {limit} topics"):
        begin(quotas, "app.more", "one", is_guest=is_guest)
    begin(quotas, "app.more", "two", is_guest=is_guest)
    begin(quotas, "config.settings_changed", "one", is_guest=is_guest)
    assert quotas.begun_by("one") == limit


def test_all_guests_together_leave_room_for_named_peers_and_the_contract() -> None:
    quotas = TopicQuotas()
    for n in range(ALL_GUESTS_TOPIC_LIMIT):
        begin(quotas, f"app.x{n}", f"guest-{n // GUEST_TOPIC_LIMIT}")
    with pytest.raises(ProtocolError, match="guests began"):
        begin(quotas, "app.more", "late")
    begin(quotas, "app.more", "engine", is_guest=False)
    for n in range(NAMED_TOPIC_LIMIT - 1):
        begin(quotas, f"app.named{n}", "engine", is_guest=False)
    with pytest.raises(ProtocolError, match="topics are in use"):
        begin(quotas, "app.still_more", "other", is_guest=False)
    begin(quotas, "config.settings_changed", "config_store", is_guest=False)


def test_what_nobody_needs_is_forgotten_at_most_once_a_second() -> None:
    quotas = TopicQuotas()
    for topic, creator in [("app.a", "gone"), ("app.b", "there"), ("app.c", "gone")]:
        begin(quotas, topic, creator)
    needed = {"app.c"}

    def is_needed(topic: str, creator: str) -> bool:
        return topic in needed or creator == "there"

    assert quotas.forget(0, is_needed) == ["app.a"]
    needed.clear()
    assert quotas.forget(FORGET_EVERY_NS - 1, is_needed) == []
    assert quotas.forget(FORGET_EVERY_NS, is_needed) == ["app.c"]
    assert quotas.forget(-FORGET_EVERY_NS, is_needed) == [], "a clock that was set back does not stop it"
    assert quotas.begun_by("gone") == 0
    assert len(quotas) == 1
