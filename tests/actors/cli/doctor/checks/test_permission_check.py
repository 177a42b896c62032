"""What others could read is found, with a repair for each file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.cli.doctor.checks.permission_check import EntryFacts, check, look
from actors.cli.doctor.problems import ExaminedHome, SetMode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of files are a matter of POSIX")


def test_private_files_are_well(home: ExaminedHome, put: Callable[..., Path]) -> None:
    put(home.locations.state / "audit" / "audit-000001.jsonl", "")
    assert check(look(home)) == []


def test_files_and_directories_that_others_may_read_are_found_with_their_repairs(
    home: ExaminedHome, put: Callable[..., Path]
) -> None:
    path = put(home.locations.state / "store" / "documents" / "A.json", "{}")
    path.chmod(0o644)
    path.parent.chmod(0o755)
    (problem,) = check(look(home))
    assert (problem.severity, problem.found) == ("warning", "0644, 0755")
    assert set(problem.repairs) == {
        SetMode(path=str(path), mode=0o600),
        SetMode(path=str(path.parent), mode=0o700),
    }


def test_a_runtime_file_or_keys_that_others_may_read_are_an_error(
    home: ExaminedHome, put: Callable[..., Path]
) -> None:
    for path in (home.runtime_path, home.locations.state / "keys" / "keys.json"):
        put(path, "{}").chmod(0o640)
    (problem,) = check(look(home))
    assert (problem.severity, len(problem.repairs)) == ("error", 2)


def test_a_file_that_its_owner_may_not_read_is_found(home: ExaminedHome, put: Callable[..., Path]) -> None:
    put(home.locations.config / "config.json", "{}").chmod(0o000)
    (problem,) = check(look(home))
    assert problem.found == "0000"


def test_links_and_sockets_are_left_alone(home: ExaminedHome) -> None:
    (home.locations.state / "link").symlink_to("/etc/passwd")
    assert check(look(home)) == []


def test_files_of_another_user_are_an_error_that_only_a_person_can_mend() -> None:
    (problem,) = check([EntryFacts("/h/state/a", 0o600, is_directory=False, is_ours=False)])
    assert (problem.severity, problem.is_fixable) == ("error", False)
    assert "chown" in problem.advice
