"""Quarantine: bad files are put aside, never over an earlier one, never lost."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from actors.shared.durable.quarantine import claim_directory, claim_file, quarantine, quarantined
from actors.shared.places.shared_root import SharedRoot
from tests.support.strange_files import DIRECTORY_MUTATIONS, FILE_MUTATIONS, Mutation


@pytest.mark.requirement("S0-3", "S0-4")
def test_names_count_up_and_no_earlier_file_is_covered(tmp_path: Path) -> None:
    bad = tmp_path / "config.json"
    for number in range(1, 4):
        bad.write_text(str(number))
        quarantine(bad)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "config.json.corrupt": "1",
        "config.json.corrupt.2": "2",
        "config.json.corrupt.3": "3",
    }
    assert [path.read_text() for path in quarantined(bad)] == ["1", "2", "3"]


def test_file_that_is_gone_leaves_no_reserved_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        quarantine(tmp_path / "config.json")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("mutation", [*FILE_MUTATIONS, *DIRECTORY_MUTATIONS], ids=lambda one: one.name)
def test_whatever_lies_there_is_put_aside_as_it_is(mutation: Mutation, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / "thing.json").write_text("{}")
        trace = mutation.leave(tmp_path / "thing.json")
        aside = quarantine(tmp_path / "thing.json")
        assert not os.path.lexists(tmp_path / "thing.json")
        assert trace.is_kept(tmp_path)
        assert aside.name == ("thing.json.corrupt", "thing.json.corrupt.2")[number]


def test_a_name_that_leaves_no_room_for_the_suffix_is_cut(tmp_path: Path) -> None:
    bad = tmp_path / ("ä" * 127)
    for number in range(12):
        bad.write_text(str(number))
        quarantine(bad)
    assert [path.read_text() for path in quarantined(bad)] == [str(number) for number in range(12)]


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    """Sixteen threads quarantine sixteen different contents under one name's sequence."""
    sources = []
    for number in range(16):
        (tmp_path / str(number)).mkdir()
        source = tmp_path / str(number) / "bad"
        source.write_text(str(number))
        sources.append(source)
    gathered = tmp_path / "gathered"
    gathered.mkdir()

    def put_aside(source: Path) -> None:
        common = gathered / "bad"
        while True:
            try:
                os.link(source, common)
                break
            except FileExistsError:
                continue
        quarantine(common)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put_aside, sources))
    assert sorted(int(path.read_text()) for path in gathered.iterdir()) == list(range(16))


def test_look_alikes_are_not_listed(tmp_path: Path) -> None:
    for name in ("a.corrupt", "a.corrupt.2", "a.corrupt.x", "a.corrupted", "b.corrupt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in quarantined(tmp_path / "a")] == ["a.corrupt", "a.corrupt.2"]
    assert quarantined(tmp_path / "absent" / "a") == []


@pytest.mark.parametrize("mutation", DIRECTORY_MUTATIONS[1:], ids=lambda one: one.name)
def test_what_can_never_be_a_file_makes_room_for_one(mutation: Mutation, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    trace = mutation.leave(path)
    assert claim_file(path) == tmp_path / "config.json.corrupt"
    assert not os.path.lexists(path)
    assert trace.is_kept(tmp_path)


def test_a_file_keeps_its_place_and_a_link_to_one_where_people_keep_files_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to("free")
    assert [claim_file(tmp_path / name, follows_link=True) for name in "abcd"] == [None] * 4
    assert claim_file(tmp_path / "b") == tmp_path / "b.corrupt"


@pytest.mark.parametrize("mutation", DIRECTORY_MUTATIONS, ids=lambda one: one.name)
def test_what_has_the_name_of_a_directory_makes_room_for_it(mutation: Mutation, tmp_path: Path) -> None:
    path = tmp_path / "store"
    trace = mutation.leave(path)
    assert claim_directory(path) == tmp_path / "store.corrupt"
    assert path.is_dir()
    assert not path.is_symlink()
    assert trace.is_kept(tmp_path)
    assert claim_directory(path) is None


@pytest.mark.skipif(os.name != "posix", reason="plants links")
def test_a_link_to_a_directory_is_refused_unless_nobody_else_could_have_made_it(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    with pytest.raises(OSError, match="a link lies there"):
        claim_directory(tmp_path / "link")
    assert claim_directory(tmp_path / "link", follows_link=True) is None, "backups may lie on another disk"
    (tmp_path / "disk").chmod(0o777)
    with pytest.raises(SharedRoot, match="every user may write to it"):
        claim_directory(tmp_path / "link", follows_link=True)
