"""Histories on disk for tests: keys in memory, entries by number."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from actors.history.engine import AppendEntry, EditEntry, EntryChange, HistoryEngine, RemoveEntries
from actors.history.entries.entry_ids import EntryIds
from actors.history.entries.entry_table import EntryTable
from actors.history.entries.stored.stored_entry import read_batch
from actors.history.segments.segment_findings import SegmentFinding
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_store import SegmentStore
from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope_errors import KeyUnavailable
from schemas.history import HistoryEntry, HistoryQueryRequestEvent


class FakeKeyRing:
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


RING = FakeKeyRing()


def entry(number: int, text: str = "") -> HistoryEntry:
    """The entry of that number."""
    return HistoryEntry(
        id=EntryIds().next(1000.0 + number, number),
        at=1000.0 + number,
        kind="dictation",
        text=text or f"text {number}",
    )


def engine_of(
    root: Path, *, encrypts: bool = True, limit_bytes: int = 4 << 20, ring: FakeKeyRing = RING
) -> HistoryEngine:
    """The history below a directory, loaded."""
    segments = SegmentStore(
        root / "history", root / "anchors", SegmentKeys(ring, encrypts=encrypts), limit_bytes
    )
    segments.open()
    engine = HistoryEngine(segments, encrypts=encrypts)
    for step in engine.loading():
        step()
    return engine


def table_of(entries: Sequence[HistoryEntry]) -> EntryTable:
    """A table with these entries, all in segment 1."""
    table = EntryTable()
    found = read_batch(msgspec.json.encode({"put": entries}))
    assert (found.unfit, table.load(1, found.put)) == ([], (set(), []))
    return table


def add(engine: HistoryEngine, numbers: Sequence[int]) -> None:
    """Keep entries, each in a batch of its own."""
    for number in numbers:
        engine.commit([AppendEntry(entry(number))])


def edit(number: int, text: str) -> EntryChange:
    return EditEntry(entry(number).id, text, 5.0)


def remove(*numbers: int) -> EntryChange:
    return RemoveEntries(tuple(entry(number).id for number in numbers))


def finish(engine: HistoryEngine) -> None:
    """Carry out all that is to be done behind changes."""
    while engine.has_work:
        engine.work()


def texts(engine: HistoryEngine) -> list[str]:
    """All texts, oldest first."""
    return [one.text for one in reversed(engine.index.page(HistoryQueryRequestEvent(limit=1000)).entries)]


def troubles(engine: HistoryEngine) -> list[str]:
    return [finding.trouble for finding in engine.findings]


def losses(findings: Sequence[SegmentFinding]) -> list[str]:
    return [str(finding) for finding in findings if finding.is_loss]


def bytes_below(root: Path) -> bytes:
    """All that lies in files below a directory; one that goes while they are read holds nothing any more."""
    found = b""
    for path in sorted(root.rglob("*")):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            found += path.read_bytes()
    return found
