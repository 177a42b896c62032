"""Disks that are full, nearly full, read-only, or cannot be looked at."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from actors.cli.doctor.checks.system.disk_check import (
    FULL_BYTES,
    NEARLY_FULL_BYTES,
    DiskFacts,
    check,
    look,
    nearest_directory,
)
from actors.cli.doctor.problems import ExaminedHome

ROOMY = DiskFacts(("config", "state"), "/h", free_bytes=NEARLY_FULL_BYTES, free_files=10**6)


def test_each_disk_is_looked_at_once_even_for_directories_that_are_not_there(home: ExaminedHome) -> None:
    home.locations.tools.rmdir()
    (found,) = look(home)
    assert set(found.categories) == {"config", "state", "logs", "models", "tools", "workspace"}
    assert found.free_bytes > 0
    assert nearest_directory(home.locations.tools / "a" / "b") == home.locations.tools.parent


@pytest.mark.parametrize(
    ("facts", "severity", "words"),
    [
        (replace(ROOMY, free_bytes=NEARLY_FULL_BYTES - 1), "warning", "is nearly full"),
        (replace(ROOMY, free_bytes=FULL_BYTES - 1), "error", "is full"),
        (replace(ROOMY, is_read_only=True), "error", "read-only"),
        (replace(ROOMY, free_files=3), "warning", "hardly any more files"),
        (replace(ROOMY, fault="Input/output error"), "error", "Input/output error"),
    ],
)
def test_what_a_disk_lacks_is_told_with_what_lies_on_it(facts: DiskFacts, severity: str, words: str) -> None:
    (problem,) = check([facts])
    assert problem.severity == severity
    assert words in problem.what
    assert "config, state" in problem.what


def test_a_disk_with_room_is_well() -> None:
    assert check([ROOMY, replace(ROOMY, free_files=None)]) == []


def test_a_real_read_only_disk_is_seen(home: ExaminedHome) -> None:
    if (
        not Path("/sys").is_dir()
        or not hasattr(os, "statvfs")
        or not os.statvfs("/sys").f_flag & os.ST_RDONLY
    ):
        pytest.skip("nothing is mounted read-only here")
    (problem, *_) = check(look(replace(home, locations=replace(home.locations, config=Path("/sys")))))
    assert "read-only" in problem.what
