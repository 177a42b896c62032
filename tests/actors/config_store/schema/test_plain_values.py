"""What is plain survives a file and a message; anything else is recognized."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.config_store.schema.plain_values import DEPTH_LIMIT, is_plain


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        float("nan"),
        b"x",
        1 << 64,
        -(1 << 63) - 1,
        {"a": {1: 2}},
        "\ud800",
        [object()],
        {"\udfff": 1},
    ],
)
def test_what_no_file_or_message_can_hold_is_not_plain(value: Any) -> None:
    assert not is_plain(value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_what_is_plain_survives_a_file(value: Any) -> None:
    assert is_plain(value)
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_nesting_has_a_limit() -> None:
    value: Any = 1
    for _ in range(DEPTH_LIMIT):
        value = [value]
    assert is_plain(value)
    assert not is_plain([value])
