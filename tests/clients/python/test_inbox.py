"""Events wait for their subscriber; what cannot be read is told in its place."""

from __future__ import annotations

from typing import Any

import msgspec

from undercroft_client.events import GapEvent
from undercroft_client.inbox import Inbox
from undercroft_client.ordering import Heard, Lost, Run
from undercroft_client.values import read_event

RUN = Run("e1", 11, 1, 3, 0, "publisher", "instance", 1, None, "matter")


class Reached:
    """What was handed on, by number."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, inbox: Inbox, topic: str, epoch: str, number: int) -> None:
        self.numbers.append(number)


def heard(*events: Any, skip: int = 0, retained: bool = False) -> Heard:
    body = msgspec.msgpack.encode(list(events))
    return Heard("app.n", msgspec.structs.replace(RUN, count=len(events)), body, skip, retained)


def inbox(reached: Reached | None = None) -> Inbox:
    return Inbox(["app.*"], lambda topic, raw: read_event(raw), reached or Reached())


def test_events_come_one_by_one_with_their_places() -> None:
    found, reached = Inbox(["app.*"], lambda topic, raw: read_event(raw), reached := Reached()), reached
    found.put(heard({"n": 1}, {"n": 2}, {"n": 3}, skip=1))
    came = found.take()
    assert came is not None
    assert not isinstance(came, GapEvent)
    assert (came.event, came.sequence, found.latest) == ({"n": 2}, 12, RUN)
    assert (found.next(), found.next()) == ({"n": 3}, None)
    assert reached.numbers == [2, 3]


def test_an_unreadable_event_is_a_gap_and_counts_as_handed_on() -> None:
    reached = Reached()
    found = inbox(reached)
    found.put(heard({"n": 1}, {1: 2}, {"n": 3}))
    assert [found.next() for _ in range(3)] == [
        {"n": 1},
        GapEvent(lost_topic="app.n", count=1, reason="unreadable"),
        {"n": 3},
    ]
    assert reached.numbers == [1, 2, 3]


def test_a_body_that_is_no_run_is_a_gap_of_all_that_was_due() -> None:
    found = inbox()
    found.put(Heard("app.n", RUN, b"\xc1", 1))
    assert found.next() == GapEvent(lost_topic="app.n", count=2, reason="unreadable")


def test_losses_come_in_their_place_and_retained_events_are_not_counted() -> None:
    reached = Reached()
    found = inbox(reached)
    found.put(heard({"n": 1}, retained=True))
    found.put(Lost("app.n", 4, "ring_exceeded"))
    assert found.next() == {"n": 1}
    assert found.is_retained
    assert found.next() == GapEvent(lost_topic="app.n", count=4, reason="ring_exceeded")
    assert (found.latest, found.is_retained, reached.numbers) == (None, False, [])
