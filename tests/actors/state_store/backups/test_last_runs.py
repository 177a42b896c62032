"""What is remembered from one start to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.state_store.backups.last_runs import (
    UPKEEP_NAME,
    LastRuns,
    is_migrated,
    read_last_runs,
    write_last_runs,
)


def test_what_was_remembered_is_read_back(tmp_path: Path) -> None:
    assert read_last_runs(tmp_path) == LastRuns()
    write_last_runs(tmp_path, LastRuns(versions={"Note": 2}, checked_at=12.5))
    assert read_last_runs(tmp_path) == LastRuns(versions={"Note": 2}, checked_at=12.5)


@pytest.mark.parametrize("content", [b"", b"{", b'{"versions": 3}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / UPKEEP_NAME).write_bytes(content)
    assert read_last_runs(tmp_path) == LastRuns()


def test_a_later_version_of_a_schema_is_a_migration_and_an_earlier_one_is_none() -> None:
    before = LastRuns(versions={"Note": 2})
    assert is_migrated(before, {"Note": 3})
    assert is_migrated(before, {"Note": 2, "Other": 2})
    assert not is_migrated(before, {"Note": 2, "Other": 1})
    assert not is_migrated(before, {"Note": 1})
