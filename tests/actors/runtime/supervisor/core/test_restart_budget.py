"""Delays grow and are bounded; a budget is used up and comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.supervisor.core.restart_budget import (
    RestartBudget,
    probe_delay_seconds,
    restart_delay_seconds,
)

JITTER = st.floats(0, 1, exclude_max=True)


def test_the_first_restart_comes_at_once_and_later_ones_wait_up_to_thirty_seconds() -> None:
    assert [restart_delay_seconds(failures, 0.0) for failures in range(1, 12)] == [
        0,
        0.25,
        0.5,
        1,
        2,
        4,
        8,
        16,
        30,
        30,
        30,
    ]


@given(st.integers(1, 1000), JITTER)
def test_jitter_only_shortens_and_by_a_quarter_at_most(failures: int, jitter: float) -> None:
    longest = restart_delay_seconds(failures, 0.0)
    assert 0.75 * longest <= restart_delay_seconds(failures, jitter) <= longest


@given(st.integers(0, 1000), JITTER)
def test_a_probe_is_tried_within_five_minutes(probes: int, jitter: float) -> None:
    assert 22.5 <= probe_delay_seconds(probes, jitter) <= 300


def test_the_restart_after_the_limit_is_refused_until_the_window_has_passed() -> None:
    budget = RestartBudget(limit=2, window_seconds=10)
    assert [budget.spend(0), budget.spend(5), budget.spend(9.9)] == [True, True, False]
    assert budget.spend(10)
    assert repr(budget) == "<RestartBudget 2 of 2 spent in 10 s>"


@given(st.integers(0, 5), st.lists(st.floats(0, 30), max_size=40))
def test_no_window_ever_holds_more_restarts_than_the_limit(limit: int, gaps: list[float]) -> None:
    budget, now, granted = RestartBudget(limit, 10.0), 0.0, []
    for gap in gaps:
        now += gap
        if budget.spend(now):
            granted.append(now)
    for moment in granted:
        assert sum(moment - 10.0 < other <= moment for other in granted) <= limit


def test_a_refilled_budget_starts_anew() -> None:
    budget = RestartBudget(limit=1, window_seconds=10)
    assert budget.spend(0)
    assert not budget.spend(1)
    budget.refill()
    assert budget.spend(1)
