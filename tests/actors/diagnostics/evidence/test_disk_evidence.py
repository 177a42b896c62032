"""Traces on disk show faults without any actor, and values are not taken along."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.diagnostics.evidence import disk_evidence
from actors.shared.locations.locations import Locations, locate
from bus.discovery import Runtime


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    found = locate("app", tmp_path)
    for category in ("config", "state", "models"):
        getattr(found, category).mkdir()
    return found


def runtime_file(path: Path, pid: int) -> Path:
    path.write_bytes(
        msgspec.json.encode(Runtime(app="a", pid=pid, started_at=1.0, lane="l", feed="f", token="the-token"))
    )
    path.chmod(0o600)
    return path


def test_the_runtime_file_is_alive_stale_unreadable_or_absent_and_its_token_stays(tmp_path: Path) -> None:
    path = tmp_path / "runtime.json"
    assert disk_evidence.runtime_file(path).state == "absent"
    assert disk_evidence.runtime_file(runtime_file(path, os.getpid())).state == "alive"
    stale = disk_evidence.runtime_file(runtime_file(path, 2**22 + 1))
    assert (stale.state, stale.pid) == ("stale", 2**22 + 1)
    assert "the-token" not in repr(stale)
    path.write_text("{")
    assert disk_evidence.runtime_file(path).state == "unreadable"


def test_a_corrupt_settings_file_is_told_without_its_values(locations: Locations) -> None:
    path = locations.config / "config.json"
    assert disk_evidence.config_file(locations.config) == disk_evidence.ConfigFileState(exists=False)
    path.write_text('{"overrides": {"a": 1}, "format": 1}')
    assert disk_evidence.config_file(locations.config) == disk_evidence.ConfigFileState(exists=True)
    path.write_text('{"overrides": {"a": "my-secret-value"')
    (locations.config / "config.json.corrupt").write_text("x")
    found = disk_evidence.config_file(locations.config)
    assert found.fault
    assert "my-secret-value" not in found.fault
    assert found.put_aside == ["config.json.corrupt"]
    path.write_text("[]")
    assert "overrides" in disk_evidence.config_file(locations.config).fault


@pytest.mark.requirement("S0-16")
def test_storage_is_counted_by_category_and_says_when_it_could_not_finish(locations: Locations) -> None:
    (locations.models / "small").mkdir()
    (locations.models / "small" / "model.bin").write_bytes(b"x" * 1000)
    found = {usage.category: usage for usage in disk_evidence.storage_use(locations)}
    models = found["models"]
    assert (models.files, models.size_bytes, models.is_complete, models.exists) == (1, 1000, True, True)
    assert models.free_bytes is not None
    assert found["logs"].exists is False
    ticks = itertools.count()
    assert not any(
        usage.is_complete for usage in disk_evidence.storage_use(locations, clock=lambda: float(next(ticks)))
    )


@pytest.mark.requirement("S0-16")
def test_damaged_files_journals_and_verified_models_are_found(locations: Locations) -> None:
    (locations.state / "a.json.corrupt").write_text("x")
    (locations.models / "small.partial").mkdir()
    (locations.models / "small.partial" / "journal.json").write_text("{}")
    (locations.state / "model_verifier").mkdir()
    record = {"sha256": "0", "size_bytes": 1, "mtime_ns": 1, "inode": 1, "device": 1, "verified_at": 5.0}
    (locations.state / "model_verifier" / "verified.json").write_text(
        json.dumps({"small": {"a": [record], "b": record}})
    )
    found = disk_evidence.integrity(locations)
    assert [Path(one.path).name for one in found.damaged] == ["a.json.corrupt"]
    assert [Path(one.path).name for one in found.journals] == ["journal.json"]
    assert found.verified == {"small": (2, 5.0)}


def test_the_newest_ten_crash_records_come_the_newest_first_and_strange_names_do_not(tmp_path: Path) -> None:
    assert disk_evidence.crash_records(tmp_path / "none") == []
    for number in range(12):
        (tmp_path / f"2026-{number:02d}-store.json").write_text(str(number))
    (tmp_path / "z strange; name.json").write_text("x")
    assert [found.text for found in disk_evidence.crash_records(tmp_path)] == [
        str(number) for number in range(11, 1, -1)
    ]


def test_log_files_are_there_only_if_somebody_asked_for_them(tmp_path: Path) -> None:
    assert disk_evidence.log_files(tmp_path) == []
    (tmp_path / "undercroft.jsonl").write_text('{"a": 1}\n')
    assert disk_evidence.log_files(tmp_path)[0].text == '{"a": 1}\n'


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=30), max_size=30),
    st.integers(1, 200),
)
def test_the_tail_of_a_file_begins_with_a_whole_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], limit_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("tail") / "f"
    text = "".join(f"{line}\n" for line in lines)
    path.write_bytes(text.encode())
    found = disk_evidence.tail(path, limit_bytes)
    assert text.endswith(found) or found == ""
    assert len(found.encode()) <= limit_bytes


def test_records_that_make_no_sense_verify_nothing(locations: Locations) -> None:
    (locations.state / "model_verifier").mkdir()
    (locations.state / "model_verifier" / "verified.json").write_text('{"small": [')
    assert disk_evidence.integrity(locations).verified == {}
