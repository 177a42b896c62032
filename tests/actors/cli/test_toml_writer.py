"""What is written as TOML is read back as it was."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.cli.toml_writer import render

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(text, values, max_size=5))
def test_everything_that_both_know_survives(settings: dict[str, Any]) -> None:
    assert tomllib.loads(render(settings)) == settings


def test_sections_are_tables_and_null_is_a_comment() -> None:
    assert render({"a": 1, "vad": {"x": None, "y": "z"}}) == 'a = 1\n\n[vad]\n# x has no value\ny = "z"\n'
