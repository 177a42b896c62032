"""Whose retained events are, and how many a peer may have."""

from __future__ import annotations

import pytest

from bus.broker.log.retained_owners import ALL_GUESTS_QUOTA, GUEST_QUOTA, NAMED_QUOTA, RetainedOwners
from bus.errors import ProtocolError


def retain(
    owners: RetainedOwners, owner: str, key: str, size_bytes: int = 10, *, is_guest: bool = True
) -> None:
    owners.check(("app.x", key), owner, size_bytes, is_guest=is_guest)
    owners.put(("app.x", key), owner, size_bytes, is_guest=is_guest)


def test_a_key_belongs_to_the_name_that_published_it() -> None:
    owners = RetainedOwners()
    retain(owners, "one", "k")
    with pytest.raises(ProtocolError, match="not_yours: app.x 'k' is retained for 'one'"):
        retain(owners, "two", "k")
    retain(owners, "one", "k")
    owners.remove(("app.x", "k"))
    retain(owners, "two", "k")
    assert owners.keys_of("two") == [("app.x", "k")]
    assert owners.keys_of("one") == []


@pytest.mark.parametrize(("is_guest", "quota"), [(True, GUEST_QUOTA), (False, NAMED_QUOTA)])
def test_a_peer_has_so_many_keys_and_no_more(is_guest: bool, quota) -> None:  # type: ignore[no-untyped-def]
    owners = RetainedOwners()
    for n in range(quota.keys):
        retain(owners, "one", str(n), is_guest=is_guest)
    with pytest.raises(ProtocolError, match="retained_full"):
        retain(owners, "one", "more", is_guest=is_guest)
    retain(owners, "one", "0", 20, is_guest=is_guest)
    retain(owners, "two", "its own", is_guest=is_guest)
    owners.remove(("app.x", "5"))
    retain(owners, "one", "more", is_guest=is_guest)


@pytest.mark.parametrize(("is_guest", "quota"), [(True, GUEST_QUOTA), (False, NAMED_QUOTA)])
def test_a_peer_has_so_many_bytes_and_no_more(is_guest: bool, quota) -> None:  # type: ignore[no-untyped-def]
    owners = RetainedOwners()
    retain(owners, "one", "a", quota.size_bytes - 10, is_guest=is_guest)
    retain(owners, "one", "b", 10, is_guest=is_guest)
    for key in ("b", "c"):
        with pytest.raises(ProtocolError, match="retained_full"):
            retain(owners, "one", key, 11, is_guest=is_guest)
    retain(owners, "one", "a", 5, is_guest=is_guest)
    retain(owners, "one", "c", 11, is_guest=is_guest)
    assert owners.held_by("one").size_bytes == 26


def test_all_guests_together_leave_room_for_named_peers() -> None:
    owners = RetainedOwners()
    for guest in range(ALL_GUESTS_QUOTA.keys // GUEST_QUOTA.keys):
        for n in range(GUEST_QUOTA.keys):
            retain(owners, f"guest-{guest}", f"{guest}/{n}")
    with pytest.raises(ProtocolError, match="all guests together"):
        retain(owners, "another", "k")
    retain(owners, "store", "k", is_guest=False)
    owners.remove(("app.x", "0/0"))
    retain(owners, "another", "k2")


def test_a_topic_is_retained_while_one_of_its_keys_is() -> None:
    owners = RetainedOwners()
    assert not owners.has_topic("app.x")
    retain(owners, "one", "a")
    retain(owners, "one", "b")
    owners.remove(("app.x", "a"))
    owners.remove(("app.x", "a"))
    assert owners.has_topic("app.x")
    owners.remove(("app.x", "b"))
    assert not owners.has_topic("app.x")
    assert len(owners) == 0
