"""Dotted paths and nested objects say the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.config_store.dotted_paths import amended, flatten, is_within, nest, spread, value_at

SECTIONS = ("a", "a.b", "c")
paths = st.sampled_from(["x", "a.x", "a.y", "a.b.x", "c.x"])


@given(st.dictionaries(paths, st.integers() | st.lists(st.integers(), max_size=2)))
def test_nested_values_are_spread_to_the_same_paths(flat: dict[str, Any]) -> None:
    assert spread(SECTIONS, nest(flat)) == flat


@given(st.dictionaries(paths, st.integers() | st.just({})))
def test_nested_values_are_flattened_to_the_same_paths_and_found_there(flat: dict[str, Any]) -> None:
    assert dict(flatten(nest(flat))) == flat
    assert {path: value_at(nest(flat), path) for path in flat} == flat


@pytest.mark.parametrize("path", ["b", "a.y", "a.x.k", ""])
def test_where_there_is_no_value_is_said(path: str) -> None:
    with pytest.raises(KeyError):
        value_at({"a": {"x": 1}}, path)


def test_an_object_that_is_a_value_stays_whole() -> None:
    assert spread(SECTIONS, {"a": {"x": {"k": 1}}, "a.b": {"x": 1}}) == {"a.x": {"k": 1}, "a.b.x": 1}


def test_a_section_holds_its_own_and_what_lies_below() -> None:
    assert is_within("a.b", "a")
    assert is_within("a", "a")
    assert not is_within("ab", "a")


@given(st.dictionaries(paths, st.integers()), st.dictionaries(paths, st.integers()))
def test_amending_leaves_the_former_as_it_was(flat: dict[str, Any], changes: dict[str, Any]) -> None:
    flat = {**dict.fromkeys(changes, 0), **flat}
    before = nest(flat)
    assert amended(before, changes) == nest({**flat, **changes})
    assert before == nest(flat)
