"""Log files are private, bounded, and end when they were said to."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from actors.diagnostics.logs.log_files import LogFiles, are_due, are_over
from schemas.operations.logs import LogRecord

DAY = 24 * 3600
NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z


def record(number: int, size: int = 10) -> LogRecord:
    return LogRecord(actor="store", at=float(number), level="info", logger="l", message="x" * size)


@pytest.mark.requirement("S0-15")
def test_records_are_written_as_lines_that_only_their_owner_can_read(tmp_path: Path) -> None:
    log = LogFiles(tmp_path / "logs")
    log.write([record(1)])
    log.write([record(2), record(3)])
    assert [msgspec.json.decode(line, type=LogRecord).at for line in log.path.read_bytes().splitlines()] == [
        1.0,
        2.0,
        3.0,
    ]
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


@pytest.mark.requirement("S0-15")
def test_a_full_file_becomes_a_former_one_and_the_oldest_leaves(tmp_path: Path) -> None:
    log = LogFiles(tmp_path, limit_bytes=1000, rotated_files=2)
    for number in range(12):
        log.write([record(number, size=400)])
    rotated = sorted(tmp_path.glob("undercroft.jsonl.*"))
    assert [path.name for path in rotated] == ["undercroft.jsonl.1", "undercroft.jsonl.2"]
    assert all(path.stat().st_size <= 1000 for path in [log.path, *rotated])
    newest = [msgspec.json.decode(line, type=LogRecord).at for line in log.path.read_bytes().splitlines()]
    assert newest[-1] == 11.0


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    log = LogFiles(tmp_path / "logs")
    (tmp_path / "logs").mkdir()
    log.path.symlink_to(tmp_path / "victim")
    log.write([record(1)])
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "logs" / "undercroft.jsonl.corrupt").is_symlink()


@pytest.mark.parametrize(
    ("enabled", "until", "now", "due"),
    [
        (False, "", NOON, False),
        (False, "2026-12-31", NOON, False),
        (True, "", NOON, True),
        (True, "2026-11-21", NOON, True),
        (True, "2026-11-20", NOON, False),
        (True, "2026-11-20", NOON - DAY, True),
        (True, "soon", NOON, False),
    ],
)
def test_files_are_off_unless_asked_for_and_off_again_after_their_end(
    enabled: bool, until: str, now: float, due: bool
) -> None:
    assert are_due(enabled, until, now) is due


@pytest.mark.requirement("S0-15")
def test_log_files_are_kept_out_of_source_control_and_a_note_that_is_there_stays(tmp_path: Path) -> None:
    LogFiles(tmp_path / "new").write([record(1)])
    assert "*" in (tmp_path / "new" / ".gitignore").read_text().splitlines()
    (tmp_path / ".gitignore").write_text("mine")
    LogFiles(tmp_path).write([record(1)])
    assert (tmp_path / ".gitignore").read_text() == "mine"


@pytest.mark.parametrize(
    ("enabled", "until", "over"),
    [
        (True, "", False),
        (True, "2026-11-21", False),
        (True, "2026-11-20", True),
        (False, "2026-11-20", False),
    ],
)
def test_log_files_are_over_only_if_they_were_asked_for_until_a_day_that_has_passed(
    enabled: bool, until: str, over: bool
) -> None:
    assert are_over(enabled, until, NOON) is over
