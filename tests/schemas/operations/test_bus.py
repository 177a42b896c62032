"""The bus about itself."""

from __future__ import annotations

import msgspec
import pytest

from schemas.event import reply_type_of
from schemas.operations.bus import BusStatisticsEvent, BusStatisticsRequestEvent, GapEvent


def test_a_gap_says_which_topic_how_many_and_why() -> None:
    gap = GapEvent(lost_topic="app.numbered", count=3, reason="ring_exceeded")
    assert msgspec.to_builtins(gap) == {
        "type": "bus.gap",
        "lost_topic": "app.numbered",
        "count": 3,
        "reason": "ring_exceeded",
    }


def test_a_gap_has_one_of_two_reasons() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "bus.gap", "lost_topic": "a.b", "count": 1, "reason": "bad luck"}, GapEvent)


def test_statistics_are_asked_like_anything_else() -> None:
    assert reply_type_of(BusStatisticsRequestEvent) is BusStatisticsEvent
