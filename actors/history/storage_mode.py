"""What the settings want of the history, and what a person is told about where it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from actors.history.entry_retention import Rules, rules_of
from schemas.history import PersistenceMode

MAX_ENTRIES: Final = 100
MAX_ENTRIES_RANGE: Final = (10, 10_000)
PLAINTEXT_NOTICE: Final = "the history is on disk without encryption, as history.encrypt_at_rest says; everybody who can read this disk can read it"


@dataclass(frozen=True)
class Wanted:
    """What the settings say.

    Attributes:
        limit: most entries in memory.
        rules: what is kept at all.
    """

    mode: PersistenceMode = "memory"
    encrypts: bool = True
    limit: int = MAX_ENTRIES
    rules: Rules = field(default_factory=Rules)


def wanted_of(settings: dict[str, Any]) -> Wanted:
    """What the settings want; only what is said outright leads to the disk, and only an outright no to plain text."""
    found = settings.get("history", {})
    mode: PersistenceMode = "disk" if found.get("persistence_mode") == "disk" else "memory"
    return Wanted(mode, found.get("encrypt_at_rest") is not False, max_entries(settings), rules_of(settings))


def max_entries(settings: dict[str, Any]) -> int:
    """How many entries memory keeps: `history.max_entries`, within its range."""
    found = settings.get("history", {}).get("max_entries", MAX_ENTRIES)
    least, most = MAX_ENTRIES_RANGE
    return min(most, max(least, found)) if isinstance(found, int) else MAX_ENTRIES


def locked_notice(detail: str) -> str:
    """Why the history is in memory although it should be on disk."""
    return f"the history is kept in memory only and not on disk: {detail}; what is on disk already is left as it is, and it goes there as soon as it can"


def left_notice(size_bytes: int) -> str:
    """What is told in memory mode of files that are still there."""
    return (
        f"{size_bytes} bytes of history lie on disk from before; they are neither read nor changed in memory mode; "
        "'undercroft history purge' deletes them, 'undercroft history keep' leaves them there for good"
    )
