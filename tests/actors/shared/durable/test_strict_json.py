"""JSON that everybody reads alike, and a name for everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.durable.strict_json import NotStrictJson, is_deeper, parse
from tests.support.memory_lab import memory_lab

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_read(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(b"\xef\xbb\xbf" + json.dumps(value, indent=3).encode()) == value


@pytest.mark.requirement("S0-3")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b'{"b": {"a": 1, "a": 1}}', "twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"1e999", "too large"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b'"a\xc3"', "at 2"),
        (b"[" * 129 + b"]" * 129, "deeper than 128"),
        (b"[" * 1_000_000, "deeper than 128"),
        (b"", "expected JSON"),
        (b"{} {}", "expected JSON"),
        (b"'a'", "expected JSON"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "expected JSON"),
        (b"9" * 5000, "expected JSON"),
    ],
)
def test_everything_else_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(NotStrictJson, match=words):
        parse(content)


def test_size_is_bounded() -> None:
    with pytest.raises(NotStrictJson, match="more than 4 bytes"):
        parse(b"[1, 2]", limit_bytes=4)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        value = parse(content)
    except NotStrictJson:
        return
    assert json.loads(content.decode("utf-8-sig")) == value


def test_brackets_within_text_are_not_nesting() -> None:
    assert not is_deeper(json.dumps(["[{" * 500, '\\"[[['] * 100), 3)
    assert is_deeper("[[[[", 3)
    assert not is_deeper("[[[]]][[[]]]", 3)


def test_key_that_stands_twice_among_very_many_is_found_without_comparing_all_pairs() -> None:
    names = [f'"{number}":0' for number in range(200_000)]
    with pytest.raises(NotStrictJson, match="twice"):
        parse(("{" + ",".join([*names, names[-1]]) + "}").encode())


@pytest.mark.parametrize("unit", ['\\"', "x", "\\\\", '"'])
def test_strings_of_any_make_are_passed_over_once(unit: str) -> None:
    with memory_lab() as lab:
        taken = lab.call("tests.actors.shared.durable.test_strict_json:look_for_depth", unit)
    assert (taken.error, taken.text) == ("", "False")
    assert taken.peak_bytes < 64 * 1024 * 1024
    assert taken.cpu_seconds < 20


def look_for_depth(unit: str) -> bool:
    """Millions of signs behind a quotation mark, and brackets enough to be looked at."""
    return is_deeper("[]" * 200 + '"' + unit * 2_000_000, 128)
