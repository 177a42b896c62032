"""What a tour proved, and what it did not."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bus.errors import UndercroftError


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the tour.

    Attributes:
        name: for programs; title is for people.
        held: whether what the step is about was proven; None if it was not tried, since an earlier step
            failed.
        detail: what was measured, or what went wrong.
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
        home: where everything lay; it is gone unless it was to be kept.
        notes: what a reader has to know besides.
    """

    ok: bool
    seconds: float
    home: str
    kept: bool
    steps: list[StepOutcome]
    notes: list[str] = []


class NotProven(UndercroftError):
    """A step found something else than what it set out to prove.

    Attributes:
        detail: what was expected and what was found.
    """

    detail: str
    words = "{detail}"


def expect(holds: bool, otherwise: str) -> None:
    """Go on if it holds.

    Raises:
        NotProven: with the sentence given, if it does not.
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


def mebibytes(size_bytes: float) -> str:
    """A size for people, in MiB."""
    return f"{size_bytes / (1 << 20):.1f} MiB"
