"""A name below a root: no call on it reaches anything outside."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.shared.places import rooted_place
from actors.shared.places.root_directory import RootDirectory
from actors.shared.places.rooted_place import PlaceUnfit, RootedPlace, at, below

pytestmark = pytest.mark.skipif(os.name != "posix", reason="plants links, for which Windows wants a right")


@pytest.fixture(params=["by descriptor", "step by step"])
def root(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> RootedPlace:
    """A root, on a platform with calls relative to a descriptor and on one without."""
    if request.param == "step by step":
        monkeypatch.setattr(rooted_place, "BY_DESCRIPTOR", False)
    (tmp_path / "root" / "in").mkdir(parents=True)
    (tmp_path / "root" / "in" / "file").write_bytes(b"content")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"precious")
    return RootedPlace(RootDirectory(tmp_path / "root"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../outside", "in/../../outside", "/etc", "a\0b", "in//file"]
)
def test_a_name_that_leads_out_makes_no_place(root: RootedPlace, name: str) -> None:
    with pytest.raises(PlaceUnfit, match="names nothing below"):
        root / name


def test_places_are_made_of_places(root: RootedPlace) -> None:
    place = root / "in/file"
    assert (place.name, place.parent, str(place)) == ("file", root / "in", f"{root.path}/in/file")
    assert place.with_name("other") == root / "in" / "other"
    assert (root.name, root.parent) == ("root", root)
    assert below(root) is root
    assert sorted([place, root / "a"]) == [root / "a", place]


def test_what_lies_there_is_told(root: RootedPlace) -> None:
    (root.path / "link").symlink_to("in")
    (root.path / "broken").symlink_to("nothing")
    assert [place.name for place in root.iterdir()] == ["broken", "in", "link"]
    assert [is_directory for _, is_directory in root.entries()] == [False, True, False]
    assert (root / "in").is_dir()
    assert (root / "in" / "file").is_file()
    assert not (root / "link").is_dir()
    assert (root / "link").is_symlink()
    assert (root / "broken").is_there()
    assert not (root / "nothing").is_there()
    assert root.is_dir()


def test_a_file_is_written_cut_and_removed(root: RootedPlace) -> None:
    (root / "new").mkdir()
    place = root / "new" / "file"
    descriptor = place.open(os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(descriptor, b"abc")
    os.close(descriptor)
    os.close(place.open(os.O_WRONLY | os.O_TRUNC))
    assert place.lstat().st_size == 0
    place.unlink()
    place.unlink(missing_ok=True)
    (root / "new").rmdir()
    with pytest.raises(FileNotFoundError):
        place.unlink()


CALLS: list[Callable[[RootedPlace], object]] = [
    lambda place: place.open(os.O_RDONLY),
    lambda place: place.open(os.O_RDWR | os.O_CREAT | os.O_TRUNC),
    lambda place: place.lstat(),
    lambda place: place.unlink(),
    lambda place: place.mkdir(),
    lambda place: place.rmdir(),
    lambda place: place.parent.names(),
]


@pytest.mark.parametrize("call", CALLS)
def test_no_call_passes_a_link_in_the_way(root: RootedPlace, call: Callable[[RootedPlace], object]) -> None:
    (root.path / "link").symlink_to("../outside")
    with pytest.raises(OSError, match="a link lies there"):
        call(root / "link" / "file")
    assert (root.path.parent / "outside" / "file").read_bytes() == b"precious"


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_CREAT])
def test_a_link_itself_is_not_opened(root: RootedPlace, flags: int) -> None:
    (root.path / "link").symlink_to("../outside/file")
    with pytest.raises(OSError, match="a link lies there"):
        (root / "link").open(flags)
    assert (root.path.parent / "outside" / "file").read_bytes() == b"precious"


def test_a_file_that_has_another_name_is_read_but_not_written(root: RootedPlace) -> None:
    os.link(root.path.parent / "outside" / "file", root.path / "twin")
    os.close((root / "twin").open(os.O_RDONLY))
    with pytest.raises(OSError, match="another name elsewhere"):
        (root / "twin").open(os.O_WRONLY | os.O_TRUNC)
    assert (root.path.parent / "outside" / "file").read_bytes() == b"precious"


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_and_nobody_waits(root: RootedPlace) -> None:
    os.mkfifo(root.path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        (root / "pipe").open(os.O_RDONLY)


def test_removing_a_link_leaves_its_target(root: RootedPlace) -> None:
    (root.path / "link").symlink_to("../outside/file")
    (root / "link").unlink()
    assert (root.path.parent / "outside" / "file").read_bytes() == b"precious"


def test_a_path_of_our_own_is_named_as_it_is(tmp_path: Path) -> None:
    with at(tmp_path) as (name, directory):
        assert (name, directory) == (str(tmp_path), None)
