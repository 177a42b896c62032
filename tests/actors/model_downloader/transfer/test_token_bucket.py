"""The token bucket: over any sequence of receptions the rate is kept, and little is saved up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.transfer.token_bucket import BURST_SECONDS, TokenBucket

RATE = 100_000


@given(st.lists(st.tuples(st.integers(1, 50_000), st.floats(0, 3)), min_size=1, max_size=60))
def test_no_more_than_the_rate_and_one_burst_passes(steps: list[tuple[int, float]]) -> None:
    bucket, now, passed = TokenBucket(RATE, 0.0), 0.0, 0
    for count, idle in steps:
        now += idle
        now += bucket.spend(count, now)
        passed += count
        assert passed <= RATE * (now + BURST_SECONDS) + 1


def test_without_a_rate_nobody_waits() -> None:
    bucket = TokenBucket(0, 0.0)
    assert bucket.spend(10**12, 0.0) == 0.0


def test_streams_share_one_rate() -> None:
    bucket = TokenBucket(RATE, 0.0)
    assert bucket.spend(RATE, 0.0) == pytest.approx(1.0)
    assert bucket.spend(RATE, 0.0) == pytest.approx(2.0)


def test_another_rate_counts_from_then_on_and_forgives_what_was_overdrawn() -> None:
    bucket = TokenBucket(1, 0.0)
    assert bucket.spend(RATE, 0.0) == pytest.approx(RATE)
    bucket.change(RATE, 1.0)
    assert bucket.spend(RATE // 2, 1.0) == pytest.approx(0.5)


def test_clock_that_stands_still_or_goes_back_gives_no_tokens() -> None:
    bucket = TokenBucket(RATE, 100.0)
    bucket.spend(RATE, 100.0)
    assert bucket.spend(0, 50.0) == pytest.approx(1.0)
