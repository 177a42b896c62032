"""Alerts are raised, counted, cleared, and taken up from a former life."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.telemetry.alert_book import AlertBook, Alerts
from schemas.event import Event
from schemas.operations.alerts import Alert, AlertChangedEvent

pytestmark = pytest.mark.anyio


def raised(book: AlertBook, now: float = 1.0, name: str = "disk.full", subject: str = "") -> Alert:
    return book.raise_alert(name, subject, "error", "no room", "make room", now)


def test_an_alert_keeps_its_beginning_and_is_counted_up_while_it_goes_on() -> None:
    book = AlertBook("store")
    raised(book, 1.0)
    again = raised(book, 5.0)
    assert (again.since, again.last_at, again.count, again.is_active) == (1.0, 5.0, 2, True)


def test_an_alert_that_comes_back_begins_anew() -> None:
    book = AlertBook("store")
    raised(book, 1.0)
    assert book.clear("disk.full", "") is not None
    again = raised(book, 9.0)
    assert (again.since, again.count) == (9.0, 1)


def test_clearing_what_was_not_raised_tells_nothing() -> None:
    book = AlertBook("store")
    assert book.clear("disk.full", "") is None
    raised(book)
    cleared = book.clear("disk.full", "")
    assert cleared is not None
    assert not cleared.is_active
    assert book.clear("disk.full", "") is None


def test_subjects_are_told_apart() -> None:
    book = AlertBook("store")
    raised(book, 1.0, subject="a")
    raised(book, 2.0, subject="b")
    book.clear("disk.full", "a")
    assert [alert.subject for alert in book.active()] == ["b"]


def test_an_alert_of_a_former_life_can_be_cleared_and_goes_on_when_raised_again() -> None:
    former = raised(AlertBook("store"), 1.0)
    book = AlertBook("store")
    assert book.recall(former) is None
    again = raised(book, 7.0)
    assert (again.since, again.count) == (1.0, 2)
    assert book.clear("disk.full", "") is not None


def test_what_this_life_found_to_be_over_is_told_when_the_former_life_is_heard_of() -> None:
    former = raised(AlertBook("store"), 1.0)
    book = AlertBook("store")
    assert book.clear("disk.full", "") is None
    over = book.recall(former)
    assert over is not None
    assert not over.is_active


def test_an_alert_of_somebody_else_is_left_alone() -> None:
    book = AlertBook("store")
    assert book.recall(raised(AlertBook("other"))) is None
    assert book.active() == []


def test_what_is_heard_of_oneself_changes_nothing() -> None:
    book = AlertBook("store")
    first = raised(book, 1.0)
    raised(book, 2.0)
    assert book.recall(first) is None
    assert book.active()[0].count == 2
    cleared = book.clear("disk.full", "")
    assert cleared is not None
    assert book.recall(first) is None, "an older echo does not bring it back"
    assert book.active() == []


@given(st.lists(st.tuples(st.sampled_from(["raise", "clear"]), st.sampled_from("ab"))))
def test_an_alert_is_active_if_and_only_if_it_was_raised_last(steps: list[tuple[str, str]]) -> None:
    book, model = AlertBook("store"), set()
    for now, (step, subject) in enumerate(steps):
        if step == "raise":
            raised(book, float(now), subject=subject)
            model.add(subject)
        else:
            told = book.clear("disk.full", subject)
            assert (told is not None) == (subject in model)
            model.discard(subject)
    assert {alert.subject for alert in book.active()} == model


async def test_alerts_are_told_under_a_key_of_their_own() -> None:
    told: list[Event] = []

    async def publish(event: Event) -> None:
        told.append(event)

    alerts = Alerts("store", publish, now=lambda: 3.0)
    await alerts.clear("disk.full", "x")
    await alerts.raise_alert("disk.full", "x", severity="critical", message="m" * 5000, advice="a")
    await alerts.clear("disk.full", "x")
    assert [(event.key, event.alert.is_active) for event in told if isinstance(event, AlertChangedEvent)] == [
        ("store/disk.full/x", True),
        ("store/disk.full/x", False),
    ]
    assert isinstance(told[0], AlertChangedEvent)
    assert len(told[0].alert.message) == 2000
    assert alerts.active() == []
