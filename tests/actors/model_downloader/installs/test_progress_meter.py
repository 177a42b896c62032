"""The progress meter: people see at most ten reports a second, and a rate of the last seconds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.installs import progress_meter
from actors.model_downloader.installs.progress_meter import ProgressMeter


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 1000)), max_size=60))
def test_progress_is_reported_at_most_ten_times_a_second_and_never_goes_back(
    steps: list[tuple[float, int]],
) -> None:
    meter, now, durable = ProgressMeter(0, 10**6, 0.0), 0.0, 0
    reported: list[tuple[float, int]] = []
    for elapsed, gained in steps:
        now, durable = now + elapsed, durable + gained
        if meter.due(durable, now):
            reported.append((now, meter.durable_bytes))
    for (earlier_at, earlier), (later_at, later) in itertools.pairwise(reported):
        assert later_at - earlier_at >= progress_meter.REPORT_INTERVAL_SECONDS
        assert later > earlier


def test_rate_is_that_of_the_last_seconds_and_gives_the_time_left() -> None:
    meter = ProgressMeter(0, 1000, 0.0)
    assert meter.rate_bytes_per_second == 0
    assert meter.seconds_left is None
    for second in range(1, 11):
        meter.due(second * 10 if second <= 5 else 50 + (second - 5) * 100, float(second))
    assert meter.rate_bytes_per_second == pytest.approx(100)
    assert meter.seconds_left == pytest.approx(4.5)


def test_a_time_left_that_no_event_can_hold_is_unknown() -> None:
    meter = ProgressMeter(0, 2**53, 0.0)
    meter.due(1, 1.0)
    assert (meter.rate_bytes_per_second, meter.seconds_left) == (1.0, None)
