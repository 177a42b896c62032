"""Words are found at the beginnings of words, whatever their case, and their ranges do not overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.entries.word_search import highlights, merged, words_of


@pytest.mark.parametrize(
    ("text", "query", "ranges"),
    [
        ("dictation of a verdict", "dict", [(0, 4)]),
        ("Straße und STRASSE", "straße", [(0, 6)]),
        ("a cat and a Cat", "cat", [(2, 5), (12, 15)]),
        ("a cat", "dog", None),
        ("a cat", "cat dog", None),
        ("see C++ (really)", "c++", [(4, 7)]),
        ("50% off", "%", [(2, 3)]),
        ("banana band", "ban banana", [(0, 6), (7, 10)]),
    ],
)
def test_where_words_stand(text: str, query: str, ranges: list[tuple[int, int]] | None) -> None:
    assert highlights(text, words_of(query)) == ranges


@given(st.text(max_size=100), st.text(min_size=1, max_size=5))
def test_what_is_highlighted_is_what_was_looked_for(text: str, word: str) -> None:
    words = words_of(word)
    if not words:
        return
    found = highlights(text, words)
    for start, end in found or []:
        assert 0 <= start < end <= len(text)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)).map(lambda one: (one[0], one[0] + one[1]))))
def test_ranges_that_overlap_become_one(ranges: list[tuple[int, int]]) -> None:
    result = merged(ranges)
    assert {at for start, end in result for at in range(start, end)} == {
        at for start, end in ranges for at in range(start, end)
    }
    assert all(first[1] < second[0] for first, second in zip(result, result[1:], strict=False))
