"""Directories of models are brought over whole or not at all, and what is in the way is put aside."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.model_downloader.relocation.tree_copy import (
    MOVING_PREFIX,
    CopyStopped,
    TreeCopy,
    is_one_file_system,
    model_directories,
    model_of,
    put_aside,
)
from actors.shared.durable.directory_tree import discard, sweep, tree_bytes

MIB = 1 << 20


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory of models with one that has a directory and a link inside."""
    model = tmp_path / "old" / "tiny"
    (model / "part").mkdir(parents=True)
    (model / "model.bin").write_bytes(os.urandom(5 * MIB + 17))
    (model / "part" / "empty.bin").write_bytes(b"")
    (model / "latest.bin").symlink_to("model.bin")
    (model / "folder").symlink_to("part")
    return tmp_path / "old"


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on another file system."""
    if not os.access("/dev/shm", os.W_OK) or is_one_file_system(Path("/dev/shm"), tmp_path):
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


def copy_of(
    source: Path, target: Path, counted: list[int] | None = None, stop: threading.Event | None = None
) -> TreeCopy:
    return TreeCopy(
        source, target, (counted if counted is not None else []).append, stop or threading.Event()
    )


def same(one: Path, other: Path) -> bool:
    assert (other / "model.bin").read_bytes() == (one / "model.bin").read_bytes()
    assert (other / "part" / "empty.bin").read_bytes() == b""
    assert os.readlink(other / "latest.bin") == "model.bin"
    return os.readlink(other / "folder") == "part"


def test_on_one_file_system_files_are_linked_and_both_places_hold_everything(
    tmp_path: Path, source: Path
) -> None:
    counted: list[int] = []
    copying = copy_of(source, tmp_path / "new", counted)
    assert copying.copy("tiny")
    assert not (tmp_path / "new" / "tiny").exists()
    copying.place("tiny", "tiny")
    assert same(source / "tiny", tmp_path / "new" / "tiny")
    assert os.path.samefile(source / "tiny" / "model.bin", tmp_path / "new" / "tiny" / "model.bin")
    assert sum(counted) == tree_bytes(source / "tiny") == 5 * MIB + 17


def test_on_another_disk_files_are_copied_with_their_times(source: Path, other_disk: Path) -> None:
    counted: list[int] = []
    copying = copy_of(source, other_disk, counted)
    assert not copying.copy("tiny")
    copying.place("tiny", "tiny")
    assert same(source / "tiny", other_disk / "tiny")
    assert (other_disk / "tiny" / "model.bin").stat().st_mtime_ns == (
        source / "tiny" / "model.bin"
    ).stat().st_mtime_ns
    assert sum(counted) == 5 * MIB + 17


def test_a_stop_leaves_no_file_that_looks_finished_and_the_next_attempt_does_only_the_rest(
    source: Path, other_disk: Path
) -> None:
    (source / "tiny" / "a-first.bin").write_bytes(b"done")
    stop = threading.Event()

    def tell(size_bytes: int) -> None:
        if size_bytes > 4:
            stop.set()

    with pytest.raises(CopyStopped):
        TreeCopy(source, other_disk, tell, stop).copy("tiny")
    moving = other_disk / f"{MOVING_PREFIX}tiny"
    assert (moving / "a-first.bin").read_bytes() == b"done"
    assert not (moving / "model.bin").exists()
    inode = (moving / "a-first.bin").stat().st_ino
    copy_of(source, other_disk).copy("tiny")
    assert (moving / "a-first.bin").stat().st_ino == inode
    assert same(source / "tiny", moving)


def test_a_file_that_changed_since_it_was_carried_is_carried_again(source: Path, other_disk: Path) -> None:
    copy_of(source, other_disk).copy("tiny")
    (source / "tiny" / "model.bin").write_bytes(b"another")
    copy_of(source, other_disk).copy("tiny")
    assert (other_disk / f"{MOVING_PREFIX}tiny" / "model.bin").read_bytes() == b"another"


def test_where_links_are_not_to_be_had_files_are_copied(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_link)
    assert not copy_of(source, tmp_path / "new").copy("tiny")
    assert same(source / "tiny", tmp_path / "new" / f"{MOVING_PREFIX}tiny")


def test_what_is_in_the_way_is_put_aside_and_never_covers_an_earlier_one(
    tmp_path: Path, source: Path
) -> None:
    for text in ("first", "second"):
        (tmp_path / "new" / "tiny").mkdir(parents=True, exist_ok=True)
        (tmp_path / "new" / "tiny" / "mine").write_text(text)
        put_aside(tmp_path / "new" / "tiny")
    assert (tmp_path / "new" / "tiny.aside" / "mine").read_text() == "first"
    assert (tmp_path / "new" / "tiny.aside.2" / "mine").read_text() == "second"
    (tmp_path / "new" / "tiny").mkdir()
    copying = copy_of(source, tmp_path / "new")
    copying.copy("tiny")
    copying.place("tiny", "tiny")
    assert (tmp_path / "new" / "tiny.aside.3").is_dir()


def test_what_belongs_to_a_model_is_counted_by_its_name_and_nothing_else_is_touched(tmp_path: Path) -> None:
    for name in (
        "tiny",
        "tiny.former",
        "tiny.partial",
        "tiny.en",
        "tinyother",
        ".trash-tiny",
        "music",
        ".undercroft.lock",
    ):
        (tmp_path / name).mkdir()
    ids = ["tiny", "tiny.en"]
    assert model_directories(tmp_path, ids) == ["tiny", "tiny.en", "tiny.former", "tiny.partial"]
    assert [model_of(name, ids) for name in ("tiny.en", "tiny.former", "music")] == ["tiny.en", "tiny", ""]
    assert model_directories(tmp_path / "nowhere", ids) == []


def test_discarding_and_sweeping_leave_nothing_and_harm_nothing(tmp_path: Path, source: Path) -> None:
    copy_of(source, tmp_path / "new").copy("tiny")
    (tmp_path / "new" / "kept").mkdir()
    sweep(tmp_path / "new", MOVING_PREFIX)
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["kept"]
    discard(source / "tiny")
    discard(source / "tiny")
    assert list(source.iterdir()) == []


def test_copy_that_was_discarded_begins_from_nothing(tmp_path: Path, source: Path) -> None:
    copying = copy_of(source, tmp_path / "new")
    copying.copy("tiny")
    copying.discard_copy("tiny")
    assert list((tmp_path / "new").iterdir()) == []
