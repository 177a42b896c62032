"""A cut, a forged head and a file that cannot be read show when the log is verified."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.shared.audit.audit_chain import ChainLink
from actors.shared.audit.audit_check import check_log
from tests.support.audit_lab import SECRET, entries, opened, text, troubles


def test_a_check_says_where_a_whole_log_begins_and_ends(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(entries(3))
    log.close()
    check = check_log(tmp_path / "audit", tmp_path / "elsewhere" / "audit.head.json", SECRET)
    assert (check.findings, check.first, check.last.number) == ([], ChainLink(), 3)
    assert check.end == text(tmp_path).stat().st_size


def test_where_no_log_is_nothing_is_wrong(tmp_path: Path) -> None:
    check = check_log(tmp_path / "audit", tmp_path / "audit.head.json", SECRET)
    assert (check.findings, check.first, check.last, check.end) == ([], ChainLink(), ChainLink(), None)


@pytest.mark.parametrize("kept", range(5))
def test_truncation_behind_a_checkpoint_shows(tmp_path: Path, kept: int) -> None:
    log = opened(tmp_path)
    log.append(entries(5))
    log.close()
    lines = text(tmp_path).read_bytes().splitlines(keepends=True)
    text(tmp_path).write_bytes(b"".join(lines[:kept]))
    assert troubles(tmp_path) == ["truncated"]
    text(tmp_path).unlink()
    assert troubles(tmp_path) == ["truncated"]


def test_head_that_is_taken_away_or_forged_shows(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(entries(5))
    log.close()
    head = tmp_path / "elsewhere" / "audit.head.json"
    content = head.read_bytes()
    head.unlink()
    assert troubles(tmp_path) == ["head_missing"]
    head.write_bytes(content.replace(b'"number": 5', b'"number": 3'))
    assert troubles(tmp_path) == ["head_changed"]
    head.write_bytes(b"{")
    assert troubles(tmp_path) == ["head_changed"]
    head.write_bytes(content)
    assert troubles(tmp_path, b"another secret") == ["head_changed"]


@pytest.mark.skipif(os.name != "posix", reason="directories in place of files")
def test_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(entries(1))
    log.close()
    text(tmp_path).unlink()
    text(tmp_path).mkdir()
    assert troubles(tmp_path) == ["unreadable", "truncated"]
