"""Trees are measured, deleted and swept without following a single link out of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from actors.shared.durable.directory_tree import (
    TRASH_PREFIX,
    delete,
    discard,
    disk_bytes,
    files_below,
    sweep,
    tree_bytes,
)
from actors.shared.durable.durable_write import DurableWriteFailed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of 30 bytes, with a link to a file and one to a directory outside, of 1,000 bytes."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "big").write_bytes(bytes(1000))
    root = tmp_path / "tree"
    (root / "inner").mkdir(parents=True)
    (root / "a").write_bytes(bytes(10))
    (root / "inner" / "b").write_bytes(bytes(20))
    (root / "to_file").symlink_to(outside / "big")
    (root / "to_directory").symlink_to(outside, target_is_directory=True)
    return root


def test_the_size_counts_regular_files_and_no_links(tree: Path) -> None:
    assert tree_bytes(tree) == 30
    assert tree_bytes(tree / "a") == 10
    assert tree_bytes(tree / "to_file") == 0
    assert tree_bytes(tree / "to_directory") == 0
    assert tree_bytes(tree / "absent") == 0


def test_a_pipe_has_no_size_and_holds_nobody_up(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    assert tree_bytes(tree) == 30


@pytest.mark.skipif(sys.platform != "linux", reason="whether holes take room depends on the file system")
def test_holes_take_no_room_on_disk(tree: Path) -> None:
    with (tree / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert tree_bytes(tree) == 30 + (1 << 30)
    assert disk_bytes(tree) <= 30


def test_files_are_listed_with_links_and_without_what_links_lead_to(tree: Path) -> None:
    assert sorted(path.relative_to(tree).as_posix() for path in files_below(tree)) == [
        "a",
        "inner/b",
        "to_directory",
        "to_file",
    ]


def test_deleting_leaves_what_links_lead_to(tree: Path) -> None:
    outside = tree.parent / "outside" / "big"
    assert delete(tree / "to_directory")
    assert delete(tree)
    assert not tree.exists()
    assert outside.stat().st_size == 1000
    assert delete(tree), "nothing is left of what was never there"


def test_what_is_discarded_is_gone_under_every_name(tree: Path) -> None:
    discard(tree)
    discard(tree)
    assert [entry.name for entry in tree.parent.iterdir()] == ["outside"]


def test_a_name_that_cannot_be_taken_away_is_an_error(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str, **directories: int) -> None:
        raise PermissionError(13, "open in a program")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(DurableWriteFailed, match="open in a program"):
        discard(tree)
    assert tree_bytes(tree) == 30


def test_sweeping_takes_trash_and_nothing_else(tree: Path) -> None:
    (tree / f"{TRASH_PREFIX}model-00ff").mkdir()
    (tree / f"{TRASH_PREFIX}model-00ff" / "x").touch()
    (tree / f"{TRASH_PREFIX}file-00ff").touch()
    (tree / ".moving-model").touch()
    sweep(tree)
    assert sorted(entry.name for entry in tree.iterdir()) == [
        ".moving-model",
        "a",
        "inner",
        "to_directory",
        "to_file",
    ]
    sweep(tree, ".moving-", TRASH_PREFIX)
    assert not (tree / ".moving-model").exists()
    sweep(tree / "absent")
