"""Rounds: what was read longest ago comes first, and nothing is read that a person does not want read."""

from __future__ import annotations

from typing import Any

import pytest

from actors.model_downloader.reverification import DAY_SECONDS, DEFAULT_DAYS, days_of, next_due

NOW = 1000 * DAY_SECONDS


def test_model_that_was_read_longest_ago_is_next() -> None:
    ago = {"a": NOW - 31 * DAY_SECONDS, "b": NOW - 40 * DAY_SECONDS, "c": NOW - DAY_SECONDS}
    assert next_due(ago, 30, NOW) == "b"
    assert next_due({**ago, "d": None}, 30, NOW) == "d"
    assert next_due({"c": ago["c"]}, 30, NOW) is None
    assert next_due({"c": ago["c"]}, 1, NOW) == "c"
    assert next_due({}, 30, NOW) is None


def test_never_means_never() -> None:
    assert next_due({"a": None, "b": 0.0}, 0, NOW) is None


def test_time_in_the_future_is_not_believed() -> None:
    assert next_due({"a": NOW + 5000 * DAY_SECONDS}, 30, NOW) == "a"


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        ({}, DEFAULT_DAYS),
        ({"models": {}}, DEFAULT_DAYS),
        ({"models": {"verify_every_days": 7}}, 7),
        ({"models": {"verify_every_days": 0}}, 0),
        ({"models": {"verify_every_days": -1}}, DEFAULT_DAYS),
        ({"models": {"verify_every_days": "7"}}, DEFAULT_DAYS),
        ({"models": {"verify_every_days": True}}, DEFAULT_DAYS),
        ({"models": None}, DEFAULT_DAYS),
    ],
)
def test_apps_setting_counts_where_there_is_one(settings: dict[str, Any], days: float) -> None:
    assert days_of(settings) == days
