"""Who else may write along a path, seen on a real disk."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import pytest

from bus.path_trust import facts_of, foreign_writer
from bus.write_access import ForeignWriter

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
BOB = 4242


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "models"
    directory.mkdir(mode=0o700)
    return directory


def found(path: Path) -> ForeignWriter:
    writer = foreign_writer(path)
    assert writer is not None
    return writer


def test_a_private_directory_has_no_other_writer(root: Path) -> None:
    assert foreign_writer(root) is None


def test_a_directory_that_is_yet_to_be_made_is_judged_by_the_way_to_it(root: Path) -> None:
    assert foreign_writer(root / "new" / "one") is None
    root.chmod(0o777)
    assert found(root / "new" / "one").path == str(root)


def test_a_directory_that_everybody_may_write_to_is_found_at_the_end_and_on_the_way(root: Path) -> None:
    root.chmod(0o777)
    assert found(root).means == "others"
    (root / "inner").mkdir(mode=0o700)
    assert found(root / "inner").path == str(root)


def test_a_sticky_directory_may_lie_on_the_way_but_is_no_root(root: Path) -> None:
    root.chmod(0o1777)
    (root / "inner").mkdir(mode=0o700)
    assert foreign_writer(root / "inner") is None
    assert found(root).path == str(root)


def test_a_link_is_followed_and_what_it_leads_through_is_judged(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("models/../models")
    assert foreign_writer(link) is None
    root.chmod(0o777)
    assert found(link).path == str(root)


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="circle"):
        foreign_writer(tmp_path / "a")


def test_a_file_on_the_way_ends_the_look(root: Path) -> None:
    (root / "file").write_text("")
    assert foreign_writer(root / "file" / "below") is None


def test_nothing_is_seen_of_what_is_not_there(root: Path) -> None:
    assert facts_of(str(root / "nothing")) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_another_user_is_found_links_included(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    os.chown(link, BOB, BOB, follow_symlinks=False)
    assert found(link).path == str(link)
    os.chown(root, BOB, BOB)
    assert found(root).means == "owner"


@pytest.mark.skipif(sys.platform != "linux", reason="reads the access lists of Linux")
def test_an_access_list_is_read(root: Path) -> None:
    entries = [(1, 7, -1), (2, 7, BOB), (4, 0, -1), (16, 7, -1), (32, 0, -1)]
    content = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(root, "system.posix_acl_access", content)
    except OSError:
        pytest.skip("this file system has no access lists")
    assert found(root).means == "access_list"
