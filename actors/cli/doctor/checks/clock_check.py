"""Whether the clock of the machine can be right: not years off, and no file is from the future."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import Place, Problem, places

CHECK: Final = "clock"
RELEASED_AT: Final = 1_767_225_600.0
"""2026-01-01, UTC: this version cannot be run before it was written."""

SPAN_SECONDS: Final = 20 * 365 * 86_400.0
SLACK_SECONDS: Final = 300.0
ENTRIES_LIMIT: Final = 50_000


@dataclass(frozen=True)
class Facts:
    """The time now, and files that were changed later than that; seconds since the Unix epoch."""

    now: float
    future_paths: tuple[str, ...] = ()
    latest_at: float = 0.0


def look(place: Place) -> Facts:
    """Compare the clock with what lies below config and state."""
    late: list[str] = []
    latest_at, seen = 0.0, 0
    for root in (place.locations.config, place.locations.state):
        for parent, _, names in os.walk(root):
            for name in names:
                seen += 1
                if seen > ENTRIES_LIMIT:
                    return Facts(place.now, tuple(late), latest_at)
                changed_at = _changed_at(Path(parent) / name)
                latest_at = max(latest_at, changed_at)
                if changed_at > place.now + SLACK_SECONDS:
                    late.append(os.path.join(parent, name))
    return Facts(place.now, tuple(late), latest_at)


def check(facts: Facts) -> list[Problem]:
    """Whether the clock is years off, or went back."""
    if not RELEASED_AT <= facts.now <= RELEASED_AT + SPAN_SECONDS:
        what, advice = (
            "the clock of this machine is years off",
            "set it; downloads fail on certificates until then",
        )
        found, expected = _day(facts.now), f"a day after {_day(RELEASED_AT)}"
        return [
            Problem(check=CHECK, severity="error", what=what, found=found, expected=expected, advice=advice)
        ]
    if facts.future_paths:
        what = "files were changed in the future: the clock was wrong then, or is now"
        advice = "set the clock; ages of backups and of history are counted by it"
        where, found, expected = (
            places(facts.future_paths),
            _day(facts.latest_at),
            f"at most {_day(facts.now)}",
        )
        return [
            Problem(
                check=CHECK,
                severity="warning",
                what=what,
                where=where,
                found=found,
                expected=expected,
                advice=advice,
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
