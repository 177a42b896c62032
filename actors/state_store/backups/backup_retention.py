"""Which backups stay. Pure, with the rules of restic.

Newest first; a backup stays if any rule keeps it; periods without a backup do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True)
class BackupRetention:
    """How many backups to keep: the newest ones, and the newest of each period, in UTC.

    Weeks are those of ISO 8601. All rules at 0 keep everything.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


@dataclass(frozen=True)
class RetentionCandidate:
    """A backup that may be removed.

    Attributes:
        made_at: seconds since the Unix epoch.
        is_exempt: made by hand: it stays, and does not count for a rule.
        is_good: it can be restored, as far as known.
    """

    id: str
    made_at: float
    is_exempt: bool = False
    is_good: bool = True


@dataclass(frozen=True)
class RetentionVerdict:
    """Why a backup stays; without reasons it is removed."""

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


def judge(candidates: Iterable[RetentionCandidate], rules: BackupRetention) -> list[RetentionVerdict]:
    """Decide about each backup, newest first.

    The newest good one always stays. A damaged one never counts for a rule in place of a good one.
    """
    ordered = sorted(candidates, key=lambda one: (one.made_at, one.id), reverse=True)
    reasons: dict[str, list[str]] = {one.id: [] for one in ordered}
    if rules == BackupRetention():
        for one in ordered:
            reasons[one.id].append("no retention is set")
    for one in ordered:
        if one.is_exempt:
            reasons[one.id].append("made by hand")
    rotated = [one for one in ordered if not one.is_exempt and one.is_good]
    for one in rotated[: rules.last]:
        reasons[one.id].append("last")
    for name, period in PERIODS:
        for one in _newest_of_periods(rotated, period, getattr(rules, name)):
            reasons[one.id].append(name)
    newest_good = next((one for one in ordered if one.is_good), None)
    if newest_good is not None and not reasons[newest_good.id]:
        reasons[newest_good.id].append("the last good one")
    if newest_good is None:
        for one in ordered:  # there is nothing better, and parts of them may still be readable
            reasons[one.id].append("none is good")
    return [RetentionVerdict(one.id, tuple(reasons[one.id])) for one in ordered]


def _newest_of_periods(
    ordered: Sequence[RetentionCandidate], period: Callable[[datetime], tuple[int, ...]], count: int
) -> list[RetentionCandidate]:
    kept: list[RetentionCandidate] = []
    latest: tuple[int, ...] | None = None
    for one in ordered:
        if len(kept) >= count:
            break
        found = period(datetime.fromtimestamp(one.made_at, UTC))
        if found != latest:
            kept.append(one)
            latest = found
    return kept
