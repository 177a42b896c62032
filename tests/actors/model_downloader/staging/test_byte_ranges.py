"""Byte ranges against a plain set of bytes: the same bytes are there, and the same are missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.byte_ranges import (
    ByteRange,
    ByteRanges,
    covers,
    fit_into,
    gaps,
    prefix_bytes,
    total_bytes,
    union,
)

SIZE = 40
RANGES = st.lists(
    st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(lambda pair: (min(pair), max(pair))), max_size=8
)


def bytes_of(ranges: ByteRanges | list[ByteRange]) -> set[int]:
    return {byte for start, end in ranges for byte in range(start, end)}


@given(RANGES, RANGES)
def test_union_has_the_bytes_of_both_and_is_in_order(one: list[ByteRange], other: list[ByteRange]) -> None:
    found = union(one, other)
    assert bytes_of(found) == bytes_of(one) | bytes_of(other)
    assert fit_into(found, SIZE)
    assert total_bytes(found) == len(bytes_of(found))


@given(RANGES)
def test_gaps_are_what_is_missing(there: list[ByteRange]) -> None:
    found = union(there)
    assert bytes_of(gaps(found, SIZE)) == set(range(SIZE)) - bytes_of(found)
    assert fit_into(gaps(found, SIZE), SIZE)


@given(RANGES, st.integers(0, SIZE), st.integers(0, SIZE))
def test_prefix_and_single_ranges_are_asked_for(there: list[ByteRange], one: int, other: int) -> None:
    found, start, end = union(there), min(one, other), max(one, other)
    missing = sorted(set(range(SIZE + 1)) - bytes_of(found))
    assert prefix_bytes(found) == missing[0]
    if start < end:
        assert covers(found, start, end) == (set(range(start, end)) <= bytes_of(found))


def test_what_a_broken_journal_may_say_is_not_within() -> None:
    assert fit_into((), 0)
    assert fit_into(((0, 4), (6, 9)), 9)
    for broken in [((4, 4),), ((0, 4), (4, 6)), ((3, 6), (0, 2)), ((0, 11),), ((-1, 3),)]:
        assert not fit_into(broken, 10)
