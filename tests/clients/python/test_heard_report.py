"""When a client tells the broker how far it has come."""

from __future__ import annotations

from undercroft_client.heard_report import REPORT_EVENTS, HeardReport

TOPIC = "app.n"


def reports(report: HeardReport, subscription: int, numbers: range, epoch: str = "e1") -> list[int]:
    """What it reports while a subscription hands on these events."""
    found = (report.handed_on(subscription, TOPIC, epoch, number) for number in numbers)
    return [number for number in found if number is not None]


def test_it_reports_every_so_many_events() -> None:
    assert reports(HeardReport(), 1, range(1, 3 * REPORT_EVENTS)) == [REPORT_EVENTS, 2 * REPORT_EVENTS]


def test_a_subscriber_that_comes_late_counts_from_where_it_began() -> None:
    assert reports(HeardReport(), 1, range(1001, 1001 + REPORT_EVENTS)) == [1000 + REPORT_EVENTS]


def test_the_slowest_subscription_counts_until_it_is_closed() -> None:
    report = HeardReport()
    assert reports(report, 1, range(1, 11)) == []
    assert reports(report, 2, range(1, 2 * REPORT_EVENTS)) == []
    report.closed(1)
    assert reports(report, 2, range(2 * REPORT_EVENTS, 2 * REPORT_EVENTS + 1)) == [2 * REPORT_EVENTS]


def test_a_new_epoch_counts_anew() -> None:
    report = HeardReport()
    reports(report, 1, range(1, REPORT_EVENTS))
    assert reports(report, 1, range(1, REPORT_EVENTS + 1), "e2") == [REPORT_EVENTS]
