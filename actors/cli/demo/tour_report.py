"""What a tour proved, and what it did not."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bus.errors import UndercroftError


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the tour.

    Attributes:
        name: for programs.
        title: for people.
        held: whether the step proved its promise; None if it was skipped because an earlier step failed.
        detail: what was measured, or what was found instead.
    """

    name: str
    title: str
    held: bool | None
    detail: str
    seconds: float


class TourReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole tour.

    Attributes:
        ok: every step was proven.
        home: where everything lay; deleted unless it was to be kept.
        notes: what else a reader should know.
    """

    ok: bool
    seconds: float
    home: str
    kept: bool
    steps: list[StepOutcome]
    notes: list[str] = []


class NotProven(UndercroftError):
    """A step found something other than what it set out to prove.

    Attributes:
        detail: what was expected and what was found.
    """

    detail: str
    words = "{detail}"


def expect(holds: bool, otherwise: str) -> None:
    """Return if it holds.

    Raises:
        NotProven: with the given sentence, if it does not.
    """
    if not holds:
        raise NotProven(otherwise)


def all_held(steps: Iterable[StepOutcome]) -> bool:
    """Whether every step was tried and proven; no steps prove nothing."""
    found = list(steps)
    return bool(found) and all(step.held for step in found)


def headline(report: TourReport) -> str:
    """The tour in one sentence."""
    proven = sum(step.held is True for step in report.steps)
    return f"{proven} of {len(report.steps)} steps proven in {report.seconds:.1f} s"
