"""Ids sort by time, also when the clock stands still or goes back."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from actors.history.entries.entry_ids import EntryIds, is_entry_id

MOMENTS = st.lists(st.floats(min_value=0, max_value=4e9), min_size=1, max_size=50)


@given(MOMENTS, st.integers(0, 2**64))
def test_ids_only_go_up(moments: list[float], random_bits: int) -> None:
    entry_ids = EntryIds()
    made = [entry_ids.next(now, random_bits) for now in moments]
    assert made == sorted(set(made))
    assert all(is_entry_id(one) for one in made)


def test_an_id_tells_its_moment() -> None:
    made = uuid.UUID(EntryIds().next(1_700_000_000.123, 0))
    assert (made.int >> 80, made.version, made.variant) == (1_700_000_000_123, 7, uuid.RFC_4122)


def test_more_ids_than_fit_into_a_millisecond_borrow_from_the_next() -> None:
    entry_ids = EntryIds()
    made = [entry_ids.next(1.0, 0) for _ in range(5000)]
    assert made == sorted(set(made))


def test_ids_go_on_after_one_that_somebody_made_before() -> None:
    former, later = EntryIds(), EntryIds()
    last = [former.next(5.0, 0) for _ in range(3)][-1]
    later.continue_after(last)
    assert later.next(1.0, 0) > last


def test_other_texts_are_no_ids() -> None:
    made = EntryIds().next(5.0, 0)
    assert not is_entry_id("")
    assert not is_entry_id(str(uuid.uuid4()))
    assert not is_entry_id(made.upper() if made.upper() != made else made.replace("-", ""))
    assert not is_entry_id(made.replace("-", ""))
