"""Selects the entries that are too old, too many or too large to be kept. Pure: handed the time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

DAY_SECONDS: Final = 86_400.0
MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class EntryRetentionRules:
    """How much is kept. 0 means that a rule sets no limit, never that everything is deleted.

    Attributes:
        days: older entries are deleted.
        entries: number of the newest entries that are kept.
        mib: the newest entries that fit into this size are kept.
    """

    days: int = 0
    entries: int = 0
    mib: int = 0

    def __post_init__(self) -> None:
        if min(self.days, self.entries, self.mib) < 0:
            raise ValueError("expected 0 (no limit) or more")

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Self:
        """Read `keep_days`, `keep_entries` and `keep_mib`. Anything but a number above 0 sets no limit."""
        found = settings.get("history", {})

        def number(name: str) -> int:
            value = found.get(name, 0)
            return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

        return cls(number("keep_days"), number("keep_entries"), number("keep_mib"))

    @property
    def limit_nothing(self) -> bool:
        """Whether no rule sets a limit."""
        return not (self.days or self.entries or self.mib)


def expired_ids(
    entries: Iterable[tuple[str, float, int]], rules: EntryRetentionRules, now: float
) -> list[str]:
    """Return the ids of the entries to delete. The newest entry fits whatever its size.

    Args:
        entries: id, time in seconds since the Unix epoch, and size in bytes, newest first.
        rules: an entry is deleted if one of them says so.
        now: seconds since the Unix epoch.
    """
    expired: list[str] = []
    kept = size_bytes = 0
    is_full = False
    for entry_id, at, entry_bytes in entries:
        too_old = rules.days > 0 and at < now - rules.days * DAY_SECONDS
        too_many = rules.entries > 0 and kept >= rules.entries
        is_full = is_full or (rules.mib > 0 and size_bytes + entry_bytes > rules.mib * MIB and kept > 0)
        if too_old or too_many or is_full:
            expired.append(entry_id)
        else:
            kept += 1
            size_bytes += entry_bytes
    return expired
