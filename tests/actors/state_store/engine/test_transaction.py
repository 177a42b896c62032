"""The writer judges each change by what will be there once those before it are carried out, and takes back what cannot be."""

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
from actors.state_store.engine.checkpointer import Checkpointer
from actors.state_store.engine.document_quarantine import DocumentQuarantine
from actors.state_store.engine.key_index import KeyEntry, KeyIndex
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Delete, Incident, Save
from actors.state_store.engine.revision_counter import RevisionCounter
from actors.state_store.engine.state_journal import StateJournal
from actors.state_store.engine.state_layout import StateLayout
from actors.state_store.engine.transaction import TransactionWriter
from actors.state_store.engine.value_codec import ValueCodec
from actors.state_store.engine.value_schemas import ValueSchemas
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


class World:
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
def world(tmp_path: Path) -> Any:
    made = World(tmp_path)
    yield made
    made.journal.close()


def test_nothing_is_in_place_before_it_is_carried_out(world: World) -> None:
    prepared = world.writer.prepare([Save("notes.a", 1)])
    assert world.files() == ["a.json.1.tmp"]
    assert "notes.a" not in world.index
    world.carry_out()
    assert world.files() == ["a.json"]
    assert prepared.done[0].revision == 1
    assert world.checkpointer.touched() == {"notes/a.json"}


def test_a_change_is_judged_by_those_before_it_in_the_group(world: World) -> None:
    first = world.writer.prepare([Save("notes.a", 1, expected_revision=0)])
    stale = world.writer.prepare([Save("notes.a", 2, expected_revision=0)])
    second = world.writer.prepare([Save("notes.a", 3, expected_revision=first.done[0].revision, backup=True)])
    gone = world.writer.prepare([Delete("notes.a", expected_revision=second.done[0].revision)])
    again = world.writer.prepare([Save("notes.a", 4, expected_revision=0)])
    assert isinstance(stale.error, RevisionConflict)
    assert [one.error for one in (first, second, gone, again)] == [None] * 4
    world.carry_out()
    assert world.files() == ["a.json"]
    assert b'"value": 4' in (world.root / "notes" / "a.json").read_bytes()
    (kept,) = (world.root / "backups" / "auto").iterdir()
    assert b'"value": 1' in kept.read_bytes(), "the former value was itself not yet in place"


def test_a_file_is_looked_into_once_before_it_is_replaced(world: World) -> None:
    content = seal(0, schema="", schema_version=1, revision=41, now=0.0, name="notes.old")
    (world.root / "notes" / "old.json").write_bytes(content)
    world.index.put("notes.old", KeyEntry(len(content)))
    world.writer.prepare([Save("notes.old", 1, expected_revision=41)])
    world.writer.prepare([Save("notes.old", 2)])
    world.carry_out()
    world.writer.prepare([Save("notes.old", 3)])
    world.carry_out()
    assert world.codec.looked == ["notes.old"]
    assert world.revisions.newest == 44, "revisions go on behind those that were found"


def test_what_a_group_takes_counts_against_the_quota(tmp_path: Path) -> None:
    world = World(tmp_path, quota_bytes=3000)
    outcomes = [world.writer.prepare([Save(f"notes.{n}", "x" * 700)]) for n in range(5)]
    refused = [one for one in outcomes if isinstance(one.error, QuotaExceeded)]
    assert 0 < len(refused) < 5
    world.carry_out()
    assert world.index.size_bytes <= 3000
    assert not list(tmp_path.rglob("*.tmp"))
    world.journal.close()


def test_a_journal_that_cannot_be_synced_refuses_the_whole_group_and_leaves_nothing(world: World) -> None:
    world.disk.no_sync = True
    outcomes = [world.writer.prepare([Save(f"notes.{n}", n)]) for n in range(3)]
    world.carry_out()
    assert [str(one.error) for one in outcomes] == [
        f"failed to save notes.{n}: sync failed (No space left on device); the earlier value is untouched"
        for n in range(3)
    ]
    assert world.files() == []
    assert world.checkpointer.needs_segment
    assert len(world.index) == 0


def test_a_rename_that_fails_before_anything_was_done_is_taken_back_for_good(world: World) -> None:
    world.disk.no_rename = "b"
    good, bad = world.writer.prepare([Save("notes.a", 1)]), world.writer.prepare([Save("notes.b", 1)])
    world.carry_out()
    assert good.error is None
    assert isinstance(bad.error, SaveFailed)
    assert world.files() == ["a.json"]
    world.journal.close()
    content = StateJournal(world.root / ".journal").recover()
    assert any(record.voids for record in content.records)


def test_a_rename_that_fails_half_way_through_a_batch_stops_the_store(world: World) -> None:
    world.disk.no_rename = "b"
    world.writer.prepare([Save("notes.a", 1), Save("notes.b", 1)])
    with pytest.raises(StoreBroken, match=r"notes\.b"):
        world.carry_out()


def test_a_batch_of_nothing_is_done(world: World) -> None:
    assert world.writer.prepare([]).error is None
    world.carry_out()


def test_a_damaged_file_that_is_to_be_replaced_is_put_aside_first(world: World) -> None:
    (world.root / "notes" / "old.json").write_bytes(b"{broken")
    world.index.put("notes.old", KeyEntry(7))
    transaction = world.writer.prepare([Save("notes.old", 1, expected_revision=0)])
    assert transaction.error is None, "it counts as a key that does not exist"
    world.carry_out()
    assert world.files() == ["old.json", "old.json.corrupt"]
    assert [(one.kind, one.subject) for one in world.incidents] == [("corruption", "notes.old")]
