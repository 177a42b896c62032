"""The repository: a backup is whole or absent, is read back when it is made, and disturbs no other."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from actors.state_store.backups import repository as repositories
from actors.state_store.backups.errors import BackupFailed, BackupNotFound
from actors.state_store.backups.format.backup_manifest import MANIFEST_NAME, PACK_NAME, BackupManifest
from actors.state_store.backups.format.backup_pack import PackWriter
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.engine.operations import Save
from actors.state_store.engine.store import StateStore
from tests.support.state_lab import back_up, opened, repository_of, save

NOON = 1767268800.0


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    store = opened(tmp_path / "store")
    save(store, notes__a={"n": 1}, notes__b=[2], vault__s="x")
    return store


def fill(writer: PackWriter) -> int:
    writer.add("notes/a.json", "notes.a", b"content")
    return 1


@pytest.mark.requirement("S3-5", "S3-7")
def test_a_backup_is_listed_with_its_id_name_time_size_and_whether_it_is_compressed_and_encrypted(
    store: StateStore,
) -> None:
    made = back_up(store, "manual", "Before the update", now=NOON)
    (found,) = repository_of(store).listing().manifests
    assert found == made
    info = found.info()
    assert (info.id, info.name, info.created_at) == (
        "20260101T120000Z-manual-before-the-update-s1",
        "Before the update",
        NOON,
    )
    assert (info.documents, info.compressed, info.encrypted, info.kind) == (3, True, True, "manual")
    directory = store.root / "backups" / "manual" / info.id
    assert info.size_bytes == (directory / PACK_NAME).stat().st_size
    assert sorted(path.name for path in directory.iterdir()) == [MANIFEST_NAME, PACK_NAME]
    assert directory.stat().st_mode & 0o777 == 0o700


def test_backups_of_one_second_are_told_apart_and_the_newest_comes_first(store: StateStore) -> None:
    ids = [back_up(store, "scheduled", now=NOON).id for _ in range(3)]
    ids.append(back_up(store, "manual", now=NOON + 5).id)
    assert len(set(ids)) == 4
    assert [one.id for one in repository_of(store).listing().manifests][0] == ids[-1]


@pytest.mark.requirement("S3-23")
def test_encrypted_documents_stay_encrypted(store: StateStore) -> None:
    made = back_up(store)
    _, reader = repository_of(store).open(made.id)
    found = {document.key: content for document, content in reader.documents()}
    assert found["vault.s"] == (store.root / "vault" / "s.json").read_bytes()
    assert [document.key for document in reader.contents.documents if document.is_encrypted] == ["vault.s"]


@pytest.mark.requirement("S3-27")
@pytest.mark.parametrize("step", ["fill", "manifest", "read_back"])
def test_a_backup_that_fails_leaves_nothing_that_counts_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    def rot(directory: Path, id: str) -> BackupManifest:
        pack = directory / PACK_NAME
        pack.write_bytes(bytes([pack.read_bytes()[0] ^ 1]) + pack.read_bytes()[1:])
        return real(directory, id)

    real = repositories.read_manifest
    if step == "manifest":
        monkeypatch.setattr(repositories, "replace_file", fail)
    if step == "read_back":
        monkeypatch.setattr(repositories, "read_manifest", rot)
    repository = BackupRepository(tmp_path)
    with pytest.raises(BackupFailed, match="No space left" if step != "read_back" else "damaged"):
        repository.create("manual", "", fail if step == "fill" else fill)
    assert repository.listing().manifests == []
    assert list((tmp_path / "manual").iterdir()) == []


def test_what_a_killed_process_left_is_no_backup_and_goes(tmp_path: Path) -> None:
    repository = BackupRepository(tmp_path, lambda: NOON)
    left = tmp_path / "auto" / "20260101T115959Z-scheduled-s1.partial"
    foreign = tmp_path / "manual" / "20260101T115959Z-imported-s1.partial"
    old = tmp_path / "manual" / "20251201T115959Z-imported-s1.partial"
    strange = tmp_path / "manual" / "mine.partial"
    for path in (left, foreign, old, strange):
        path.mkdir(parents=True)
    assert repository.listing().manifests == []
    assert sorted(repository.sweep()) == sorted([left.name, old.name])
    assert foreign.exists(), "another process may be at it"
    assert strange.exists(), "it is none of ours"


def test_a_directory_without_a_manifest_is_named_and_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "auto" / "20260101T120000Z-scheduled-s1").mkdir(parents=True)
    (tmp_path / "auto" / "notes").mkdir()
    listing = BackupRepository(tmp_path).listing()
    assert listing.manifests == []
    assert (listing.faults, listing.unfinished) == ([], ("20260101T120000Z-scheduled-s1",))


@pytest.mark.parametrize("id", ["", "..", "../../etc", "20260101T120000Z-manual-s1"])
def test_what_is_not_there_is_not_found_and_no_id_leads_out(tmp_path: Path, id: str) -> None:
    repository = BackupRepository(tmp_path)
    with pytest.raises(BackupNotFound):
        repository.open(id)
    with pytest.raises(BackupNotFound):
        repository.remove(id)


def test_verifying_finds_damage_in_the_pack_and_documents_that_were_damaged_before(store: StateStore) -> None:
    (store.root / "notes" / "b.json").write_bytes(b"{broken")
    made = back_up(store)
    repository = repository_of(store)
    (fault,) = repository.verify(made.id)
    assert fault.key == "notes.b"
    assert "damaged already" in fault.problem
    pack = repository.directory(made.id) / PACK_NAME
    content = pack.read_bytes()
    pack.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])
    assert {fault.key for fault in repository.verify(made.id)} == {"notes.a", "notes.b", "vault.s"}, (
        "they share a frame"
    )


def test_a_removed_backup_is_gone_and_the_others_stay(store: StateStore) -> None:
    first, second = back_up(store, now=NOON), back_up(store, now=NOON + 9)
    repository = repository_of(store)
    repository.remove(first.id)
    assert [one.id for one in repository.listing().manifests] == [second.id]
    assert repository.verify(second.id) == []


def test_one_that_is_put_aside_does_not_count_and_is_kept(store: StateStore) -> None:
    repository = repository_of(store)
    for _ in range(2):
        made = back_up(store, now=NOON)
        aside = repository.put_aside(made.id)
        assert aside.is_dir()
    assert repository.listing().manifests == []
    assert aside.name.endswith(".corrupt.2")


def test_former_values_are_found(store: StateStore) -> None:
    (outcome,) = store.commit([[Save("notes.a", 2, backup=True)]])
    back_up(store)
    (former,) = repository_of(store).former_values()
    assert former.stem == "notes.a"
    found = msgspec.json.decode((store.root / "backups" / "auto" / former.name).read_bytes())
    assert found["value"] == {"n": 1}


def test_a_place_that_cannot_be_written_to_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "manual").write_bytes(b"a file")
    with pytest.raises(BackupFailed, match="file"):
        BackupRepository(tmp_path).create("manual", "", fill)
    assert os.path.isfile(tmp_path / "manual")
