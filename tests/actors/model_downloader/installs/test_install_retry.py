"""Retries: three attempts, four for the network, no more for a mismatch, no sooner than a server wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.installs.install_retry import (
    BACKOFF_CAP_SECONDS,
    FRESH_START_BYTES,
    RETRY_AFTER_LIMIT_SECONDS,
    GiveUpInstall,
    RetryInstall,
    after_failure,
    backoff_seconds,
)
from actors.model_downloader.transfer.http.fetch_failure import FailureKind


def attempts_of(kind: FailureKind, gained: int = 0, limit: int = 100) -> int:
    failures, attempts = 0, 1
    while attempts < limit:
        verdict = after_failure(failures, kind, gained, 0.5)
        if isinstance(verdict, GiveUpInstall):
            break
        failures, attempts = verdict.failures, attempts + 1
    return attempts


@pytest.mark.requirement("S1-13", "S1-14", "S1-15")
@pytest.mark.parametrize(
    ("kind", "attempts"), [("server", 3), ("mismatch", 3), ("network", 4), ("refused", 1), ("disk", 1)]
)
def test_number_of_attempts_depends_on_what_failed(kind: FailureKind, attempts: int) -> None:
    assert attempts_of(kind) == attempts


@pytest.mark.requirement("S1-14")
def test_mismatch_after_network_failures_does_not_get_the_fourth_attempt() -> None:
    assert isinstance(after_failure(2, "mismatch", 0, 0.5), GiveUpInstall)
    assert isinstance(after_failure(2, "network", 0, 0.5), RetryInstall)


def test_network_that_brings_much_between_failures_is_not_given_up() -> None:
    assert attempts_of("network", FRESH_START_BYTES) == 100
    assert attempts_of("mismatch", FRESH_START_BYTES) == 3


@pytest.mark.requirement("S1-15")
@given(failures=st.integers(1, 1000), unit=st.floats(0, 1, exclude_max=True))
def test_backoff_grows_to_its_cap_with_the_upper_half_random(failures: int, unit: float) -> None:
    full = min(BACKOFF_CAP_SECONDS, 2.0 ** min(failures - 1, 10))
    assert full / 2 <= backoff_seconds(failures, unit) <= full


def test_server_that_asks_for_time_gets_it_and_one_that_asks_for_hours_ends_the_install() -> None:
    verdict = after_failure(0, "server", 0, 0.0, "40", 0.0)
    assert isinstance(verdict, RetryInstall)
    assert verdict.seconds == 40
    assert isinstance(after_failure(0, "server", 0, 0.0, "1", 0.0), RetryInstall)
    verdict = after_failure(0, "server", 0, 0.0, "7200", 0.0)
    assert isinstance(verdict, GiveUpInstall)
    assert "2.0 hours" in verdict.reason


@given(st.text() | st.from_regex(r"[0-9]{1,40}", fullmatch=True))
def test_any_retry_after_leads_to_a_pause_in_bounds_or_to_the_end(value: str) -> None:
    verdict = after_failure(0, "server", 0, 0.5, value, 0.0)
    assert isinstance(verdict, GiveUpInstall) or 0 < verdict.seconds <= RETRY_AFTER_LIMIT_SECONDS
