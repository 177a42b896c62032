"""What others wrote is cleaned where it enters the bus."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.plain_text import MARKS_LIMIT, REACH, plain_line, plain_text
from tests.support.hostile_texts import HOSTILE, is_inert

ANY = st.text(st.characters(), max_size=300)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_is_left(name: str) -> None:
    text = HOSTILE[name]()
    found = plain_text(text, 2000)
    assert is_inert(found), found[:200]
    assert "\n" not in plain_line(text, 2000)
    assert len(found) <= 2000


@given(ANY, st.integers(1, 200))
def test_what_is_left_is_inert_and_no_longer_than_allowed(text: str, limit: int) -> None:
    found = plain_text(text, limit)
    assert is_inert(found)
    assert len(found) <= limit
    assert plain_text(found, limit) == found
    found.encode()


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=200), st.integers(0, 100))
def test_plain_words_stay_as_they_are(text: str, limit: int) -> None:
    assert plain_text(text, limit) == text[:limit]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grüße\n\t日本 👩\u200d👧", "Grüße\n\t日本 👩\u200d👧"),
        ("e\u0301" * 3, "e\u0301" * 3),
        ("e" + "\u0301" * 40 + "x", "e" + "\u0301" * MARKS_LIMIT + "x"),
        ("a\r\nb\rc\x85d\u2028e", "a\nbcde"),
        ("\ud800", "\ufffd"),
        ("\x1b[31mred", "[31mred"),
        ("\x00" * REACH * 20 + "late", ""),
    ],
)
def test_what_becomes_of_known_texts(text: str, expected: str) -> None:
    assert plain_text(text, 20) == expected


def test_lines_become_one() -> None:
    assert plain_line("a\nb", 10) == "a b"
