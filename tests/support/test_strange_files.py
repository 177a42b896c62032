"""The harness leaves what it says, and finds it again."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.support.strange_files import (
    DIRECTORY_MUTATIONS,
    FILE_MUTATIONS,
    MARK,
    VALUES,
    Mutation,
    copy_of,
    directories_below,
    files_below,
    strange_documents,
    strange_lines,
)


@pytest.mark.parametrize("mutation", FILE_MUTATIONS, ids=lambda one: one.name)
def test_what_replaces_a_file_is_found_under_another_name(mutation: Mutation, tmp_path: Path) -> None:
    path = tmp_path / "thing.json"
    path.write_bytes(b'{"format":1,"a":[1,2]}\n')
    trace = mutation.leave(path)
    assert os.path.lexists(path)
    os.rename(path, tmp_path / "aside")
    assert trace.is_kept(tmp_path)


@pytest.mark.parametrize("mutation", DIRECTORY_MUTATIONS, ids=lambda one: one.name)
def test_what_replaces_a_directory_is_none(mutation: Mutation, tmp_path: Path) -> None:
    path = tmp_path / "things"
    path.mkdir()
    (path / "a").write_text("1")
    trace = mutation.leave(path)
    assert not path.is_dir()
    assert trace.is_kept(tmp_path)


def test_what_is_gone_is_not_found(tmp_path: Path) -> None:
    for mutation in FILE_MUTATIONS:
        path = tmp_path / "thing.json"
        path.write_bytes(b"0123456789")
        trace = mutation.leave(path)
        if path.is_dir():
            (path / MARK).unlink()
            path.rmdir()
        else:
            path.unlink()
        assert not trace.is_kept(tmp_path), mutation.name


def test_a_fifo_blocks_who_opens_it_and_a_sparse_file_takes_no_space(tmp_path: Path) -> None:
    named = {mutation.name: mutation for mutation in FILE_MUTATIONS}
    named["a fifo"].leave(tmp_path / "a")
    assert stat.S_ISFIFO((tmp_path / "a").lstat().st_mode)
    named["huge and sparse"].leave(tmp_path / "b")
    assert (tmp_path / "b").stat().st_blocks < 100


@pytest.mark.skipif(not os.access("/dev", os.W_OK), reason="this user cannot replace a device")
def test_a_link_to_a_device_never_leads_to_one_of_the_machine(tmp_path: Path) -> None:
    for mutation in FILE_MUTATIONS:
        path = tmp_path / "a"
        mutation.leave(path)
        assert not os.path.realpath(path).startswith("/dev/"), mutation.name


def test_every_value_and_every_field_of_a_document_is_replaced() -> None:
    document = {"a": 1, "b": {"c": [1, {"d": "x"}]}}
    changed = dict(strange_documents(json.dumps(document).encode()))
    places = ["all", "a", "b", "b.c", "b.c.0", "b.c.1", "b.c.1.d"]
    for place in places:
        assert sum(name.startswith(f"{place}=") for name in changed) == len({text[:24] for text in VALUES})
    assert changed["a=NaN"] == b'{"a": NaN, "b": {"c": [1, {"d": "x"}]}}'
    assert changed["b.c is left out"] == b'{"a": 1, "b": {}}'
    assert changed["all fields twice"].count(b'"a": 1') == 2


def test_one_line_of_several_is_replaced() -> None:
    for _, content in strange_lines(b'{"a":1}\n{"b":2}\n', 1):
        assert content.startswith(b'{"a":1}\n')
        assert content.endswith(b"\n")


def test_a_copy_of_a_home_has_its_files_and_directories(tmp_path: Path) -> None:
    (tmp_path / "home" / "state").mkdir(parents=True)
    (tmp_path / "home" / "state" / "a").write_text("1")
    home = copy_of(tmp_path / "home", tmp_path / "copy")
    assert files_below(home) == [home / "state" / "a"]
    assert directories_below(home) == [home / "state"]
