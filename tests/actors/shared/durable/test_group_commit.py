"""Several files at once: each whole or not at all, and one directory sync for all of them."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from actors.shared.durable.durable_write import Disk, replace_file
from actors.shared.durable.group_commit import replace_files


class Recorder(Disk):
    """A real disk that counts syncs of directories, and fails for one name."""

    def __init__(self, step: str = "", name: str = "") -> None:
        self.directories: list[Path] = []
        self.step = step
        self.name = name
        self.names: dict[int, str] = {}

    def _fail(self, step: str, name: str) -> None:
        if (step, name) == (self.step, self.name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def create(self, path: Path) -> int:
        self._fail("create", path.stem)
        descriptor = super().create(path)
        self.names[descriptor] = path.stem
        return descriptor

    def write(self, descriptor: int, content: memoryview) -> int:
        self._fail("write", self.names[descriptor])
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self._fail("sync", self.names[descriptor])
        super().sync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        self._fail("rename", target.name)
        super().rename(source, target)

    def sync_directory(self, path: Path) -> None:
        self.directories.append(path)
        self._fail("sync_directory", path.name)
        super().sync_directory(path)


def test_all_are_replaced_and_each_directory_is_synced_once(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    files = [
        (tmp_path / directory / str(number), b"new" * number) for directory in "ab" for number in range(20)
    ]
    disk = Recorder()
    with ThreadPoolExecutor(4) as executor:
        assert replace_files(files, executor, disk) == {}
    assert sorted(disk.directories) == [tmp_path / "a", tmp_path / "b"]
    assert all(path.read_bytes() == content for path, content in files)
    assert len(os.listdir(tmp_path / "a")) == 20


@pytest.mark.requirement("S3-12")
@pytest.mark.parametrize("step", ["create", "write", "sync", "rename"])
def test_one_that_fails_is_named_and_keeps_its_old_content_while_the_others_are_replaced(
    tmp_path: Path, step: str
) -> None:
    for name in "abc":
        replace_file(tmp_path / name, b"old")
    failures = replace_files([(tmp_path / name, b"new") for name in "abc"], disk=Recorder(step, "b"))
    assert list(failures) == [tmp_path / "b"]
    assert (failures[tmp_path / "b"].step, failures[tmp_path / "b"].replaced) == (step, False)
    assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"new", b"old", b"new"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_directory_that_cannot_be_synced_fails_all_files_in_it_and_no_other(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    files = [(tmp_path / "a" / "1", b""), (tmp_path / "a" / "2", b""), (tmp_path / "b" / "3", b"")]
    failures = replace_files(files, disk=Recorder("sync_directory", "a"))
    assert set(failures) == {tmp_path / "a" / "1", tmp_path / "a" / "2"}
    assert all(error.replaced and str(path) in str(error) for path, error in failures.items())


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_file_that_is_named_twice_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(ValueError, match="twice"):
        replace_files([(tmp_path / "a", b"1"), (tmp_path / "link", b"2")])
    assert os.listdir(tmp_path) == ["link"]


def test_nothing_to_do_is_done(tmp_path: Path) -> None:
    assert replace_files([]) == {}


def test_groups_that_share_files_wait_for_one_another_and_never_mix_their_temp_files(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(6)]

    def write(number: int) -> None:
        order = paths if number % 2 else paths[::-1]
        assert replace_files([(path, b"%04d" % number * 500) for path in order]) == {}

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(write, range(24)))
    assert all(path.read_bytes() == path.read_bytes()[:4] * 500 for path in paths)
    assert len(os.listdir(tmp_path)) == 6
