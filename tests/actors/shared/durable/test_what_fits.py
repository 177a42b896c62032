"""One bad entry of a list or map costs itself, wherever it lies."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.durable.what_fits import NAMED_LIMIT, what_fits
from schemas.bounds import Count, Word


class Item(msgspec.Struct, frozen=True):
    """An entry."""

    name: Word
    size_bytes: Count = 0


class Book(msgspec.Struct, frozen=True):
    """A record with entries."""

    title: Word
    items: list[Item] = []
    by_name: dict[str, list[Item] | Item] = {}
    places: dict[Word, Word] = {}


def test_entries_that_do_not_fit_are_left_out_and_named() -> None:
    found, left_out = what_fits(
        {
            "title": "t",
            "items": [{"name": "a"}, {"name": 3}, "x", {"name": "b", "size_bytes": 2**64}],
            "by_name": {"good": {"name": "c"}, "bad": {"size_bytes": -1}},
            "places": {"models": "/m", "cache": 7},
        },
        Book,
    )
    assert found == Book("t", [Item("a")], {"good": Item("c")}, {"models": "/m"})
    assert [line.partition(":")[0] for line in left_out] == [
        ".items[1]",
        ".items[2]",
        ".items[3]",
        ".by_name['bad']",
        ".places['cache']",
    ]


def test_a_map_of_maps_loses_the_inner_entry_only() -> None:
    found, left_out = what_fits({"m": {"f": {"name": "a"}, "g": {}}}, dict[str, dict[str, Item]])
    assert found == {"m": {"f": Item("a")}}
    assert left_out[0].startswith("['m']['g']: ")


def test_what_is_no_entry_cannot_be_left_out() -> None:
    with pytest.raises(msgspec.ValidationError):
        what_fits({"title": 3}, Book)
    with pytest.raises(msgspec.ValidationError):
        what_fits([], Book)


def test_only_some_of_many_are_named() -> None:
    _, left_out = what_fits([None] * 100, list[Item])
    assert len(left_out) == NAMED_LIMIT + 1
    assert left_out[-1] == f"and {100 - NAMED_LIMIT} more"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.builds(dict, name=st.text(max_size=9), size_bytes=st.integers(0, 9)) | plain, max_size=9))
def test_whatever_lies_among_good_entries_the_good_ones_stay(entries: list[Any]) -> None:
    found, left_out = what_fits({"title": "t", "items": entries}, Book)
    good = []
    for entry in entries:
        try:
            good.append(msgspec.convert(entry, Item))
        except msgspec.ValidationError:
            continue
    assert found.items == good
    assert bool(left_out) == (len(good) < len(entries))
