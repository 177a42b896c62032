"""What steers a terminal is taken out, or escaped where it stands in JSON; nothing else changes."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from actors.shared.steering_signs import cleaned, escaped_json

BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_every_control_character_but_two_and_every_bidi_control_is_taken_away() -> None:
    left = cleaned("".join(map(chr, range(0x11_0000))))
    assert "\n" in left
    assert "\t" in left
    steering = {
        sign for sign in left if unicodedata.category(sign) == "Cc" or unicodedata.bidirectional(sign) in BIDI
    }
    assert steering == {"\n", "\t"}
    assert len(left) == 0x11_0000 - 63 - 12 - 2  # the last: U+2028 and U+2029


@given(st.text())
def test_text_without_such_characters_stays_as_it_is(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert [sign for sign in text if sign in set(once)] == list(once)


@given(st.text(st.characters()))
def test_json_stays_exact_and_steers_nothing(text: str) -> None:
    shown = escaped_json(json.dumps({text: text}, ensure_ascii=False))
    assert json.loads(shown) == {text: text}
    assert cleaned(shown) == shown
    shown.encode()
