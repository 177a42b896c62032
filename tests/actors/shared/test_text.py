"""Every size and every duration has a number that people can read, and a unit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.text import UNITS, duration_text, local_time, size_text, utc_time

FACTORS = {unit: 1000**power for power, unit in enumerate(UNITS)}


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


@given(st.integers(0, 10**15), st.booleans())
def test_no_size_below_a_petabyte_takes_more_than_three_digits_before_its_point(
    size_bytes: int, rounded_up: bool
) -> None:
    amount, unit = size_text(size_bytes, rounded_up=rounded_up).split()
    assert unit in UNITS
    assert float(amount) < 1000 or unit == "TB"


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1001, "1.1 kB"),
        (1100, "1.1 kB"),
        (1_000_000_001, "1.1 GB"),
        (999_900, "1.0 MB"),
        (999_899, "999.9 kB"),
        (2_300_000, "2.3 MB"),
        (2_300_001, "2.4 MB"),
    ],
)
def test_room_to_be_freed_is_rounded_up(size_bytes: int, words: str) -> None:
    assert size_text(size_bytes, rounded_up=True) == words


@given(st.integers(0, 10**15))
def test_rounded_up_it_is_never_less_than_it_is(size_bytes: int) -> None:
    amount, unit = size_text(size_bytes, rounded_up=True).split()
    assert Decimal(amount) * FACTORS[unit] >= size_bytes


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5.0, "now"),
        (0.9, "now"),
        (1.0, "1s"),
        (59.9, "59s"),
        (60.0, "1m"),
        (3_599.0, "59m"),
        (3_600.0, "1h"),
        (86_399.0, "23h"),
        (200_000.0, "2d"),
    ],
)
def test_a_duration_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words


@pytest.mark.parametrize("at", [1e18, -1e18, float("inf"), float("nan"), 1e308])
def test_a_moment_that_no_calendar_has_is_shown_as_seconds(at: float) -> None:
    assert local_time(at) == local_time(at, "%H:%M", milliseconds=True) == utc_time(at) == f"@{at:g}"


def test_a_moment_is_shown_in_the_calendar() -> None:
    assert utc_time(0.0) == "1970-01-01 00:00 UTC"
    assert local_time(86_400.25, "%Y", milliseconds=True) == "1970.250"


@pytest.mark.parametrize("seconds", [float("inf"), float("-inf"), float("nan")])
def test_a_duration_that_is_no_number_is_not_told(seconds: float) -> None:
    assert duration_text(seconds) == "?"
