"""Which backups stay. Pure, and as restic does it: newest first, rules are OR-ed, periods without a backup do not count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True)
class Retention:
    """How many to keep: the newest ones, and the newest of so many hours, days, weeks (ISO 8601) and months, in UTC.

    All of them 0 keeps everything.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


@dataclass(frozen=True)
class Candidate:
    """One that may go.

    Attributes:
        made_at: seconds since the Unix epoch.
        is_exempt: it was made by hand: it stays, and takes no place of another one.
        is_good: it can be restored, as far as known.
    """

    id: str
    made_at: float
    is_exempt: bool = False
    is_good: bool = True


@dataclass(frozen=True)
class Verdict:
    """Whether it stays; the reasons are empty if it goes."""

    id: str
    reasons: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether it stays."""
        return bool(self.reasons)


PERIODS: Final[tuple[tuple[str, Callable[[datetime], tuple[int, ...]]], ...]] = (
    ("hourly", lambda at: (at.year, at.month, at.day, at.hour)),
    ("daily", lambda at: (at.year, at.month, at.day)),
    ("weekly", lambda at: tuple(at.isocalendar()[:2])),
    ("monthly", lambda at: (at.year, at.month)),
)


def judge(candidates: Iterable[Candidate], retention: Retention) -> list[Verdict]:
    """What becomes of each, newest first. The newest good one always stays; one that is not good takes no place of a good one."""
    ordered = sorted(candidates, key=lambda one: (one.made_at, one.id), reverse=True)
    reasons: dict[str, list[str]] = {one.id: [] for one in ordered}
    if retention == Retention():
        for one in ordered:
            reasons[one.id].append("no retention is set")
    for one in ordered:
        if one.is_exempt:
            reasons[one.id].append("made by hand")
    rotated = [one for one in ordered if not one.is_exempt and one.is_good]
    for one in rotated[: retention.last]:
        reasons[one.id].append("last")
    for name, period in PERIODS:
        for one in _newest_of_periods(rotated, period, getattr(retention, name)):
            reasons[one.id].append(name)
    newest_good = next((one for one in ordered if one.is_good), None)
    if newest_good is not None and not reasons[newest_good.id]:
        reasons[newest_good.id].append("the last good one")
    if newest_good is None:
        for one in ordered:  # nothing better is at hand, and something of them may still be read
            reasons[one.id].append("none is good")
    return [Verdict(one.id, tuple(reasons[one.id])) for one in ordered]


def _newest_of_periods(
    ordered: Sequence[Candidate], period: Callable[[datetime], tuple[int, ...]], count: int
) -> list[Candidate]:
    kept: list[Candidate] = []
    latest: tuple[int, ...] | None = None
    for one in ordered:
        if len(kept) >= count:
            break
        found = period(datetime.fromtimestamp(one.made_at, UTC))
        if found != latest:
            kept.append(one)
            latest = found
    return kept
