"""What this store knows of its file, and what it does about what others wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.config_store.files import config_document
from actors.config_store.files.config_file import ChangedOutside, ReadOnly, SettingsFile, signature_of


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    config_document.write(tmp_path / "config.json", {"a": 1}, {"note": "mine"})
    return SettingsFile(tmp_path / "config.json")


def test_our_own_write_is_nothing_from_outside(file: SettingsFile) -> None:
    file.save({"a": 2})
    assert not file.has_changed()
    assert file.look() is None
    assert json.loads(file.path.read_bytes()) == {"format": 1, "note": "mine", "overrides": {"a": 2}}


def test_the_same_content_written_by_somebody_else_is_no_change(file: SettingsFile) -> None:
    config_document.write(file.path, {"a": 1}, {"note": "mine"})
    assert file.has_changed()
    assert file.look() is None
    assert not file.has_changed()


def test_what_somebody_else_wrote_is_never_written_over_unseen(file: SettingsFile) -> None:
    config_document.write(file.path, {"a": 3}, {})
    with pytest.raises(ChangedOutside):
        file.save({"a": 2})
    found = file.look()
    assert found is not None
    assert found.document is not None
    assert found.document.overrides == {"a": 3}
    file.take(found.document)
    file.save({"a": 2})


@pytest.mark.requirement("S0-3", "S0-4")
def test_a_refused_edit_is_put_aside_before_it_is_written_over(file: SettingsFile) -> None:
    file.path.write_text("{half an ed")
    found = file.look()
    assert found is not None
    assert "expected JSON" in found.fault
    file.refuse()
    assert file.path.read_text() == "{half an ed"
    file.save({"a": 2})
    assert file.path.with_name("config.json.corrupt").read_text() == "{half an ed"
    assert json.loads(file.path.read_bytes())["overrides"] == {"a": 2}


def test_a_file_that_is_gone_is_told_once(file: SettingsFile) -> None:
    file.path.unlink()
    found = file.look()
    assert found is not None
    assert (found.document, found.fault) == (None, "")
    assert not file.has_changed()
    file.save({"a": 1})
    assert file.path.exists()


@pytest.mark.parametrize(
    "content", ['{"format": 2, "overrides": {}}', '{"format": 1, "settings_version": 4, "overrides": {}}']
)
def test_a_later_version_that_comes_from_outside_is_never_downgraded(
    file: SettingsFile, content: str
) -> None:
    file.path.write_text(content)
    found = file.look()
    assert found is not None
    assert found.document is not None
    file.take(found.document)
    assert "later version" in file.read_only
    with pytest.raises(ReadOnly):
        file.save({})
    assert file.path.read_text() == content


def test_what_is_not_there_has_no_signature(tmp_path: Path) -> None:
    assert signature_of(tmp_path / "none") is None
