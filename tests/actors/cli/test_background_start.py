"""A runtime in the background, as the command that started it sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.cli.background_start import BackgroundRuntime
from actors.cli.exit_codes import DeadlinePassed

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="waits on pipes")]


def _background(program: str, errors: Path) -> BackgroundRuntime:
    file = errors.open("w+b")
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file
    )
    assert process.stdout is not None

    def wait() -> int:
        process.communicate()
        return process.returncode

    return BackgroundRuntime(process.pid, process.stdout, file, wait)


def test_a_line_tells_that_it_has_settled(tmp_path: Path) -> None:
    background = _background("print('settled')", tmp_path / "errors")
    assert background.settled(30) == b"settled\n"
    assert background.failure() == (0, "")


def test_one_that_ends_before_says_why(tmp_path: Path) -> None:
    background = _background("raise SystemExit('the profile is wrong')", tmp_path / "errors")
    assert background.settled(30) == b""
    assert background.failure() == (1, "the profile is wrong\n")


def test_one_that_goes_on_unsettled_is_not_waited_for_longer_than_asked(tmp_path: Path) -> None:
    background = _background("input()", tmp_path / "errors")
    with pytest.raises(
        DeadlinePassed, match=f"process {background.pid} is up, but not every actor: not within 0 s"
    ):
        background.settled(0.0)
    assert background.failure()[0] == 1


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_profile_that_is_wrong_is_told_by_words_and_exit_code_of_the_command(
    absent: Any, method: str
) -> None:
    (absent.profile / "profile.toml").write_text("name = 7")
    for flags in ([], ["--json"]):
        ended = subprocess.run(
            absent.command("up", "--detach", "--spawn", method, *flags),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert ended.returncode == 4
        words = json.loads(ended.stdout)["error"] if flags else ended.stderr
        assert "profile.toml: name: expected text" in words


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_the_background_keeps_nothing_open_of_whoever_started_it(absent: Any) -> None:
    theirs, ours = os.pipe()
    try:
        subprocess.run(
            absent.command("up", "--detach"), pass_fds=[ours], capture_output=True, timeout=60, check=True
        )
        os.close(ours)
        assert os.read(theirs, 1) == b""  # the end is seen: nobody else has the other side
    finally:
        os.close(theirs)
        assert absent("down").code == 0
