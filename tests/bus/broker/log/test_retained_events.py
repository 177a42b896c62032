"""The newest event of each key, bounded by number and size, in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.broker.log import retained_events as module
from bus.broker.log.logged_run import LoggedRun
from bus.broker.log.retained_events import RetainedEvents
from bus.errors import ProtocolError


def run(sequence: int, size_bytes: int = 10) -> LoggedRun:
    return LoggedRun("app.a", sequence, 1, sequence, (b"app.a", b"", bytes(size_bytes)))


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 50), st.booleans()), max_size=60))
def test_whatever_is_retained_and_withdrawn_the_newest_of_each_key_are_there_in_order(
    steps: list[tuple[str, int, bool]],
) -> None:
    retained, expected = RetainedEvents(), dict[str, LoggedRun]()
    for sequence, (key, size_bytes, withdraws) in enumerate(steps, 1):
        former = expected.pop(key, None)
        if withdraws:
            assert retained.withdraw(("app.a", key)) == former
        else:
            expected[key] = run(sequence, size_bytes)
            retained.put(("app.a", key), expected[key])
    newest = sorted(expected.values(), key=lambda entry: entry.sequence)
    assert list(retained.after(0)) == newest
    assert len(retained) == len(newest)
    assert retained.size_bytes == sum(entry.size_bytes for entry in newest)
    for place in range(len(steps) + 1):
        assert list(retained.after(place)) == [entry for entry in newest if entry.sequence > place]


def test_they_are_bounded_by_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETAINED_LIMIT_KEYS", 3)
    monkeypatch.setattr(module, "RETAINED_LIMIT_BYTES", 2000)
    retained = RetainedEvents()
    for sequence, key in enumerate("abc", 1):
        retained.put(("app.a", key), run(sequence))
    for key, size_bytes in [("d", 1), ("a", 5000)]:
        with pytest.raises(ProtocolError, match="retained_full"):
            retained.check_room(("app.a", key), size_bytes)
    retained.check_room(("app.a", "a"), 1900)
    retained.withdraw(("app.a", "b"))
    retained.check_room(("app.a", "d"), 1)
