"""Staging on a real disk: nothing half-installed is visible, nothing leaves the root, and crashes between steps are made good."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.boot import boot_id
from actors.model_downloader.journal import JOURNAL_NAME, read_journal
from actors.model_downloader.staging import TRASH_PREFIX, ModelRoot, UnsafeModelId
from actors.storage.durable import DurableWriteFailed
from schemas.manifest import FilePromise, ModelEntry

A = FilePromise(path="a.bin", size_bytes=10, sha256="0" * 64, urls=["https://models.example/a"])
B = FilePromise(path="sub/b.bin", size_bytes=4, sha256="1" * 64, urls=["https://models.example/b"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[A, B])
NEEDS_BOOT_ID = pytest.mark.skipif(boot_id() is None, reason="the platform does not name its boots")


@pytest.fixture
def root(tmp_path: Path) -> ModelRoot:
    found = ModelRoot(tmp_path / "models")
    found.prepare()
    return found


def names(path: Path) -> list[str]:
    return sorted(entry.relative_to(path).as_posix() for entry in path.rglob("*"))


def fill(root: ModelRoot, *, a: bytes = b"0123456789", b: bytes = b"bbbb", journaled: int = 10) -> None:
    """A staging directory as a downloader leaves it."""
    book = root.open_staging(ENTRY)
    root.staged_file("m", B).parent.mkdir(exist_ok=True)
    root.staged_file("m", A).write_bytes(a)
    root.staged_file("m", B).write_bytes(b)
    book.change_file("a.bin", url=A.urls[0], validator='"v1"', durable_bytes=journaled)
    book.change_file("sub/b.bin", url=B.urls[0], durable_bytes=len(b))
    book.save()


def test_wish_is_a_staging_directory_with_a_journal(root: ModelRoot) -> None:
    root.open_staging(ENTRY)
    assert names(root.path) == ["m.partial", "m.partial/journal.json"]
    assert root.wishes() == ["m"]
    assert not root.installed("m").exists()


@NEEDS_BOOT_ID
def test_after_a_kill_every_byte_in_the_file_counts_and_is_counted_as_fetched(root: ModelRoot) -> None:
    fill(root, a=b"01234567", journaled=5)
    journal = root.open_staging(ENTRY).journal
    assert journal.file("a.bin").durable_bytes == 8
    assert journal.fetched_bytes == 3
    assert root.staged_file("m", A).read_bytes() == b"01234567"


@pytest.mark.requirement("C-4")
def test_after_a_power_cut_only_what_the_journal_counts_is_kept(root: ModelRoot) -> None:
    fill(root, a=b"01234567", journaled=5)
    book = root.open_staging(ENTRY)
    book.change(boot="another run of the machine")
    book.change_file("a.bin", durable_bytes=5)
    book.save()
    assert root.open_staging(ENTRY).journal.file("a.bin").durable_bytes == 5
    assert root.staged_file("m", A).read_bytes() == b"01234"


def test_shorter_or_longer_file_than_can_be_is_begun_anew(root: ModelRoot) -> None:
    fill(root, a=b"01", journaled=5)
    assert root.open_staging(ENTRY).journal.file("a.bin").durable_bytes == 0
    assert not root.staged_file("m", A).exists()
    fill(root, a=b"x" * 11, journaled=5)
    assert root.open_staging(ENTRY).journal.file("a.bin").durable_bytes == 0


def test_link_in_place_of_a_file_is_not_followed(root: ModelRoot, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"0123456789abc")
    fill(root)
    root.staged_file("m", A).unlink()
    root.staged_file("m", A).symlink_to(tmp_path / "victim")
    assert root.open_staging(ENTRY).journal.file("a.bin").durable_bytes == 0
    assert (tmp_path / "victim").read_bytes() == b"0123456789abc"
    assert not root.staged_file("m", A).is_symlink()


@pytest.mark.parametrize("damage", [b"", b"{", None])
def test_without_a_journal_complete_files_are_kept_to_be_verified_and_others_are_not(root: ModelRoot, damage: bytes | None) -> None:
    fill(root, b=b"bb")
    journal = root.staging("m") / JOURNAL_NAME
    journal.unlink() if damage is None else journal.write_bytes(damage)
    found = root.open_staging(ENTRY).journal
    assert [file.durable_bytes for file in found.files] == [10, 0]
    assert found.wanted


@pytest.mark.requirement("S0-9", "S1-26")
def test_activation_shows_exactly_the_promised_files(root: ModelRoot) -> None:
    fill(root)
    (root.staging("m") / "a.bin.mismatch").write_bytes(b"old")
    (root.staging("m") / "journal.json.tmp").write_bytes(b"half")
    assert root.activate(ENTRY) == root.path / "m"
    assert names(root.path) == ["m", "m/a.bin", "m/sub", "m/sub/b.bin"]
    assert root.keeps_sizes(ENTRY)


def test_activation_replaces_what_was_installed_or_damaged(root: ModelRoot) -> None:
    fill(root)
    root.activate(ENTRY)
    root.put_out_of_use("m")
    assert names(root.path) == ["m.damaged", "m.damaged/a.bin", "m.damaged/sub", "m.damaged/sub/b.bin"]
    fill(root, b=b"next")
    root.activate(ENTRY)
    fill(root, b=b"last")
    root.activate(ENTRY)
    assert (root.installed("m") / "sub/b.bin").read_bytes() == b"last"
    assert os.listdir(root.path) == ["m"]


@pytest.mark.requirement("S1-26")
def test_death_between_journal_and_rename_is_made_good(root: ModelRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(root)

    def die(source: Path, target: Path) -> None:
        raise DurableWriteFailed(str(target), "rename", 5, "died here")

    with monkeypatch.context() as patch:
        patch.setattr("actors.model_downloader.staging.move", die)
        with pytest.raises(DurableWriteFailed):
            root.activate(ENTRY)
    assert root.wishes() == ["m"]
    assert read_journal(root.staging("m")) is None
    assert root.open_staging(ENTRY).journal.durable_bytes == ENTRY.size_bytes
    assert root.activate(ENTRY).is_dir()


@pytest.mark.requirement("S0-10")
def test_purge_takes_everything_of_one_model_and_nothing_of_another(root: ModelRoot) -> None:
    fill(root)
    root.activate(ENTRY)
    fill(root)
    (root.path / "m2").mkdir()
    (root.path / "m2" / "x").write_bytes(b"x")
    expected = root.size_bytes("m")
    assert root.purge("m") == expected > 14
    assert names(root.path) == ["m2", "m2/x"]
    assert root.purge("m") == 0


def test_removal_that_was_interrupted_is_finished_at_the_next_start(root: ModelRoot) -> None:
    (root.path / f"{TRASH_PREFIX}m-0a").mkdir()
    (root.path / f"{TRASH_PREFIX}m-0a" / "x").write_bytes(b"x")
    (root.path / "kept").mkdir()
    ModelRoot(root.path).prepare()
    assert names(root.path) == ["kept"]


def test_purge_does_not_follow_links_out_of_the_root(root: ModelRoot, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "x").write_bytes(b"x")
    (root.path / "m").symlink_to(tmp_path / "victim")
    root.purge("m")
    assert (tmp_path / "victim" / "x").exists()
    assert os.listdir(root.path) == []


def test_mismatch_is_kept_aside_once_and_never_built_upon(root: ModelRoot) -> None:
    fill(root)
    aside = root.set_aside("m", A)
    assert aside == root.staging("m") / "a.bin.mismatch"
    assert aside.read_bytes() == b"0123456789"
    assert root.open_staging(ENTRY).journal.file("a.bin").durable_bytes == 0
    assert root.set_aside("m", A) is None


@given(st.text(max_size=20))
def test_no_id_leads_out_of_the_root(model_id: str) -> None:
    found = ModelRoot(Path("/models"))
    try:
        places = [found.installed(model_id), found.staging(model_id), found.damaged(model_id)]
    except UnsafeModelId:
        return
    assert all(place.parent == Path("/models") and Path(os.path.normpath(place)) == place for place in places)
    assert not found.installed(model_id).name.startswith(".")


@pytest.mark.parametrize("model_id", ["..", "a/../b", "a.partial", "a.damaged", ".trash-x", "", "A"])
def test_unsafe_id_is_named(model_id: str) -> None:
    with pytest.raises(UnsafeModelId, match="is no id of a model"):
        ModelRoot(Path("/models")).installed(model_id)
