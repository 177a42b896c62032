"""Repairs do what was previewed, look again first, and remove nothing while a runtime is up."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from actors.cli.doctor.problems import MakeDirectory, Problem, RemoveFile, SetMode
from actors.cli.doctor.repairs import carry_out, plan, preview


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_preview_changes_nothing(tmp_path: Path) -> None:
    (outcome,) = preview([MakeDirectory(path=str(tmp_path / "new"))])
    assert (outcome.is_done, outcome.what) == (False, f"create the directory {tmp_path / 'new'}")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes of files are a matter of POSIX")
def test_modes_are_set_and_directories_made_for_this_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o004)
    outcomes = carry_out(
        [MakeDirectory(path=str(tmp_path / "a" / "b")), SetMode(path=str(file), mode=0o600)], is_up=True
    )
    assert all(outcome.is_done for outcome in outcomes)
    assert (_mode(tmp_path / "a" / "b"), _mode(file)) == (0o700, 0o600)


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch(mode=0o644)
    target.chmod(0o644)
    (tmp_path / "link").symlink_to(target)
    for outcome in carry_out(
        [SetMode(path=str(tmp_path / "link"), mode=0o600), RemoveFile(path=str(tmp_path / "link"))],
        is_up=False,
    ):
        assert not outcome.is_done
        assert "neither" in outcome.why_not
    assert (_mode(target), (tmp_path / "link").is_symlink()) == (0o644, True)


@pytest.mark.skipif(sys.platform == "win32", reason="sockets in directories are a matter of POSIX")
def test_files_and_sockets_are_removed_but_not_while_a_runtime_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("socket")
    repairs = [RemoveFile(path=str(tmp_path / name)) for name in ("file", "socket")]
    assert [outcome.is_done for outcome in carry_out(repairs, is_up=True)] == [False, False]
    assert [outcome.is_done for outcome in carry_out(repairs, is_up=False)] == [True, True]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_done_is_told_and_the_rest_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    first, second = carry_out(
        [RemoveFile(path=str(tmp_path / "gone")), RemoveFile(path=str(tmp_path / "file"))], is_up=False
    )
    assert (first.is_done, second.is_done) == (False, True)
    assert first.why_not


def test_a_plan_has_each_repair_once_directories_first_and_removals_last() -> None:
    remove, mode, make = RemoveFile(path="/a"), SetMode(path="/b", mode=0o600), MakeDirectory(path="/c")
    problems = [
        Problem(check="c", severity="info", what="w", repairs=repairs)
        for repairs in ((remove, mode), (mode, make))
    ]
    assert plan(problems) == [make, mode, remove]
