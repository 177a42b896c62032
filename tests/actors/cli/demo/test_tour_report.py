"""What a tour says of itself."""

from __future__ import annotations

import pytest

from actors.cli.demo.tour_report import (
    NotProven,
    StepOutcome,
    TourReport,
    all_held,
    expect,
    headline,
)


def step(held: bool | None) -> StepOutcome:
    return StepOutcome(name="up", title="Start", held=held, detail="", seconds=0.0)


def test_a_tour_holds_only_if_every_step_was_tried_and_held() -> None:
    assert all_held([step(True), step(True)])
    assert not all_held([step(True), step(False)])
    assert not all_held([step(True), step(None)])
    assert not all_held([])


def test_headline_counts_what_was_proven_and_not_what_was_tried() -> None:
    report = TourReport(
        ok=False, seconds=12.34, home="/tmp/x", kept=False, steps=[step(True), step(False), step(None)]
    )
    assert headline(report) == "1 of 3 steps proven in 12.3 s"


def test_an_expectation_that_does_not_hold_says_what_was_found() -> None:
    expect(True, "never said")
    with pytest.raises(NotProven, match="found 3, expected 4"):
        expect(False, "found 3, expected 4")
