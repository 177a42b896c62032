"""When what a guest retains goes."""

from __future__ import annotations

from bus.broker.guest_retention import GUEST_RETENTION_SECONDS, GuestRetention


def test_a_guest_that_vanished_has_a_while_to_come_back() -> None:
    retention = GuestRetention()
    retention.vanished("one", 0.0)
    retention.vanished("two", 10.0)
    assert retention.next_due() == GUEST_RETENTION_SECONDS
    assert retention.gone_for_good(GUEST_RETENTION_SECONDS - 1) == []
    assert retention.gone_for_good(GUEST_RETENTION_SECONDS) == ["one"]
    retention.returned("two")
    assert retention.next_due() is None
    assert retention.gone_for_good(1000.0) == []


def test_the_time_begins_anew_with_each_loss() -> None:
    retention = GuestRetention()
    retention.vanished("one", 0.0)
    retention.vanished("two", 1.0)
    retention.vanished("one", 2.0)
    assert retention.gone_for_good(GUEST_RETENTION_SECONDS + 1.5) == ["two"]
    assert retention.gone_for_good(GUEST_RETENTION_SECONDS + 2) == ["one"]
