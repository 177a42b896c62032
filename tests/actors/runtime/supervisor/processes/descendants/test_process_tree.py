"""What /proc tells of descendants and marks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.runtime.supervisor.processes.descendants.process_tree import (
    MARK,
    children_of,
    descendants_of,
    home_mark,
    mark_of,
    marked,
    runtime_mark,
)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """A child with a mark, and its own child."""
    with subprocess.Popen(
        ["sh", "-c", "sleep 1000 & echo $!; wait"],
        stdout=subprocess.PIPE,
        env={**os.environ, MARK: "home.runtime.7"},
        start_new_session=True,
    ) as child:
        assert child.stdout is not None
        yield child.pid, int(child.stdout.readline())
        os.killpg(child.pid, 9)


@on_linux
def test_children_and_their_children_are_found(family: tuple[int, int]) -> None:
    child, grandchild = family
    assert child in children_of(os.getpid())
    assert grandchild not in children_of(os.getpid())
    assert descendants_of(child) == {grandchild}


@on_linux
def test_a_mark_is_inherited_and_found_by_what_it_begins_with(family: tuple[int, int]) -> None:
    assert [mark_of(pid) for pid in family] == ["home.runtime.7"] * 2
    assert set(family) <= marked("home.").keys()
    assert marked("home.other").keys().isdisjoint(family)


def test_what_is_not_there_has_no_children_and_no_mark(tmp_path: Path) -> None:
    assert children_of(4711, tmp_path) == set()
    assert mark_of(4711, tmp_path) == ""
    assert marked("home.", tmp_path / "nowhere") == {}


def test_without_lists_of_children_the_parents_are_read(tmp_path: Path) -> None:
    for pid, parent in ((1, 0), (20, 1), (21, 20), (22, 20)):
        task = tmp_path / str(pid) / "task" / str(pid)
        task.mkdir(parents=True)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) b) c) S {parent} 0 0")
    assert children_of(20, tmp_path) == {21, 22}


def test_of_two_marks_the_last_one_counts_and_others_variables_do_not(tmp_path: Path) -> None:
    (tmp_path / "5").mkdir()
    (tmp_path / "5" / "environ").write_bytes(
        b"A=1\0UNDERCROFT_CHILD=a.b.1\0XUNDERCROFT_CHILD=x\0UNDERCROFT_CHILD=a.b.2\0"
    )
    assert mark_of(5, tmp_path) == "a.b.2"


def test_runtimes_of_one_home_share_the_beginning_of_their_marks(tmp_path: Path) -> None:
    assert runtime_mark(tmp_path).startswith(home_mark(tmp_path))
    assert runtime_mark(tmp_path) != runtime_mark(tmp_path)
    assert home_mark(tmp_path) != home_mark(tmp_path / "other")
