"""What the settings want of the history, and the notices about where it is kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Self

from actors.history.entries.entry_retention import EntryRetentionRules
from schemas.history import PersistenceMode

MAX_ENTRIES: Final = 100
MAX_ENTRIES_RANGE: Final = (10, 10_000)
PLAINTEXT_NOTICE: Final = (
    "the history is stored on disk without encryption, as history.encrypt_at_rest says; "
    "anybody who can read this disk can read it"
)


@dataclass(frozen=True)
class StorageMode:
    """What the settings say.

    Attributes:
        mode: memory or disk.
        encrypts: whether what is on disk is encrypted.
        limit: most entries in memory.
        rules: which entries are kept.
    """

    mode: PersistenceMode = "memory"
    encrypts: bool = True
    limit: int = MAX_ENTRIES
    rules: EntryRetentionRules = field(default_factory=EntryRetentionRules)

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Self:
        """Read section `history`. Disk and plain text must each be asked for explicitly."""
        found = settings.get("history", {})
        return cls(
            mode="disk" if found.get("persistence_mode") == "disk" else "memory",
            encrypts=found.get("encrypt_at_rest") is not False,
            limit=max_entries(settings),
            rules=EntryRetentionRules.of(settings),
        )


def max_entries(settings: dict[str, Any]) -> int:
    """Return `history.max_entries`, the number of entries that memory keeps, within its range."""
    found = settings.get("history", {}).get("max_entries", MAX_ENTRIES)
    least, most = MAX_ENTRIES_RANGE
    return min(most, max(least, found)) if isinstance(found, int) else MAX_ENTRIES


def locked_notice(detail: str) -> str:
    """Say why the history is in memory although it should be on disk."""
    return (
        f"the history is kept in memory and not on disk: {detail}; "
        "entries move to disk as soon as possible, and files that are there stay unchanged"
    )


def left_notice(size_bytes: int) -> str:
    """Say that files are left on disk although the history is in memory."""
    return (
        f"{size_bytes} bytes of earlier history are on disk; memory mode neither reads nor changes them; "
        "'undercroft history purge' deletes them, 'undercroft history keep' leaves them there for good"
    )
