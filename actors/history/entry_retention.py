"""Which entries are too old, too many or too large to be kept. Pure: handed the time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

DAY_SECONDS: Final = 86_400.0
MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Rules:
    """How much is kept; 0 means that this rule sets no limit, never that everything goes.

    Attributes:
        days: older ones go.
        entries: so many of the newest stay.
        mib: the newest stay, as many as fit.
    """

    days: int = 0
    entries: int = 0
    mib: int = 0

    def __post_init__(self) -> None:
        if min(self.days, self.entries, self.mib) < 0:
            raise ValueError("a rule is 0 for no limit, or more")

    @property
    def limit_nothing(self) -> bool:
        """Whether no rule sets a limit."""
        return not (self.days or self.entries or self.mib)


def rules_of(settings: dict[str, Any]) -> Rules:
    """The rules of `history.keep_days`, `keep_entries` and `keep_mib`; what is no number from 0 up sets no limit."""
    found = settings.get("history", {})

    def number(name: str) -> int:
        value = found.get(name, 0)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

    return Rules(number("keep_days"), number("keep_entries"), number("keep_mib"))


def doomed(entries: Iterable[tuple[str, float, int]], rules: Rules, now: float) -> list[str]:
    """Ids of the entries that go.

    Args:
        entries: id, time in seconds since the Unix epoch, and size in bytes, newest first.
        rules: an entry goes if one of them says so.
        now: seconds since the Unix epoch.
    """
    going: list[str] = []
    kept = size_bytes = 0
    full = False
    for identity, at, entry_bytes in entries:
        too_old = rules.days > 0 and at < now - rules.days * DAY_SECONDS
        too_many = rules.entries > 0 and kept >= rules.entries
        full = full or (rules.mib > 0 and size_bytes + entry_bytes > rules.mib * MIB and kept > 0)
        if too_old or too_many or full:
            going.append(identity)
        else:
            kept += 1
            size_bytes += entry_bytes
    return going
