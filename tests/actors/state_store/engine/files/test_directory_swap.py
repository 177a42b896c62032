"""A swap of directories: decided in one step, and finished by the next start after a kill."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.shared.durable import durable_write
from actors.state_store.engine.files import directory_swap
from actors.state_store.engine.files.directory_swap import INTENT, RESTORING, DirectorySwap

PLACES = ["notes", "history", "history/conversations"]


class Killed(BaseException):
    pass


def present(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for place in PLACES:
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "notes" / "old.json").write_bytes(b"old")
    (tmp_path / "notes" / "bad.json.corrupt").write_bytes(b"evidence")
    (tmp_path / "notes" / "half.json.3.tmp").write_bytes(b"half")
    (tmp_path / "history" / "conversations" / "old.json").write_bytes(b"old")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").write_bytes(b"mine")
    return tmp_path


def staged(root: Path) -> None:
    DirectorySwap(root).begin(PLACES)
    DirectorySwap(root).stage("notes/new.json", b"new")
    DirectorySwap(root).stage("history/conversations/new.json", b"new")
    DirectorySwap(root).settle()


BEFORE = {
    "notes/old.json": b"old",
    "notes/bad.json.corrupt": b"evidence",
    "notes/half.json.3.tmp": b"half",
    "history/conversations/old.json": b"old",
    "other/mine": b"mine",
}
AFTER = {
    "notes/new.json": b"new",
    "notes/bad.json.corrupt": b"evidence",
    "history/conversations/new.json": b"new",
    "other/mine": b"mine",
}


def test_later_files_go_evidence_stays_and_nothing_is_left_of_the_swap(root: Path) -> None:
    staged(root)
    DirectorySwap(root).commit("x")
    DirectorySwap(root).carry_out()
    assert present(root) == AFTER


def test_without_the_decision_a_start_forgets_it(root: Path) -> None:
    staged(root)
    assert DirectorySwap(root).resume() is None
    assert present(root) == BEFORE


def test_what_was_staged_before_is_not_in_the_next_one(root: Path) -> None:
    staged(root)
    DirectorySwap(root).begin(PLACES)
    DirectorySwap(root).stage("notes/only.json", b"only")
    DirectorySwap(root).commit("y")
    DirectorySwap(root).carry_out()
    assert present(root) == {
        "notes/only.json": b"only",
        "notes/bad.json.corrupt": b"evidence",
        "other/mine": b"mine",
    }


def test_cut_off_at_any_step_the_next_start_finishes_it_also_if_that_is_cut_off(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_rename, real_remove = os.rename, durable_write.remove_file
    left = [0]

    def step() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    def rename(source: object, target: object) -> None:
        step()
        real_rename(source, target)  # type: ignore[arg-type]

    def remove(path: Path) -> None:
        step()
        real_remove(path)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(directory_swap, "remove_file", remove)
    staged(root)
    DirectorySwap(root).commit("x")
    cuts = 0
    while True:  # each attempt takes one step
        left[0] = 1
        try:
            assert DirectorySwap(root).resume() is None
            break
        except Killed:
            cuts += 1
            assert (root / RESTORING / INTENT).exists()
    assert cuts >= 4
    assert present(root) == AFTER


def test_nothing_is_there_to_resume_or_discard_where_there_was_no_swap(root: Path) -> None:
    assert DirectorySwap(root).resume() is None
    DirectorySwap(root).discard()
    assert present(root) == BEFORE


def test_a_staged_file_is_private_and_none_is_written_twice(root: Path) -> None:
    staged(root)
    assert (root / RESTORING / "new" / "notes" / "new.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        DirectorySwap(root).stage("notes/new.json", b"again")
