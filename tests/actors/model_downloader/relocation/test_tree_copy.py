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
    belongings,
    discard,
    is_one_file_system,
    model_of,
    put_aside,
    sweep,
    tree_bytes,
)

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


def carrier(
    source: Path, target: Path, told: list[int] | None = None, stop: threading.Event | None = None
) -> TreeCopy:
    return TreeCopy(source, target, (told if told is not None else []).append, stop or threading.Event())


def same(one: Path, other: Path) -> bool:
    assert (other / "model.bin").read_bytes() == (one / "model.bin").read_bytes()
    assert (other / "part" / "empty.bin").read_bytes() == b""
    assert os.readlink(other / "latest.bin") == "model.bin"
    return os.readlink(other / "folder") == "part"


def test_on_one_file_system_files_are_linked_and_both_places_hold_everything(
    tmp_path: Path, source: Path
) -> None:
    told: list[int] = []
    carrying_it = carrier(source, tmp_path / "new", told)
    assert carrying_it.carry("tiny")
    assert not (tmp_path / "new" / "tiny").exists()
    carrying_it.place("tiny")
    assert same(source / "tiny", tmp_path / "new" / "tiny")
    assert os.path.samefile(source / "tiny" / "model.bin", tmp_path / "new" / "tiny" / "model.bin")
    assert sum(told) == tree_bytes(source / "tiny") == 5 * MIB + 17


def test_on_another_disk_files_are_copied_with_their_times(source: Path, other_disk: Path) -> None:
    told: list[int] = []
    carrying_it = carrier(source, other_disk, told)
    assert not carrying_it.carry("tiny")
    carrying_it.place("tiny")
    assert same(source / "tiny", other_disk / "tiny")
    assert (other_disk / "tiny" / "model.bin").stat().st_mtime_ns == (
        source / "tiny" / "model.bin"
    ).stat().st_mtime_ns
    assert sum(told) == 5 * MIB + 17


def test_a_stop_leaves_no_file_that_looks_finished_and_the_next_attempt_does_only_the_rest(
    source: Path, other_disk: Path
) -> None:
    (source / "tiny" / "a-first.bin").write_bytes(b"done")
    stop = threading.Event()

    def tell(size_bytes: int) -> None:
        if size_bytes > 4:
            stop.set()

    with pytest.raises(CopyStopped):
        TreeCopy(source, other_disk, tell, stop).carry("tiny")
    moving = other_disk / f"{MOVING_PREFIX}tiny"
    assert (moving / "a-first.bin").read_bytes() == b"done"
    assert not (moving / "model.bin").exists()
    inode = (moving / "a-first.bin").stat().st_ino
    carrier(source, other_disk).carry("tiny")
    assert (moving / "a-first.bin").stat().st_ino == inode
    assert same(source / "tiny", moving)


def test_a_file_that_changed_since_it_was_carried_is_carried_again(source: Path, other_disk: Path) -> None:
    carrier(source, other_disk).carry("tiny")
    (source / "tiny" / "model.bin").write_bytes(b"another")
    carrier(source, other_disk).carry("tiny")
    assert (other_disk / f"{MOVING_PREFIX}tiny" / "model.bin").read_bytes() == b"another"


def test_where_links_are_not_to_be_had_files_are_copied(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_link)
    assert not carrier(source, tmp_path / "new").carry("tiny")
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
    carrying_it = carrier(source, tmp_path / "new")
    carrying_it.carry("tiny")
    carrying_it.place("tiny")
    assert (tmp_path / "new" / "tiny.aside.3").is_dir()


def test_what_belongs_to_a_model_is_told_by_its_name_and_nothing_else_is_touched(tmp_path: Path) -> None:
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
    assert belongings(tmp_path, ids) == ["tiny", "tiny.en", "tiny.former", "tiny.partial"]
    assert [model_of(name, ids) for name in ("tiny.en", "tiny.former", "music")] == ["tiny.en", "tiny", ""]
    assert belongings(tmp_path / "nowhere", ids) == []


def test_discarding_and_sweeping_leave_nothing_and_harm_nothing(tmp_path: Path, source: Path) -> None:
    carrier(source, tmp_path / "new").carry("tiny")
    (tmp_path / "new" / "kept").mkdir()
    sweep(tmp_path / "new")
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["kept"]
    discard(source / "tiny")
    discard(source / "tiny")
    assert list(source.iterdir()) == []


def test_carrying_again_begins_from_nothing(tmp_path: Path, source: Path) -> None:
    carrying_it = carrier(source, tmp_path / "new")
    carrying_it.carry("tiny")
    carrying_it.again("tiny")
    assert list((tmp_path / "new").iterdir()) == []
