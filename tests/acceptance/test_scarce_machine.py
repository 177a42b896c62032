"""Where a shell leaves a runtime too little nothing starts, and `down` ends what runs all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.cli.exit_codes import ExitCode
from tests.support.profiles import bundled, write_profile
from tests.support.runtime_process import LIMIT_SECONDS, undercroft_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")


class Shell:
    """Runs commands on one home, each after something that the shell does first."""

    def __init__(self, home: Path, profile: Path) -> None:
        self.home = home
        self._profile = profile

    def run(self, first: str, *arguments: str, after: str = "") -> subprocess.CompletedProcess[str]:
        command = undercroft_command(self.home, *arguments, profile=self._profile)
        return subprocess.run(
            ["sh", "-c", f'{first}; "$@" {after}', "sh", *command],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * LIMIT_SECONDS,
            check=False,
        )

    def is_up(self) -> bool:
        return self.run(":", "status").returncode != ExitCode.NOT_RUNNING


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    profile = write_profile(tmp_path / "profile", bundled("history"), bundled("diagnostics"))
    found = Shell(tmp_path / "home", profile)
    yield found
    found.run(":", "down")


@pytest.mark.parametrize("limit", ["-n 12", "-n 40", "-v 60000", "-d 30000", "-f 8", "-s 128"])
def test_with_too_little_nothing_is_started_and_a_sentence_says_why(shell: Shell, limit: str) -> None:
    refused = shell.run(f"ulimit {limit}", "up", "--detach")
    assert refused.returncode == ExitCode.REFUSED, refused.stderr
    assert refused.stdout == ""
    assert refused.stderr.startswith("undercroft: nothing was started: the limit of ")
    assert f"(ulimit {limit.split()[0]}" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (shell.home / "state").exists()
    assert not shell.is_up()


def test_programs_are_told_in_json(shell: Shell) -> None:
    refused = shell.run("ulimit -n 12", "up", "--detach", "--json")
    assert refused.returncode == ExitCode.REFUSED
    told = json.loads(refused.stdout)
    assert (told["type"], told["exit_code"]) == ("LimitTooLow", 4)


def test_down_ends_a_runtime_with_hardly_a_descriptor_of_its_own(shell: Shell) -> None:
    assert shell.run("ulimit -Sn 12", "up", "--detach").returncode == 0, "the soft limit is ours to raise"
    told = shell.run("ulimit -n 12", "status")
    assert (told.returncode, told.stdout) == (ExitCode.REFUSED, "")
    assert "this process may not open the" in told.stderr
    ended = shell.run("ulimit -n 12", "down")
    assert (ended.returncode, ended.stdout[:16]) == (0, "stopped process "), ended.stderr
    assert not shell.is_up()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "after"),
    [
        ("umask 0", ""),
        ("umask 0777", ""),
        (":", "<&- >&- 2>&-"),
        ("mkdir gone-$$; cd gone-$$; rmdir ../gone-$$", ""),
        ("ulimit -s unlimited", ""),
    ],
    ids=["open mask", "closed mask", "closed streams", "directory gone", "stack without limit"],
)
def test_what_is_odd_but_enough_is_no_hindrance(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, after: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shell.run(first, "up", "--detach", after=after).returncode == 0
    open_ones = [path for path in (shell.home / "state").rglob("*") if path.stat().st_mode & 0o077]
    assert [path for path in open_ones if not path.is_socket()] == []
    assert shell.run(first, "down", after=after).returncode == 0
    assert not shell.is_up()
