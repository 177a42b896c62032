"""Values come back as they were given or are refused, and compressed content never grows past its bound."""

from __future__ import annotations

import math
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.crypto.content_codec import (
    DEPTH_LIMIT,
    NotDecodable,
    ValueNotStorable,
    compress,
    decode,
    decompress,
    encode,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
MIB = 1 << 20


@given(VALUES)
def test_every_json_value_comes_back_equal(value: Any) -> None:
    assert decode(encode(value, MIB)) == value


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=6))
def test_order_of_keys_changes_nothing(value: dict[str, int]) -> None:
    assert encode(dict(reversed(value.items())), MIB) == encode(value, MIB)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, b"bytes", (1, 2), {1: 2}, {"a": {2}}, object(), "\ud800", [math.nan]],
    ids=lambda value: repr(value)[:20],
)
def test_what_would_come_back_as_something_else_is_refused(value: Any) -> None:
    with pytest.raises(ValueNotStorable, match="cannot be stored"):
        encode(value, MIB)


def test_refusal_says_nothing_of_the_value() -> None:
    with pytest.raises(ValueNotStorable) as caught:
        encode({"password": b"hunter2"}, MIB)
    assert "hunter2" not in str(caught.value)


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(ValueNotStorable, match="at most 10"):
        encode("x" * 9, 10)
    nested: Any = 1
    for _ in range(DEPTH_LIMIT):
        nested = [nested]
    encode(nested, MIB)
    with pytest.raises(ValueNotStorable, match="deeper than 128"):
        encode([nested], MIB)
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(ValueNotStorable):
        encode(nested, MIB)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    encode([[1], {"a": []}] * 1000, MIB)


@pytest.mark.requirement("S3-9")
@given(st.binary(max_size=2000))
def test_compressed_content_comes_back(content: bytes) -> None:
    assert decompress(compress(content), len(content), MIB) == content


def test_bomb_is_refused_before_it_is_blown_up() -> None:
    bomb = compress(bytes(200 * MIB))
    assert len(bomb) < 32 * 1024
    with pytest.raises(NotDecodable, match="at most 1048576"):
        decompress(bomb, 200 * MIB, MIB)
    with pytest.raises(NotDecodable, match="expected 5"):
        decompress(bomb, 5, MIB)


def test_frame_that_lies_about_its_size_or_hides_it_is_refused() -> None:
    with pytest.raises(NotDecodable):
        decompress(zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 100), 100, MIB)
    with pytest.raises(NotDecodable):
        decompress(compress(b"x" * 100) + b"more", 100, MIB)
    with pytest.raises(NotDecodable, match="zstd"):
        decompress(b"no frame at all", 3, MIB)


def test_bytes_that_are_no_json_are_refused() -> None:
    for content in (b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(NotDecodable):
            decode(content)
