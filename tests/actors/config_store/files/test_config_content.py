"""What the settings file holds survives the round trip; anything else is refused."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.config_store.files.config_content import (
    SIZE_LIMIT_BYTES,
    NotConfigContent,
    is_too_large,
    may_be_too_large,
    parse,
    render,
)


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse(b'\xef\xbb\xbf{"format": 1, "overrides": {"a": 1}}').overrides == {"a": 1}


def test_a_later_format_is_read_and_known_as_such() -> None:
    assert parse(b'{"format": 9, "overrides": {"a": 1}, "new": 2}').is_newer


@given(
    st.dictionaries(
        st.text(max_size=10),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=3),
        max_size=5,
    )
)
def test_every_override_survives_the_round_trip(overrides: dict[str, Any]) -> None:
    assert parse(render(overrides, {})).overrides == overrides


@given(st.binary(max_size=200))
def test_random_bytes_are_a_document_or_refused(content: bytes) -> None:
    try:
        parse(content)
    except NotConfigContent as error:
        assert str(error)


def test_only_large_values_are_worth_a_closer_look() -> None:
    assert not may_be_too_large({"a": 1, "b": "x" * 100})
    assert may_be_too_large({"a": "x" * 2000})


def test_what_could_not_be_read_again_is_too_large() -> None:
    assert not is_too_large({"a": "x" * (SIZE_LIMIT_BYTES - 10_000)})
    assert is_too_large({"a": "x" * SIZE_LIMIT_BYTES})
