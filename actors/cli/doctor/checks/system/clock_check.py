"""Checks that the clock of the machine can be right: it is not years off, and no file is from the future."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error, listed, warning

CHECK: Final = "clock"
RELEASED_AT: Final = 1_767_225_600.0
"""2026-01-01, UTC: nobody can run this version before it was written."""

SPAN_SECONDS: Final = 20 * 365 * 86_400.0
SLACK_SECONDS: Final = 300.0
ENTRIES_LIMIT: Final = 50_000


@dataclass(frozen=True)
class ClockFacts:
    """The time now, and files that were changed later than that; seconds since the Unix epoch."""

    now: float
    future_paths: tuple[str, ...] = ()
    latest_at: float = 0.0


def look(home: ExaminedHome) -> ClockFacts:
    """Compare the clock with the files below config and state."""
    late: list[str] = []
    latest_at, seen = 0.0, 0
    for root in (home.locations.config, home.locations.state):
        for parent, _, names in os.walk(root):
            for name in names:
                seen += 1
                if seen > ENTRIES_LIMIT:
                    return ClockFacts(home.now, tuple(late), latest_at)
                changed_at = _changed_at(Path(parent) / name)
                latest_at = max(latest_at, changed_at)
                if changed_at > home.now + SLACK_SECONDS:
                    late.append(os.path.join(parent, name))
    return ClockFacts(home.now, tuple(late), latest_at)


def check(facts: ClockFacts) -> list[Problem]:
    """Judge whether the clock is years off, or went back."""
    if not RELEASED_AT <= facts.now <= RELEASED_AT + SPAN_SECONDS:
        return [
            error(
                check=CHECK,
                what="the clock of this machine is years off",
                found=_day(facts.now),
                expected=f"a day after {_day(RELEASED_AT)}",
                advice="set the clock; until then certificates, and so downloads, are refused",
            )
        ]
    if facts.future_paths:
        return [
            warning(
                check=CHECK,
                what="files were changed in the future: the clock was wrong then, or is wrong now",
                where=listed(facts.future_paths),
                found=_day(facts.latest_at),
                expected=f"at most {_day(facts.now)}",
                advice="set the clock; the ages of backups and of the history depend on it",
            )
        ]
    return []


def _changed_at(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _day(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) + " UTC"
    except (OverflowError, OSError, ValueError):
        return f"{at:.0f}"
