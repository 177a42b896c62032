"""JSON of strangers becomes the declared type, or one clean sentence."""

from __future__ import annotations

import tracemalloc
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.http.answers.json_answers import JsonUnreadable, fitting, read_json
from actors.shared.steering_signs import STEERING


class Answer(msgspec.Struct):
    size: Annotated[int, msgspec.Meta(ge=0, le=100)]
    kind: Literal["a", "b"] = "a"
    note: msgspec.Raw = msgspec.Raw()


def refused(content: bytes) -> str:
    with pytest.raises(JsonUnreadable) as caught:
        read_json(content, Answer, 1_000_000)
    return str(caught.value)


def test_what_fits_is_read_and_what_nobody_named_is_skipped() -> None:
    assert read_json(b'{"size": 5, "more": {"a": [1, 2]}}', Answer, 100) == Answer(5)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[", b"null", b'{"size": 101}', b'{"size": -1}', b'{"size": 18446744073709551616}',
        b'{"size": 1e400}',
        b'{"size": ' + b"9" * 5000 + b"}", b'{"size": NaN}', b'{"size": 5}x', b"\xff\xfe", b"\xef\xbb\xbf{}",
        b'{"size": 5, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"size": 5, "kind": "\\u001b[31m"}',
        b'{"size": 5, "kind": "' + b"x" * 100_000 + b'"}', b"[" * 200_000,
    ],
)  # fmt: skip
def test_anything_else_is_one_short_clean_sentence(content: bytes) -> None:
    detail = refused(content)
    assert 0 < len(detail) <= 300
    assert not STEERING.search(detail)


def test_a_document_that_is_too_long_is_not_decoded() -> None:
    with pytest.raises(JsonUnreadable, match="it has 7 bytes, expected at most 6"):
        read_json(b'{"a":1}', Answer, 6)


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    try:
        read_json(content, Answer, 1000)
    except JsonUnreadable as error:
        assert not STEERING.search(str(error))


def test_what_no_type_names_costs_no_memory() -> None:
    content = b'{"size": 1, "more": [' + b"[]," * 1_000_000 + b"[]]}"
    tracemalloc.start()
    try:
        read_json(content, Answer, len(content))
        assert tracemalloc.get_traced_memory()[1] < 3 * len(content)
    finally:
        tracemalloc.stop()


def test_an_optional_value_of_another_type_is_as_if_it_were_not_there() -> None:
    answer = read_json(b'{"size": 1, "note": "x"}', Answer, 100)
    assert fitting(answer.note, str) == "x"
    assert fitting(answer.note, int) is None
    assert fitting(Answer(1).note, str) is None
