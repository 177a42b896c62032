"""The watcher returns what people did to the files, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from actors.config_store.files.admin_policy import AdminPolicy
from actors.config_store.files.config_file import (
    ConfigFile,
    FileEdited,
    FileMissing,
    FileUnchanged,
    FileUnusable,
    write_config,
)
from actors.config_store.files.file_watcher import FileWatcher, PolicyEdited, PolicyUnusable
from actors.config_store.schema.pydantic_schema import PydanticSchema


class Settings(BaseModel):
    theme: str = "system"


SCHEMA = PydanticSchema(Settings)


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    write_config(tmp_path / "home" / "config.json", {"theme": "dark"}, {})
    return ConfigFile(tmp_path / "home" / "config.json")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy.json"


@pytest.fixture
def watcher(file: ConfigFile, policy: Path) -> FileWatcher:
    return FileWatcher(file, policy, SCHEMA, missing_seconds=1.0)


def test_where_nothing_happened_nothing_is_seen(watcher: FileWatcher, file: ConfigFile) -> None:
    assert watcher.look(0.0) == []
    file.save({"theme": "light"})
    assert watcher.look(1.0) == []


def test_an_edit_is_seen_once_and_left_to_the_caller(watcher: FileWatcher, file: ConfigFile) -> None:
    write_config(file.path, {"theme": "light"}, {})
    (found,) = watcher.look(0.0)
    assert isinstance(found, FileEdited)
    assert found.content.overrides == {"theme": "light"}
    assert file.known.overrides == {"theme": "dark"}
    assert watcher.look(1.0) == []


def test_an_edit_that_cannot_be_used_is_seen_with_its_fault(watcher: FileWatcher, file: ConfigFile) -> None:
    file.path.write_text("{")
    (found,) = watcher.look(0.0)
    assert isinstance(found, FileUnusable)
    assert str(file.path) in found.fault


def test_an_edit_that_is_taken_back_is_no_change(watcher: FileWatcher, file: ConfigFile) -> None:
    file.path.write_text("{")
    watcher.look(0.0)
    write_config(file.path, {"theme": "dark"}, {})
    assert watcher.look(1.0) == [FileUnchanged()]


def test_a_missing_file_is_seen_once_it_is_missing_for_long(watcher: FileWatcher, file: ConfigFile) -> None:
    file.path.unlink()
    assert [watcher.look(now) for now in (10.0, 10.5, 11.0, 12.0)] == [[], [], [FileMissing()], []]


def test_a_file_that_an_editor_replaces_is_not_missing(watcher: FileWatcher, file: ConfigFile) -> None:
    file.path.unlink()
    assert watcher.look(10.0) == []
    write_config(file.path, {"theme": "light"}, {})
    assert [type(found) for found in watcher.look(11.5)] == [FileEdited]


def test_a_directory_that_is_gone_is_left_gone(watcher: FileWatcher, file: ConfigFile) -> None:
    file.path.unlink()
    file.path.parent.rmdir()
    assert [watcher.look(now) for now in (10.0, 12.0, 14.0)] == [[], [], []]


def test_a_policy_that_comes_changes_and_goes_is_seen_each_time(watcher: FileWatcher, policy: Path) -> None:
    def write(text: str) -> None:
        policy.write_text(text)
        policy.chmod(0o600)

    write('{"format": 1, "values": {"theme": "dark"}}')
    assert watcher.look(0.0) == [PolicyEdited(AdminPolicy(str(policy), {"theme": "dark"}))]
    assert watcher.look(1.0) == []
    write("{")
    (found,) = watcher.look(2.0)
    assert isinstance(found, PolicyUnusable)
    assert str(policy) in found.fault
    policy.unlink()
    assert watcher.look(3.0) == [PolicyEdited(AdminPolicy(str(policy)))]


def test_without_a_place_for_a_policy_none_is_looked_for(file: ConfigFile) -> None:
    assert FileWatcher(file, None, SCHEMA).look(0.0) == []
