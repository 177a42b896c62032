"""Repair: the newest good copy, and always the evidence."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from actors.state_store.backups import document_repair
from actors.state_store.backups.format.backup_manifest import PACK_NAME
from actors.state_store.engine.operations import Save
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import LoadFailed
from tests.support.state_lab import HeldKeys, back_up, done, opened, repository_of, save

NOON = 1767268800.0


def repaired(store: StateStore, key: str) -> tuple[object, str, bool]:
    """Value, where it comes from, and whether the evidence lies there."""
    found = store.load(key)
    assert found.evidence == "" or Path(found.evidence).exists()
    return found.value, found.repaired_from, bool(found.evidence)


def damage(store: StateStore, name: str = "a", content: bytes = b"{broken") -> None:
    (store.root / "notes" / f"{name}.json").write_bytes(content)


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return opened(tmp_path / "store")


@pytest.mark.requirement("S3-18", "S3-19")
def test_what_the_journal_still_holds_is_the_newest_there_is(store: StateStore) -> None:
    save(store, notes__a="old")
    back_up(store)
    save(store, notes__a="new")
    damage(store)
    assert repaired(store, "notes.a") == ("new", "the journal", True)
    assert store.load("notes.a").evidence == "", "it is whole again"


def test_what_an_interrupted_write_left_is_taken_before_older_copies(store: StateStore) -> None:
    save(store, notes__a="new")
    content = (store.root / "notes" / "a.json").read_bytes()
    store.checkpoint()
    (store.root / "notes" / "a.json.7.tmp").write_bytes(content)
    damage(store)
    assert repaired(store, "notes.a") == ("new", "a.json.7.tmp, left by an interrupted write", True)


@pytest.mark.requirement("S3-18")
def test_the_newest_copy_that_is_good_wins_whether_it_is_a_backup_or_a_former_value(
    store: StateStore,
) -> None:
    save(store, notes__a="first")
    first = back_up(store, now=NOON)
    save(store, notes__a="second")
    second = back_up(store, now=NOON + 60)
    store.checkpoint()
    damage(store)
    assert repaired(store, "notes.a") == ("second", f"backup {second.id}", True)

    pack = repository_of(store).directory(second.id) / PACK_NAME
    pack.write_bytes(b"x" + pack.read_bytes()[1:])
    store.checkpoint()
    damage(store)
    assert repaired(store, "notes.a") == ("first", f"backup {first.id}", True), (
        "a backup that is damaged itself is passed over"
    )

    save(store, notes__a="third")
    done(store, Save("notes.a", "fourth", backup=True))
    store.checkpoint()
    damage(store)
    value, source, has_evidence = repaired(store, "notes.a")
    assert (value, has_evidence) == ("third", True)
    assert source.startswith("backups/auto/notes.a@")


def test_what_can_still_be_read_is_used_where_there_is_no_copy(store: StateStore) -> None:
    save(store, notes__a={"words": "edited by hand"})
    store.checkpoint()
    content = (store.root / "notes" / "a.json").read_bytes()
    damage(store, content=content.replace(b"edited", b"changed"))
    assert repaired(store, "notes.a") == (
        {"words": "changed by hand"},
        "what could still be read of it",
        True,
    )
    assert store.load("notes.a").value == {"words": "changed by hand"}


def test_the_document_of_another_key_is_not_used_for_this_one(store: StateStore) -> None:
    save(store, notes__a=1, notes__b=2)
    store.checkpoint()
    damage(store, content=(store.root / "notes" / "b.json").read_bytes())
    assert repaired(store, "notes.a") == (None, "", True)


def test_without_any_copy_the_key_begins_empty_and_the_evidence_is_kept(store: StateStore) -> None:
    save(store, notes__a=1)
    store.checkpoint()
    damage(store)
    assert repaired(store, "notes.a") == (None, "", True)
    assert [incident.kind for incident in store.incidents] == ["corruption"]
    save(store, notes__a=2)
    assert store.load("notes.a").value == 2


def test_a_copy_that_is_locked_is_waited_for_and_nothing_is_moved(tmp_path: Path) -> None:
    keys = HeldKeys()
    store = opened(tmp_path / "store", keys=keys)
    save(store, vault__s="hidden")
    made = back_up(store)
    store.checkpoint()
    path = store.root / "vault" / "s.json"
    path.write_bytes(b"{broken")
    keys.is_locked = True
    with pytest.raises(LoadFailed) as refused:
        store.load("vault.s")
    assert refused.value.is_locked
    assert path.read_bytes() == b"{broken"
    keys.is_locked = False
    assert repaired(store, "vault.s") == ("hidden", f"backup {made.id}", True)


def test_a_disk_that_does_not_answer_keeps_nobody_waiting(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, notes__a=1)
    store.checkpoint()
    damage(store)
    hang = threading.Event()
    monkeypatch.setattr(document_repair, "SILENCE_LIMIT_SECONDS", 0.05)
    monkeypatch.setattr(
        "actors.state_store.backups.repository.BackupRepository.former_values", lambda _: hang.wait()
    )
    assert repaired(store, "notes.a") == (None, "", True)
    hang.set()
