"""Histories on disk for tests: keys in memory, entries by number."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from actors.history.engine import Append, Change, Edit, Keeper, Remove
from actors.history.entry_ids import Identities
from actors.history.segments.recovery import Finding
from actors.history.segments.segment_keys import Vault
from actors.history.segments.segment_store import Journal
from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope_errors import KeyUnavailable
from schemas.history import HistoryEntry, HistoryQueryRequestEvent


class Ring:
    """A key ring in memory."""

    def __init__(self) -> None:
        self.keys = {"k1": DataKey("k1", bytes(range(32)))}

    def current(self) -> DataKey:
        return list(self.keys.values())[-1]

    def data_key(self, key_id: str) -> DataKey:
        if key_id not in self.keys:
            raise KeyUnavailable(key_id, "there is no such key")
        return self.keys[key_id]

    def rotate(self) -> None:
        """Encrypt with another key from now on."""
        self.keys[f"k{len(self.keys) + 1}"] = DataKey(f"k{len(self.keys) + 1}", os.urandom(32))


RING = Ring()


def entry(number: int, text: str = "") -> HistoryEntry:
    """The entry of that number."""
    return HistoryEntry(
        id=Identities().next(1000.0 + number, number),
        at=1000.0 + number,
        kind="dictation",
        text=text or f"text {number}",
    )


def keeper_of(root: Path, *, encrypts: bool = True, limit_bytes: int = 4 << 20, ring: Ring = RING) -> Keeper:
    """The history below a directory, loaded."""
    journal = Journal(root / "history", root / "anchors", Vault(ring, encrypts=encrypts), limit_bytes)
    journal.open()
    keeper = Keeper(journal, encrypts=encrypts)
    for part in keeper.loading():
        part()
    return keeper


def add(keeper: Keeper, numbers: Sequence[int]) -> None:
    """Keep entries, each in a record of its own."""
    for number in numbers:
        keeper.commit([Append(entry(number))])


def edit(number: int, text: str) -> Change:
    return Edit(entry(number).id, text, 5.0)


def remove(*numbers: int) -> Change:
    return Remove(tuple(entry(number).id for number in numbers))


def finish(keeper: Keeper) -> None:
    """Carry out all that is to be done behind changes."""
    while keeper.has_work:
        keeper.work()


def texts(keeper: Keeper) -> list[str]:
    """All texts, oldest first."""
    return [one.text for one in reversed(keeper.index.page(HistoryQueryRequestEvent(limit=1000)).entries)]


def troubles(keeper: Keeper) -> list[str]:
    return [finding.trouble for finding in keeper.findings]


def losses(findings: Sequence[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.is_loss]


def bytes_below(root: Path) -> bytes:
    """All that lies in files below a directory; one that goes while they are read holds nothing any more."""
    found = b""
    for path in sorted(root.rglob("*")):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            found += path.read_bytes()
    return found
