"""A root that is opened once, and walked below without following links."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from actors.shared.places.root_directory import BY_DESCRIPTOR, RootDirectory, is_link, link_in_the_way

by_descriptor = pytest.mark.skipif(not BY_DESCRIPTOR, reason="needs names relative to a descriptor")


@pytest.fixture
def root(tmp_path: Path) -> RootDirectory:
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    (tmp_path / "outside" / "b").mkdir(parents=True)
    return RootDirectory(tmp_path / "root")


@by_descriptor
def test_a_directory_below_is_opened_step_by_step(root: RootDirectory) -> None:
    with root.opened(["a", "b"]) as descriptor:
        assert os.path.samestat(os.fstat(descriptor), os.stat(root.path / "a" / "b"))


@by_descriptor
@pytest.mark.parametrize("target", ["../outside", "b"])
def test_a_link_on_the_way_is_refused_wherever_it_leads(root: RootDirectory, target: str) -> None:
    (root.path / "a" / "link").symlink_to(target)
    for parts in (["a", "link"], ["a", "link", "b"]):
        with pytest.raises(OSError, match="a link lies there") as refused, root.opened(parts):
            pass
        assert refused.value.errno == errno.ELOOP
        assert refused.value.filename == str(root.path / "a" / "link")


@by_descriptor
def test_a_file_on_the_way_and_nothing_are_told_apart(root: RootDirectory) -> None:
    (root.path / "file").touch()
    with pytest.raises(NotADirectoryError), root.opened(["file", "b"]):
        pass
    with pytest.raises(FileNotFoundError), root.opened(["nothing"]):
        pass


@by_descriptor
def test_a_held_root_is_the_directory_that_was_opened_whatever_has_its_path(root: RootDirectory) -> None:
    root.hold()
    root.path.rename(root.path.with_name("moved"))
    root.path.symlink_to("outside")
    with root.opened(["a", "b"]):
        pass
    root.release()
    with pytest.raises(FileNotFoundError), root.opened(["a"]):
        pass


@by_descriptor
def test_no_descriptor_is_left_open(root: RootDirectory) -> None:
    def count() -> int:
        return len(os.listdir("/dev/fd"))

    before = count()
    for _ in range(3):
        root.hold()
        with root.opened(["a", "b"]):
            pass
        with pytest.raises(OSError, match="No such"), root.opened(["a", "nothing"]):
            pass
    root.release()
    root.release()
    assert count() == before


def test_a_path_is_checked_step_by_step_where_there_are_no_descriptors(root: RootDirectory) -> None:
    assert root.checked(["a", "b"]) == root.path / "a" / "b"
    try:
        (root.path / "link").symlink_to("a", target_is_directory=True)
    except OSError:
        pytest.skip("this user may make no links")
    with pytest.raises(OSError, match="a link lies there"):
        root.checked(["link", "b"])


def test_the_error_of_a_link_names_it(tmp_path: Path) -> None:
    assert str(tmp_path) in str(link_in_the_way(tmp_path))
    assert not is_link(os.lstat(tmp_path))
