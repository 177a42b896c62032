"""A backup shows the store as it was at one moment, though others write all the time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.state_store.backups.consistent_copy import ConsistentCopy
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.engine.operations import Save
from tests.support.state_lab import HeldKeys, back_up, delete, done, opened, repository_of, save


def values(store_root: Path, id: str) -> dict[str, object]:
    store = opened(store_root.with_name("reader"))
    _, reader = BackupRepository(store_root / "backups").open(id)
    found = {}
    for document, content in reader.documents():
        assert isinstance(content, bytes)
        found[document.key or document.path] = (
            store.codec.open(document.key, content).value if document.key else content
        )
    store.close()
    return found


@pytest.mark.requirement("S3-5")
def test_everything_is_in_it_and_the_settings_and_wrapped_keys_go_along(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(b'{"theme": "dark"}')
    store = opened(tmp_path / "store")
    save(store, notes__a=1, notes__A=2, settings__x={"y": 3}, vault__s="hidden")
    made = back_up(store, extras={"config.json": config, "keys.json": tmp_path / "absent.json"})
    assert values(store.root, made.id) == {
        "notes.a": 1,
        "notes.A": 2,
        "settings.x": {"y": 3},
        "vault.s": "hidden",
        "extras/config.json": b'{"theme": "dark"}',
    }
    assert made.revision == store.revision
    assert made.documents == 4


def test_a_copy_needs_no_keys(tmp_path: Path) -> None:
    keys = HeldKeys()
    store = opened(tmp_path / "store", keys=keys)
    save(store, vault__s="hidden")
    keys.is_locked = True
    assert back_up(store).encrypted == 1


def test_what_changes_while_it_is_copied_is_copied_again_and_what_goes_is_not_in_it(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a="old", notes__b="goes", notes__c="same")
    changes: list[Callable[[], None]] = [
        lambda: save(store, notes__d="came"),
        lambda: delete(store, "notes.b"),
        lambda: save(store, notes__a="new"),
    ]

    def meddle(_: int) -> None:
        if changes:
            changes.pop()()

    copier = ConsistentCopy(store, {}, meddle)
    made, _ = repository_of(store).create("manual", "", copier.fill)
    assert values(store.root, made.id) == {"notes.a": "new", "notes.c": "same", "notes.d": "came"}
    assert copier.is_current()
    save(store, notes__c="later")
    assert not copier.is_current()


def test_a_batch_is_in_it_whole_or_not_at_all_however_fast_others_write(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    names = [f"notes.k{number}" for number in range(20)]
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            done(store, *(Save(name, number) for name in names))

    done(store, *(Save(name, 0) for name in names))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [back_up(store) for _ in range(8)]
    finally:
        is_over.set()
        writer.join()
    for one in made:
        assert len(set(values(store.root, one.id).values())) == 1, "one moment"
    assert len({one.revision for one in made}) > 1


def test_a_key_whose_file_is_gone_is_left_out_and_one_that_is_no_file_is_put_back(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1, notes__b=2)
    (store.root / "notes" / "a.json").unlink()
    made = back_up(store)
    assert values(store.root, made.id) == {"notes.b": 2}
    (store.root / "notes" / "b.json").unlink()
    (store.root / "notes" / "b.json").mkdir()
    again = back_up(store)
    assert values(store.root, again.id) == {"notes.b": 2}, "the backup before had a good copy"
    assert (store.root / "notes" / "b.json.corrupt").is_dir()
    assert store.load("notes.b").value == 2
