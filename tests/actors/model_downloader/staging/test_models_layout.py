"""The layout on a real disk: nothing half-installed is visible, and no name leads out of the directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.activation import activate
from actors.model_downloader.staging.models_layout import ModelsLayout, UnsafeModelId
from actors.model_downloader.staging.revisions import RECORD_NAME
from actors.model_downloader.staging.staging_journal import JOURNAL_NAME
from actors.shared.durable.boot_id import boot_id
from actors.shared.durable.directory_tree import TRASH_PREFIX
from schemas.manifest import FilePromise, ModelEntry

A = FilePromise(path="a.bin", size_bytes=10, sha256="0" * 64, urls=["https://models.example/a"])
B = FilePromise(path="sub/b.bin", size_bytes=4, sha256="1" * 64, urls=["https://models.example/b"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[A, B])
NEEDS_BOOT_ID = pytest.mark.skipif(boot_id() is None, reason="the platform does not name its boots")


@pytest.fixture
def root(tmp_path: Path) -> ModelsLayout:
    found = ModelsLayout(tmp_path / "models")
    found.prepare()
    return found


def names(path: Path) -> list[str]:
    return sorted(entry.relative_to(path).as_posix() for entry in path.rglob("*"))


def fill(root: ModelsLayout, *, a: bytes = b"0123456789", b: bytes = b"bbbb", journaled: int = 10) -> None:
    """A staging directory as a downloader leaves it."""
    journal = root.open_staging(ENTRY)
    root.staged_file("m", B).path.parent.mkdir(exist_ok=True)
    root.staged_file("m", A).path.write_bytes(a)
    root.staged_file("m", B).path.write_bytes(b)
    journal.change_file("a.bin", url=A.urls[0], validator='"v1"', durable_bytes=journaled)
    journal.change_file("sub/b.bin", url=B.urls[0], durable_bytes=len(b))
    journal.save()


def test_wish_is_a_staging_directory_with_a_journal(root: ModelsLayout) -> None:
    root.open_staging(ENTRY)
    assert names(root.path) == ["m.partial", "m.partial/journal.json"]
    assert root.staging("m").is_dir()
    assert not root.installed("m").is_there()


@NEEDS_BOOT_ID
def test_after_a_kill_every_byte_in_the_file_counts_and_is_counted_as_fetched(root: ModelsLayout) -> None:
    fill(root, a=b"01234567", journaled=5)
    journal = root.open_staging(ENTRY).state
    assert journal.file("a.bin").durable_bytes == 8
    assert journal.fetched_bytes == 3
    assert root.staged_file("m", A).path.read_bytes() == b"01234567"


@pytest.mark.requirement("C-4")
def test_after_a_power_cut_only_what_the_journal_counts_is_kept(root: ModelsLayout) -> None:
    fill(root, a=b"01234567", journaled=5)
    journal = root.open_staging(ENTRY)
    journal.change(boot="another run of the machine")
    journal.change_file("a.bin", durable_bytes=5)
    journal.save()
    assert root.open_staging(ENTRY).state.file("a.bin").durable_bytes == 5
    assert root.staged_file("m", A).path.read_bytes() == b"01234"


def test_shorter_or_longer_file_than_can_be_is_begun_anew(root: ModelsLayout) -> None:
    fill(root, a=b"01", journaled=5)
    assert root.open_staging(ENTRY).state.file("a.bin").durable_bytes == 0
    assert not root.staged_file("m", A).path.exists()
    fill(root, a=b"x" * 11, journaled=5)
    assert root.open_staging(ENTRY).state.file("a.bin").durable_bytes == 0


def test_link_in_place_of_a_file_is_not_followed(root: ModelsLayout, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"0123456789abc")
    fill(root)
    root.staged_file("m", A).unlink()
    root.staged_file("m", A).path.symlink_to(tmp_path / "victim")
    assert root.open_staging(ENTRY).state.file("a.bin").durable_bytes == 0
    assert (tmp_path / "victim").read_bytes() == b"0123456789abc"
    assert not root.staged_file("m", A).path.is_symlink()


@pytest.mark.parametrize("damage", [b"", b"{", None])
def test_without_a_journal_complete_files_are_kept_to_be_verified_and_others_are_not(
    root: ModelsLayout, damage: bytes | None
) -> None:
    fill(root, b=b"bb")
    journal = root.staging("m").path / JOURNAL_NAME
    journal.unlink() if damage is None else journal.write_bytes(damage)
    found = root.open_staging(ENTRY).state
    assert [file.durable_bytes for file in found.files] == [10, 0]
    assert found.wanted


def test_damaged_model_loses_its_name_and_nothing_else(root: ModelsLayout) -> None:
    fill(root)
    activate(root, ENTRY)
    assert root.keeps_sizes(ENTRY)
    root.put_out_of_use("m")
    assert names(root.path) == [
        "m.damaged",
        f"m.damaged/{RECORD_NAME}",
        "m.damaged/a.bin",
        "m.damaged/sub",
        "m.damaged/sub/b.bin",
    ]
    assert not root.keeps_sizes(ENTRY)


def test_record_is_read_again_when_another_revision_is_active(root: ModelsLayout) -> None:
    assert root.record("m") is None
    fill(root)
    activate(root, ENTRY)
    assert (first := root.record("m")) is not None
    assert root.record("m") is first
    fill(root)
    activate(root, ENTRY)
    second = root.record("m")
    assert second is not None
    assert second.sequence == first.sequence + 1


def test_model_that_was_installed_before_there_were_records_is_measured_by_the_manifest(
    root: ModelsLayout,
) -> None:
    fill(root)
    (root.staging("m").path / JOURNAL_NAME).unlink()
    root.staging("m").path.rename(root.installed("m").path)
    assert root.record("m") is None
    assert root.keeps_sizes(ENTRY)


@pytest.mark.requirement("S0-10")
def test_purge_takes_everything_of_one_model_and_nothing_of_another(root: ModelsLayout) -> None:
    fill(root)
    activate(root, ENTRY)
    fill(root)
    for place in (root.former("m"), root.damaged("m"), root.next("m"), root.back("m")):
        place.mkdir()
    (root.path / "m2").mkdir()
    (root.path / "m2" / "x").write_bytes(b"x")
    expected = root.size_bytes("m")
    assert root.purge("m") == expected > 14
    assert names(root.path) == ["m2", "m2/x"]
    assert root.purge("m") == 0


def test_removal_that_was_interrupted_is_finished_at_the_next_start(root: ModelsLayout) -> None:
    (root.path / f"{TRASH_PREFIX}m-0a").mkdir()
    (root.path / f"{TRASH_PREFIX}m-0a" / "x").write_bytes(b"x")
    (root.path / "kept").mkdir()
    ModelsLayout(root.path).prepare()
    assert names(root.path) == ["kept"]


def test_purge_does_not_follow_links_out_of_the_root(root: ModelsLayout, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "x").write_bytes(b"x")
    (root.path / "m").symlink_to(tmp_path / "victim")
    root.purge("m")
    assert (tmp_path / "victim" / "x").exists()
    assert os.listdir(root.path) == []


def test_mismatch_is_kept_aside_once_and_never_built_upon(root: ModelsLayout) -> None:
    fill(root)
    aside = root.set_aside("m", A)
    assert aside == root.staging("m") / "a.bin.mismatch"
    assert aside.path.read_bytes() == b"0123456789"
    assert root.open_staging(ENTRY).state.file("a.bin").durable_bytes == 0
    assert root.set_aside("m", A) is None


@given(st.text(max_size=20))
def test_no_id_leads_out_of_the_root(model_id: str) -> None:
    found = ModelsLayout(Path("/models"))
    try:
        places = [
            found.installed(model_id),
            found.staging(model_id),
            found.damaged(model_id),
            found.former(model_id),
        ]
        places += [found.next(model_id), found.back(model_id)]
    except UnsafeModelId:
        return
    assert all(
        place.parent == found.root and Path(os.path.normpath(place.path)) == place.path for place in places
    )
    assert not found.installed(model_id).name.startswith(".")


@pytest.mark.parametrize(
    "model_id", ["..", "a/../b", "a.partial", "a.damaged", "a.former", ".trash-x", ".next-a", "", "A"]
)
def test_unsafe_id_is_named(model_id: str) -> None:
    with pytest.raises(UnsafeModelId, match="is no id of a model"):
        ModelsLayout(Path("/models")).installed(model_id)
