"""Temporary files of killed processes: old ones can go, others may be in use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from actors.cli.doctor.checks.leftover_check import SETTLED_SECONDS, check, look
from actors.cli.doctor.problems import ExaminedHome, RemoveFile


def test_only_old_temp_files_are_told_and_only_while_no_runtime_is_up(
    home: ExaminedHome, change: Callable[..., ExaminedHome], put: Callable[..., Path]
) -> None:
    old = put(home.locations.config / "config.json.tmp", "x" * 10)
    young = put(home.locations.state / "store" / "a.json.1.tmp", "x")
    os.utime(old, (0, home.now - SETTLED_SECONDS))
    os.utime(young, (0, home.now - SETTLED_SECONDS + 60))
    (problem,) = check(look(home))
    assert (problem.severity, problem.found) == ("info", "10 B")
    assert problem.repairs == (RemoveFile(path=str(old)),)
    assert check(look(change(is_up=True))) == []


def test_links_and_directories_of_such_a_name_stay(home: ExaminedHome) -> None:
    (home.locations.state / "link.tmp").symlink_to("/etc/passwd")
    (home.locations.state / "directory.tmp").mkdir()
    assert look(home).files == ()
