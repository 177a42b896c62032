"""What a system refuses to a command is told in a sentence, and everything else stays what it is."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.cli.exit_codes import ExitCode
from actors.cli.system_shortage import is_directory_gone, shortage_of

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, "x"), "open no more files"),
        (OSError(errno.ENFILE, "x"), "sudo sysctl fs.file-max"),
        (BlockingIOError(errno.EAGAIN, "x"), "ulimit -u"),
        (OSError(errno.ENOMEM, "x"), "ulimit -v"),
        (MemoryError(), "no more memory"),
    ],
)
def test_each_shortage_has_its_sentence(error: BaseException, words: str) -> None:
    found = shortage_of(error)
    assert found is not None
    assert words in str(found)


@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, "x"), FileNotFoundError("x"), ValueError(), OSError()]
)
def test_anything_else_is_none(error: BaseException) -> None:
    assert shortage_of(error) is None


def test_the_error_behind_an_error_counts() -> None:
    try:
        try:
            raise OSError(errno.EMFILE, "x")
        finally:
            raise AttributeError("cleaning up failed as well")
    except AttributeError as error:
        assert shortage_of(error) is not None


def run(directory: Path, prepare: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that did something before."""
    command = [sys.executable, "-P", "-m", "actors", *arguments]
    return subprocess.run(
        ["sh", "-c", f'{prepare}; exec "$@"', "sh", *command],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )


@POSIX
def test_a_directory_that_is_gone_matters_to_relative_paths_alone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    gone = "cd gone && rmdir ../gone"
    ran = run(tmp_path, gone, "--home", "relative", "status")
    assert (ran.returncode, ran.stdout) == (ExitCode.REFUSED, "")
    assert "the directory in which this command was started is gone" in ran.stderr
    (tmp_path / "gone").mkdir()
    assert run(tmp_path, gone, "--home", str(tmp_path), "status").returncode == ExitCode.NOT_RUNNING
    assert not is_directory_gone()


@POSIX
@pytest.mark.parametrize("mask", ["0", "0777", "0700"])
def test_whatever_the_mask_what_a_command_writes_is_its_users(tmp_path: Path, mask: str) -> None:
    ran = run(
        tmp_path, f"umask {mask}", "--home", str(tmp_path / "h"), "diagnostics", "--output", "report.zip"
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "report.zip").stat().st_mode & 0o777 == 0o600
