"""How the tour is shown."""

from __future__ import annotations

import pytest

from actors.cli.demo.tour_report import StepOutcome, TourReport
from actors.cli.views.tour_view import (
    LineTourView,
    LiveTourView,
    SilentTourView,
    outcome_line,
    print_summary,
    view_for,
)

HELD = StepOutcome(name="up", title="Start the runtime", held=True, detail="4 processes", seconds=0.81)
BROKEN = StepOutcome(name="down", title="Stop", held=False, detail="process 7 is left", seconds=2.0)


def test_the_view_depends_on_who_reads_it() -> None:
    assert isinstance(view_for(as_json=True, is_terminal=True), SilentTourView)
    assert isinstance(view_for(as_json=False, is_terminal=True), LiveTourView)
    assert isinstance(view_for(as_json=False, is_terminal=False), LineTourView)


def test_a_step_is_one_line_with_its_mark_its_time_and_what_was_measured() -> None:
    assert outcome_line(HELD) == "✓ Start the runtime (0.8 s): 4 processes"
    assert outcome_line(BROKEN).startswith("✗ Stop")


def test_the_summary_names_what_was_not_proven(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(
        TourReport(ok=False, seconds=3.0, home="/h", kept=True, steps=[HELD, BROKEN], notes=["a note"])
    )
    assert (
        capsys.readouterr().out
        == "\n1 of 2 steps proven in 3.0 s:\n  not proven: Stop: process 7 is left\na note\n"
    )


def test_on_a_terminal_a_finished_step_leaves_its_line_behind(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveTourView() as view:
        view.began("Start the runtime")
        view.ended(HELD)
    shown = capsys.readouterr().out
    assert "✓ Start the runtime  0.8 s" in shown
    assert "4 processes" in shown
