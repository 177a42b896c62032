"""Requests of the history are bounded, and each place of the ring has one last word."""

from __future__ import annotations

import msgspec
import pytest

from schemas.event import retained_key_of
from schemas.history import (
    PAGE_LIMIT,
    TEXT_LIMIT_CHARACTERS,
    HistoryAppendRequestEvent,
    HistoryChangedEvent,
    HistoryQueryRequestEvent,
)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "x" * (TEXT_LIMIT_CHARACTERS + 1)},
        {"text": "x", "kind": "k" * 201},
        {"text": "x", "duration_seconds": -1.0},
        {"text": "x", "tokens": -1},
        {"text": "x", "fields": {str(number): "" for number in range(51)}},
    ],
)
def test_an_entry_beyond_its_limits_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "history.append", **fields}, HistoryAppendRequestEvent)


@pytest.mark.parametrize("limit", [0, PAGE_LIMIT + 1])
def test_a_page_has_a_size(limit: int) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "history.query", "limit": limit}, HistoryQueryRequestEvent)


def test_the_last_word_about_each_place_is_retained() -> None:
    assert retained_key_of(HistoryChangedEvent(slot="7", change="removed")) == "7"
