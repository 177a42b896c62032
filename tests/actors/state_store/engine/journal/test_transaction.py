"""The writer judges a change by those before it in its group, and cancels what cannot be done."""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from actors.shared.crypto.envelope import seal
from actors.shared.durable.durable_write import Disk
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.engine.files.document_quarantine import DocumentQuarantine
from actors.state_store.engine.files.state_layout import StateLayout
from actors.state_store.engine.journal.checkpointer import Checkpointer
from actors.state_store.engine.journal.state_journal import StateJournal
from actors.state_store.engine.journal.transaction import TransactionWriter
from actors.state_store.engine.key_index import KeyEntry, KeyIndex
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Delete, Incident, Save
from actors.state_store.engine.revision_counter import RevisionCounter
from actors.state_store.engine.values.value_codec import ValueCodec
from actors.state_store.engine.values.value_schemas import ValueSchemas
from actors.state_store.errors import QuotaExceeded, RevisionConflict, SaveFailed, StoreBroken


class FussyDisk(Disk):
    """Refuses to rename to, or to write to, certain names."""

    def __init__(self) -> None:
        self.no_rename = ""
        self.no_sync = False

    def rename(self, source: Path, target: Path) -> None:
        if self.no_rename and target.name.startswith(self.no_rename):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().rename(source, target)

    def sync(self, descriptor: int) -> None:
        if self.no_sync:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().sync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        self.sync(descriptor)


class CountingCodec(ValueCodec):
    """Notes which files are looked into."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.looked: list[str] = []

    def look(self, key: str, content: bytes) -> KeyEntry:
        self.looked.append(key)
        return super().look(key, content)


class Lab:
    def __init__(self, root: Path, quota_bytes: int = 0) -> None:
        self.root, self.disk, self.index = root, FussyDisk(), KeyIndex()
        namespaces = Namespaces([NamespaceTable(name="notes")])
        layout = StateLayout(root, ["notes"], self.disk)
        layout.prepare()
        self.journal = StateJournal(root / ".journal", self.disk)
        self.revisions = RevisionCounter()
        self.checkpointer = Checkpointer(layout, self.journal, self.revisions, threading.RLock())
        self.checkpointer.recover()
        self.incidents: deque[Incident] = deque()
        self.codec = CountingCodec(namespaces, ValueSchemas(), None, lambda: 0.0)
        self.writer = TransactionWriter(
            layout,
            self.index,
            self.journal,
            self.checkpointer,
            DocumentQuarantine(layout, self.index, self.incidents),
            self.revisions,
            namespaces,
            self.codec,
            quota_bytes,
            lambda: 0.0,
        )

    def carry_out(self) -> None:
        self.writer.carry_out()

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.root / "notes").iterdir())


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    made = Lab(tmp_path)
    yield made
    made.journal.close()


def test_nothing_is_in_place_before_it_is_carried_out(lab: Lab) -> None:
    prepared = lab.writer.prepare([Save("notes.a", 1)])
    assert lab.files() == ["a.json.1.tmp"]
    assert "notes.a" not in lab.index
    lab.carry_out()
    assert lab.files() == ["a.json"]
    assert prepared.done[0].revision == 1
    assert lab.checkpointer.touched() == {"notes/a.json"}


def test_a_change_is_judged_by_those_before_it_in_the_group(lab: Lab) -> None:
    first = lab.writer.prepare([Save("notes.a", 1, expected_revision=0)])
    stale = lab.writer.prepare([Save("notes.a", 2, expected_revision=0)])
    second = lab.writer.prepare([Save("notes.a", 3, expected_revision=first.done[0].revision, backup=True)])
    gone = lab.writer.prepare([Delete("notes.a", expected_revision=second.done[0].revision)])
    again = lab.writer.prepare([Save("notes.a", 4, expected_revision=0)])
    assert isinstance(stale.error, RevisionConflict)
    assert [one.error for one in (first, second, gone, again)] == [None] * 4
    lab.carry_out()
    assert lab.files() == ["a.json"]
    assert b'"value": 4' in (lab.root / "notes" / "a.json").read_bytes()
    (kept,) = (lab.root / "backups" / "auto").iterdir()
    assert b'"value": 1' in kept.read_bytes(), "the former value was itself not yet in place"


def test_a_file_is_looked_into_once_before_it_is_replaced(lab: Lab) -> None:
    content = seal(0, schema="", schema_version=1, revision=41, now=0.0, name="notes.old")
    (lab.root / "notes" / "old.json").write_bytes(content)
    lab.index.put("notes.old", KeyEntry(len(content)))
    lab.writer.prepare([Save("notes.old", 1, expected_revision=41)])
    lab.writer.prepare([Save("notes.old", 2)])
    lab.carry_out()
    lab.writer.prepare([Save("notes.old", 3)])
    lab.carry_out()
    assert lab.codec.looked == ["notes.old"]
    assert lab.revisions.newest == 44, "revisions go on behind those that were found"


def test_what_a_group_takes_counts_against_the_quota(tmp_path: Path) -> None:
    lab = Lab(tmp_path, quota_bytes=3000)
    outcomes = [lab.writer.prepare([Save(f"notes.{n}", "x" * 700)]) for n in range(5)]
    refused = [one for one in outcomes if isinstance(one.error, QuotaExceeded)]
    assert 0 < len(refused) < 5
    lab.carry_out()
    assert lab.index.size_bytes <= 3000
    assert not list(tmp_path.rglob("*.tmp"))
    lab.journal.close()


def test_a_journal_that_cannot_be_synced_refuses_the_whole_group_and_leaves_nothing(lab: Lab) -> None:
    lab.disk.no_sync = True
    outcomes = [lab.writer.prepare([Save(f"notes.{n}", n)]) for n in range(3)]
    lab.carry_out()
    assert [str(one.error) for one in outcomes] == [
        f"failed to save notes.{n}: sync failed (No space left on device); the earlier value is untouched"
        for n in range(3)
    ]
    assert lab.files() == []
    assert lab.checkpointer.needs_segment
    assert len(lab.index) == 0


def test_a_rename_that_fails_before_anything_was_done_is_taken_back_for_good(lab: Lab) -> None:
    lab.disk.no_rename = "b"
    good, bad = lab.writer.prepare([Save("notes.a", 1)]), lab.writer.prepare([Save("notes.b", 1)])
    lab.carry_out()
    assert good.error is None
    assert isinstance(bad.error, SaveFailed)
    assert lab.files() == ["a.json"]
    lab.journal.close()
    content = StateJournal(lab.root / ".journal").recover()
    assert any(record.voids for record in content.records)


def test_a_rename_that_fails_half_way_through_a_batch_stops_the_store(lab: Lab) -> None:
    lab.disk.no_rename = "b"
    lab.writer.prepare([Save("notes.a", 1), Save("notes.b", 1)])
    with pytest.raises(StoreBroken, match=r"notes\.b"):
        lab.carry_out()


def test_a_batch_of_nothing_is_done(lab: Lab) -> None:
    assert lab.writer.prepare([]).error is None
    lab.carry_out()


def test_a_damaged_file_that_is_to_be_replaced_is_put_aside_first(lab: Lab) -> None:
    (lab.root / "notes" / "old.json").write_bytes(b"{broken")
    lab.index.put("notes.old", KeyEntry(7))
    transaction = lab.writer.prepare([Save("notes.old", 1, expected_revision=0)])
    assert transaction.error is None, "it counts as a key that does not exist"
    lab.carry_out()
    assert lab.files() == ["old.json", "old.json.corrupt"]
    assert [(one.kind, one.subject) for one in lab.incidents] == [("corruption", "notes.old")]
