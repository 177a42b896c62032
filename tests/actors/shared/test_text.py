"""Every size has a number that people can read, and a unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.text import UNITS, size_text


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (2_327_524, "2.3 MB"),
        (3_100_000_000, "3.1 GB"),
        (5_000_000_000, "5.0 GB"),
    ],
)
def test_a_size_is_told_in_decimal_units(size_bytes: int, words: str) -> None:
    assert size_text(size_bytes) == words


@given(st.integers(0, 10**15))
def test_no_size_below_a_petabyte_takes_more_than_three_digits_before_its_point(size_bytes: int) -> None:
    amount, unit = size_text(size_bytes).split()
    assert unit in UNITS
    assert float(amount) < 1000 or unit == "TB"
