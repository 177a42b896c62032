"""Room is told for what is there, for what would be created, and never invented."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from actors.shared.disk_space import DiskSpace, disk_space, free_bytes, nearest_disk_space


def test_the_numbers_are_those_of_the_disk(tmp_path: Path) -> None:
    found = disk_space(tmp_path)
    assert found.total_bytes == shutil.disk_usage(tmp_path).total
    assert 0 < found.free_bytes <= found.total_bytes


def test_of_what_is_not_there_only_the_nearest_parent_tells(tmp_path: Path) -> None:
    absent = tmp_path / "not" / "yet"
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError):
        disk_space(absent)
    for path in (absent, tmp_path / "file" / "below"):
        found = nearest_disk_space(path)
        assert found is not None
        assert found.total_bytes == disk_space(tmp_path).total_bytes
        assert free_bytes(path)


def test_a_disk_that_does_not_answer_has_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> DiskSpace:
        raise OSError(5, "input/output error", str(path))

    monkeypatch.setattr(shutil, "disk_usage", fail)
    assert nearest_disk_space(tmp_path) is None
    assert free_bytes(tmp_path) is None
