"""From one machine to another: with the passphrase alone, and encrypted there as it was here."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.state_store.backups.backup_transfer import TransferRefused, export_backup, import_backup
from actors.state_store.backups.errors import (
    BackupDamaged,
    BackupFailed,
    ExportDamaged,
    PassphraseTooShort,
    PassphraseWrong,
)
from actors.state_store.backups.format.backup_manifest import PACK_NAME
from actors.state_store.backups.format.portable_export import ExportRecord, write_export
from actors.state_store.engine.operations import Save
from tests.support.state_lab import HeldKeys, back_up, content_of, opened, repository_of, restorer, save

WORDS = "correct horse battery"


def exported(tmp_path: Path) -> tuple[Path, dict[str, object]]:
    store = opened(tmp_path / "here")
    save(store, notes__a={"n": 1}, vault__s="hidden")
    store.commit([[Save("settings.packed", "x" * 500, compress=True)]])
    made = back_up(store, name="mine")
    assert export_backup(repository_of(store), made.id, tmp_path / "mine.undercroft", WORDS, HeldKeys()) == 3
    return tmp_path / "mine.undercroft", content_of(store)


@pytest.mark.requirement("S3-19")
def test_another_machine_with_keys_of_its_own_opens_it_with_the_passphrase(tmp_path: Path) -> None:
    file, content = exported(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"hidden" not in file.read_bytes()
    keys = HeldKeys("there-")
    store = opened(tmp_path / "there", keys=keys)
    save(store, notes__a="other", notes__mine="goes")
    newest = store.load("notes.mine").revision
    made = import_backup(repository_of(store), file, WORDS, keys)
    assert (made.kind, made.name, made.documents, made.encrypted) == ("imported", "mine", 3, 1)
    found = restorer(store).run(made.id)
    assert content_of(store) == content
    assert store.load("vault.s").encrypted
    assert store.load("settings.packed").compressed
    assert min(store.load(key).revision for key in content) > newest, (
        "revisions of another machine mean nothing here"
    )
    saved = next(one for one in repository_of(store).listing().manifests if one.id == found.saved_as)
    assert saved.kind == "before_import"


def test_a_single_key_can_be_taken_from_it(tmp_path: Path) -> None:
    file, _ = exported(tmp_path)
    store = opened(tmp_path / "there")
    save(store, notes__mine="stays")
    made = import_backup(repository_of(store), file, WORDS, HeldKeys())
    restorer(store).run(made.id, ["notes.a"])
    assert content_of(store) == {"notes.a": {"n": 1}, "notes.mine": "stays"}


def test_a_wrong_passphrase_or_a_damaged_file_leaves_no_backup(tmp_path: Path) -> None:
    file, _ = exported(tmp_path)
    repository = repository_of(opened(tmp_path / "there"))
    with pytest.raises(PassphraseWrong):
        import_backup(repository, file, "another passphrase", HeldKeys())
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ExportDamaged):
        import_backup(repository, file, WORDS, HeldKeys())
    assert repository.listing().manifests == []
    assert list((repository.root / "manual").iterdir()) == []


def test_while_keys_are_locked_nothing_is_carried_and_no_file_is_left(tmp_path: Path) -> None:
    file, _ = exported(tmp_path)
    locked = HeldKeys()
    locked.is_locked = True
    here = repository_of(opened(tmp_path / "copy"))
    with pytest.raises(TransferRefused, match=r"vault\.s"):
        import_backup(here, file, WORDS, locked)
    store = opened(tmp_path / "more")
    save(store, vault__s="hidden")
    made = back_up(store)
    with pytest.raises(TransferRefused, match="locked"):
        export_backup(repository_of(store), made.id, tmp_path / "out", WORDS, locked)
    with pytest.raises(PassphraseTooShort):
        export_backup(repository_of(store), made.id, tmp_path / "out", "short", HeldKeys())
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()


def test_a_damaged_backup_is_not_carried(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1)
    made = back_up(store)
    pack = repository_of(store).directory(made.id) / PACK_NAME
    pack.write_bytes(b"x" + pack.read_bytes()[1:])
    with pytest.raises((BackupDamaged, BackupFailed)):
        export_backup(repository_of(store), made.id, tmp_path / "out", WORDS, HeldKeys())
    assert list(tmp_path.glob("out*")) == []


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("document.../../../PWNED", "documents/../../../PWNED.json"),
        ("document.../../config/config", "documents/../../config/config.json"),
        ("document./etc/x", "documents//etc/x.json"),
        ("notes.a", "../../a.json"),
        ("notes.a", "notes/b.json"),
        ("notes./../a", "notes/../a.json"),
        ("", "extras/../../x.json"),
        ("", "extras/keys.json"),
        ("", "../config.json"),
        ("a\0b", "a"),
        ("document.A\n", "documents/A\n.json"),
    ],
)
def test_a_record_that_names_a_place_not_its_own_goes_nowhere(tmp_path: Path, key: str, path: str) -> None:
    file = tmp_path / "crafted.undercroft"
    with file.open("wb") as out:
        write_export(out, WORDS, "b1", "mine", 1.0, [ExportRecord(key, path, b"{}", False)], memory_kib=64)
    store = opened(tmp_path / "home" / "there")
    save(store, notes__mine="stays")
    before = {one for one in tmp_path.rglob("*") if one.is_file()}
    repository = repository_of(store)
    with pytest.raises(ExportDamaged, match="not its place"):
        import_backup(repository, file, WORDS, HeldKeys())
    assert {one for one in tmp_path.rglob("*") if one.is_file()} == before
    assert repository.listing().manifests == []
