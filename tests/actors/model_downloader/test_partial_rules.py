"""Garbage: nothing goes without a rule, and nothing that somebody wants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.partial_rules import DAY_SECONDS, collectable
from schemas.models import PartialFound


def left(days: float, *, wanted: bool = False) -> PartialFound:
    return PartialFound(
        model_id="m",
        kind="partial",
        state="partial",
        size_bytes=1,
        durable_bytes=1,
        promised_bytes=2,
        age_seconds=days * DAY_SECONDS,
        is_wanted=wanted,
    )


@given(st.lists(st.tuples(st.floats(0, 1e5), st.booleans())))
def test_rule_of_no_days_keeps_everything_for_ever(found: list[tuple[float, bool]]) -> None:
    assert collectable([left(days, wanted=wanted) for days, wanted in found], 0) == []


def test_only_what_is_older_than_the_rule_and_wanted_by_nobody_goes() -> None:
    old, young, wanted = left(8), left(6.9), left(100, wanted=True)
    assert collectable([old, young, wanted], 7) == [old]
