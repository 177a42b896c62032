"""What this store knows of its file, and what it does about what others wrote."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from actors.config_store.files.config_content import SIZE_LIMIT_BYTES, ConfigContent, parse
from actors.config_store.files.config_file import (
    ChangedOutside,
    ConfigFile,
    ConfigReadOnly,
    ConfigUnreadable,
    FileEdited,
    FileMissing,
    FileUnchanged,
    FileUnusable,
    read_config,
    write_config,
)
from tests.support.strange_files import DIRECTORY_MUTATIONS, Mutation


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    write_config(tmp_path / "config.json", {"a": 1}, {"note": "mine"})
    return ConfigFile(tmp_path / "config.json")


def test_our_own_write_is_nothing_from_outside(file: ConfigFile) -> None:
    file.save({"a": 2})
    assert not file.has_changed()
    assert file.look() == FileUnchanged()
    assert json.loads(file.path.read_bytes()) == {"format": 1, "note": "mine", "overrides": {"a": 2}}


def test_the_same_content_written_by_somebody_else_is_no_change(file: ConfigFile) -> None:
    write_config(file.path, {"a": 1}, {"note": "mine"})
    assert file.has_changed()
    assert file.look() == FileUnchanged()
    assert not file.has_changed()


def test_what_somebody_else_wrote_is_never_written_over_unseen(file: ConfigFile) -> None:
    write_config(file.path, {"a": 3}, {})
    with pytest.raises(ChangedOutside):
        file.save({"a": 2})
    found = file.look()
    assert isinstance(found, FileEdited)
    assert found.content.overrides == {"a": 3}
    file.accept(found.content)
    file.save({"a": 2})


@pytest.mark.requirement("S0-3", "S0-4")
def test_a_refused_edit_is_put_aside_before_it_is_written_over(file: ConfigFile) -> None:
    file.path.write_text("{half an ed")
    found = file.look()
    assert isinstance(found, FileUnusable)
    assert found.fault.startswith(f"{file.path}: expected JSON")
    file.refuse()
    assert file.path.read_text() == "{half an ed"
    file.save({"a": 2})
    assert file.path.with_name("config.json.corrupt").read_text() == "{half an ed"
    assert json.loads(file.path.read_bytes())["overrides"] == {"a": 2}


def test_a_file_that_cannot_be_read_any_more_is_reported_with_its_name(file: ConfigFile) -> None:
    file.path.unlink()
    file.path.mkdir()
    found = file.look()
    assert isinstance(found, FileUnusable)
    assert found.fault.startswith(f"{file.path}: cannot be read")


def test_a_file_that_is_gone_is_told_once(file: ConfigFile) -> None:
    file.path.unlink()
    assert file.look() == FileMissing()
    assert not file.has_changed()
    file.save({"a": 1})
    assert file.path.exists()


def test_a_file_that_never_was_is_not_missing(tmp_path: Path) -> None:
    assert ConfigFile(tmp_path / "config.json").look() == FileUnchanged()


@pytest.mark.parametrize(
    "content", ['{"format": 2, "overrides": {}}', '{"format": 1, "settings_version": 4, "overrides": {}}']
)
def test_a_later_version_that_comes_from_outside_is_never_downgraded(file: ConfigFile, content: str) -> None:
    file.path.write_text(content)
    found = file.look()
    assert isinstance(found, FileEdited)
    file.accept(found.content)
    assert "later version" in file.read_only
    with pytest.raises(ConfigReadOnly):
        file.save({})
    assert file.path.read_text() == content


@pytest.mark.requirement("S0-1")
def test_no_file_means_no_overrides(tmp_path: Path) -> None:
    assert read_config(tmp_path / "config.json") == (ConfigContent({}, {}), None, "")


def test_what_was_written_is_read_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "config" / "config.json"
    write_config(path, {"vad.sensitivity": 0.5}, {"app": "dictation"})
    found, *_ = read_config(path)
    assert (found.overrides, found.others) == ({"vad.sensitivity": 0.5}, {"app": "dictation"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(path.parent) == ["config.json"]


@pytest.mark.requirement("S0-3", "S0-4")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected JSON"),
        (b'{"format": 1, "overr', "expected JSON"),
        (b"[]", "expected an object"),
        (b'{"format": 1}', "'overrides'"),
        (b'{"format": "1", "overrides": {}}', "'format'"),
        (b'{"format": true, "overrides": {}}', "'format'"),
        (b'{"format": 1, "overrides": {"a": 1, "a": 2}}', "twice"),
        (b'{"format": 1, "overrides": {"a": NaN}}', "NaN"),
        (b"\xff\xfe\x00", "expected UTF-8"),
        (b'{"a":' * 100_000, "deeper"),
        (b" " * (SIZE_LIMIT_BYTES + 1), "expected at most"),
    ],
)
def test_a_file_that_does_not_parse_is_put_aside_and_never_covers_an_earlier_one(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "config.json"
    for number in (1, 2):
        path.write_bytes(content)
        found, renamed_to, fault = read_config(path)
        assert found.overrides == {}
        assert words in fault
        assert renamed_to == tmp_path / ("config.json.corrupt" if number == 1 else "config.json.corrupt.2")
        assert renamed_to.read_bytes() == content
        assert not path.exists()


def test_a_file_that_may_not_be_read_is_left_alone_and_taken_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, count: int) -> bytes:
        raise OSError(errno.EIO, "input/output error")

    path = tmp_path / "config.json"
    write_config(path, {"a": 1}, {})
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", refuse)
        with pytest.raises(ConfigUnreadable, match="nothing was changed"):
            read_config(path)
        file = ConfigFile(path)
        assert (file.known.overrides, "input/output error" in file.read_only) == ({}, True)
        with pytest.raises((ConfigReadOnly, ChangedOutside)):
            file.save({"b": 2})
        assert file.look() == FileUnchanged(), "it was said once"
    found = file.look()
    assert isinstance(found, FileEdited)
    file.accept(found.content)
    assert (file.known.overrides, file.read_only) == ({"a": 1}, "")


@pytest.mark.parametrize("mutation", DIRECTORY_MUTATIONS[1:], ids=lambda one: one.name)
def test_what_is_no_file_is_put_aside_and_settings_are_written_in_its_place(
    mutation: Mutation, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    trace = mutation.leave(path)
    file = ConfigFile(path)
    assert bool(file.renamed_to) == (mutation.name != "a link to a name that is free")
    file.save({"a": 1})
    mutation.leave(path)
    if isinstance(file.look(), FileUnusable):
        file.refuse()
    file.save({"a": 2})
    assert parse(path.read_bytes()).overrides == {"a": 2}
    assert trace.is_kept(tmp_path)


def test_the_file_is_readable_by_people(tmp_path: Path) -> None:
    write_config(tmp_path / "config.json", {"b": "ä", "a": 1}, {})
    assert (tmp_path / "config.json").read_text(
        encoding="utf-8"
    ) == '{\n  "format": 1,\n  "overrides": {\n    "a": 1,\n    "b": "ä"\n  }\n}\n'
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
