"""What a stranger wrote is quoted on one line, cut, and cannot steer what shows it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.shared.http.answers.stranger_text import QUOTED_LIMIT, SENTENCE_LIMIT, quoted, sentence
from actors.shared.steering_signs import STEERING


@given(st.text() | st.binary())
def test_what_is_quoted_is_one_clean_line_of_bounded_length(text: str | bytes) -> None:
    shown = quoted(text)
    assert len(shown) <= QUOTED_LIMIT
    assert shown.isprintable()
    assert not STEERING.search(shown)


def test_what_was_cut_says_so() -> None:
    assert quoted("short") == "short"
    assert quoted("x" * 121) == "x" * 117 + "..."
    assert quoted("\x1b[31mred\x07\n and \u202eblue\xff".encode("utf-8")) == "[31mred and â ®blueÃ¿"
    assert quoted("a" + "\x00" * 5000) == "a..."


def test_a_sentence_is_longer_and_as_clean() -> None:
    assert sentence(ValueError("http://a: it\nfailed \x9b2J")) == "http://a: it failed 2J"
    assert len(sentence("x" * 5000)) == SENTENCE_LIMIT
