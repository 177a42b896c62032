"""The writer judges each change by what will be there once those before it are carried out, and takes back what cannot be."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from actors.shared.durable.durable_write import Disk
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.engine.key_index import Entry, Index
from actors.state_store.engine.operations import Delete, Save
from actors.state_store.engine.state_journal import Journal
from actors.state_store.engine.state_layout import Tree
from actors.state_store.engine.transaction import Writer
from actors.state_store.engine.value_codec import Opener
from actors.state_store.engine.value_schemas import Schemata
from actors.state_store.errors import QuotaExceeded, RevisionConflict, SaveFailed, StoreBroken
from actors.state_store.namespaces import Namespaces


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


class World:
    def __init__(self, root: Path, quota_bytes: int = 0) -> None:
        self.root, self.disk, self.index = root, FussyDisk(), Index()
        namespaces = Namespaces([NamespaceTable(name="notes")])
        tree = Tree(root, ["notes"], self.disk)
        tree.prepare()
        self.journal = Journal(root / ".journal", self.disk)
        self.journal.recover()
        self.journal.begin(0)
        opener = Opener(namespaces, Schemata(), None, lambda: 0.0)
        self.writer = Writer(
            tree, self.index, self.journal, namespaces, opener, self.look, quota_bytes, lambda: 0.0
        )
        self.looked: list[str] = []

    def look(self, key: str, entry: Entry) -> Entry | None:
        self.looked.append(key)
        return Entry(entry.size_bytes, 41)

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
    assert world.writer.touched == {"notes/a.json"}


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
    world.index.put("notes.old", Entry(10))
    world.writer.prepare([Save("notes.old", 1, expected_revision=41)])
    world.writer.prepare([Save("notes.old", 2)])
    world.carry_out()
    world.writer.prepare([Save("notes.old", 3)])
    world.carry_out()
    assert world.looked == ["notes.old"]
    assert world.writer.revision == 44, "revisions go on behind those that were found"


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
        f"failed to save notes.{n}: sync failed (No space left on device); what was there before is there still"
        for n in range(3)
    ]
    assert world.files() == []
    assert world.writer.journal_failed
    assert len(world.index) == 0


def test_a_rename_that_fails_before_anything_was_done_is_taken_back_for_good(world: World) -> None:
    world.disk.no_rename = "b"
    good, bad = world.writer.prepare([Save("notes.a", 1)]), world.writer.prepare([Save("notes.b", 1)])
    world.carry_out()
    assert good.error is None
    assert isinstance(bad.error, SaveFailed)
    assert world.files() == ["a.json"]
    world.journal.close()
    records, _, _ = Journal(world.root / ".journal").recover()
    assert any(record.voids for record in records)


def test_a_rename_that_fails_half_way_through_a_batch_stops_the_store(world: World) -> None:
    world.disk.no_rename = "b"
    world.writer.prepare([Save("notes.a", 1), Save("notes.b", 1)])
    with pytest.raises(StoreBroken, match=r"notes\.b"):
        world.carry_out()


def test_a_batch_of_nothing_is_done(world: World) -> None:
    assert world.writer.prepare([]).error is None
    world.carry_out()
