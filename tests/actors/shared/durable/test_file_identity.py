"""A file's identity stays while nobody touches it, and changes with every way to give it other content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.shared.durable.durable_write import replace_file
from actors.shared.durable.file_identity import FileIdentity


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_bytes(b"one")
    return path


def test_two_looks_at_an_untouched_file_are_equal(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        looks = {
            FileIdentity.of(file),
            FileIdentity.of(str(file)),
            FileIdentity.of(descriptor),
            FileIdentity.of(os.stat(file)),
            FileIdentity.seen_at(file),
        }
    finally:
        os.close(descriptor)
    assert len(looks) == 1


def test_its_fields_are_those_of_the_file(file: Path) -> None:
    found = os.stat(file)
    identity = FileIdentity.of(file)
    assert identity == FileIdentity(
        device=found.st_dev, inode=found.st_ino, mtime_ns=found.st_mtime_ns, size_bytes=3
    )


def test_other_content_of_the_same_length_is_told_by_time(file: Path) -> None:
    before = FileIdentity.of(file)
    file.write_bytes(b"two")
    os.utime(file, ns=(0, before.mtime_ns + 1))
    assert FileIdentity.of(file) != before


def test_another_length_is_told_even_if_the_time_was_set_back(file: Path) -> None:
    before = FileIdentity.of(file)
    file.write_bytes(b"longer")
    os.utime(file, ns=(before.mtime_ns, before.mtime_ns))
    assert FileIdentity.of(file) != before


def test_a_replaced_file_is_told_by_its_inode(file: Path) -> None:
    before = FileIdentity.of(file)
    kept = os.open(file, os.O_RDONLY)  # so that the inode is not given to the new file
    replace_file(file, b"one")
    os.utime(file, ns=(before.mtime_ns, before.mtime_ns))
    assert FileIdentity.of(file).inode != before.inode
    os.close(kept)


def test_a_link_is_followed_unless_the_link_itself_is_meant(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    assert FileIdentity.of(link) == FileIdentity.of(file)
    assert FileIdentity.of(link, follow_links=False) != FileIdentity.of(file)
    assert FileIdentity.seen_at(link, follow_links=False) == FileIdentity.of(os.lstat(link))


def test_where_nothing_is_nothing_is_seen(tmp_path: Path) -> None:
    assert FileIdentity.seen_at(tmp_path / "absent") is None
    with pytest.raises(FileNotFoundError):
        FileIdentity.of(tmp_path / "absent")
