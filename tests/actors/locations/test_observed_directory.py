"""Looking at a directory changes nothing and never fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.locations.observed_directory import mount_of, nearest_directory, observe


def test_a_directory_is_seen_as_it_is(tmp_path: Path) -> None:
    found = observe(tmp_path)
    assert (found.kind, found.is_empty, found.nearest, found.may_write, found.is_reachable) == (
        "directory",
        True,
        tmp_path,
        True,
        True,
    )
    assert found.free_bytes is not None
    (tmp_path / "model").mkdir()
    assert not observe(tmp_path).is_empty


def test_of_a_missing_one_the_nearest_is_looked_at_and_nothing_is_created(tmp_path: Path) -> None:
    found = observe(tmp_path / "a" / "b")
    assert (found.kind, found.is_empty, found.nearest) == ("missing", True, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_and_a_link_that_leads_nowhere_are_no_directories(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert observe(tmp_path / "file").kind == "other"
    assert observe(tmp_path / "link").kind == "other"
    assert observe(tmp_path / "file" / "below").kind == "missing"


def test_a_link_is_seen_to_be_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert observe(tmp_path / "link").real == observe(tmp_path / "real").real


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_the_right_to_write_is_seen_as_such(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert not observe(tmp_path).may_write


def test_every_directory_is_on_a_mount_point(tmp_path: Path) -> None:
    assert os.path.ismount(mount_of(tmp_path))
    assert mount_of(tmp_path) in (tmp_path.resolve(), *tmp_path.resolve().parents)
    assert nearest_directory(Path(tmp_path.anchor)) == Path(tmp_path.anchor)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_who_else_may_write_is_seen(tmp_path: Path) -> None:
    assert observe(tmp_path).shared == ""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    assert "every user may write to it" in observe(tmp_path / "shared").shared
    assert str(tmp_path / "shared") in observe(tmp_path / "shared" / "below").shared
