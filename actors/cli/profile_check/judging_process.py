"""Judges a profile in a process of its own: code of the app may print, hang, exit or crash there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from actors.cli.profile_check.mistake import Mistake, ProfileMistaken, at
from actors.runtime.frozen_program import interpreter_command
from actors.shared.profile.profile import PROFILE_NAME
from bus.errors import UndercroftError

MODULE: Final = "actors.cli.profile_check.judging_process"
LIMIT_SECONDS: Final = 120.0
SECRET_VARIABLES: Final = ("UNDERCROFT_PEER_CREDENTIALS", "UNDERCROFT_CREDENTIAL")
"""Of the command that judges; nothing that code of the app has to see."""


class NotJudged(UndercroftError):
    """The process that judges a profile did not end with a verdict.

    Attributes:
        directory: of the profile.
        detail: how it ended.
    """

    directory: str
    detail: str
    words = "{directory}: the profile could not be judged: {detail}"


class ProfileJudgement:
    """A judgement that is under way, or done."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        """Begin to judge the profile in a directory.

        Raises:
            NotJudged: there is no memory, process or descriptor left for it.
        """
        self._directory = directory
        given = os.environ if environment is None else environment
        try:
            self._process = subprocess.Popen(
                interpreter_command(MODULE, str(directory)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={name: value for name, value in given.items() if name not in SECRET_VARIABLES},
            )
        except OSError as error:
            raise NotJudged(str(directory), f"no process for it: {error.strerror}") from error

    def close(self) -> None:
        """Stop judging, if it is still under way."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def mistakes(self, limit_seconds: float = LIMIT_SECONDS) -> list[Mistake]:
        """Wait for the verdict. Code of the app that does not come to its end counts as a mistake.

        Raises:
            NotJudged: it ended without a verdict.
        """
        try:
            output, errors = self._process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            problem = f"its Python was not imported within {limit_seconds:g} s"
            cure = "see that importing a module of the app neither waits nor computes"
            return [at(self._directory / PROFILE_NAME, "", problem, cure, blocks=False)]
        try:
            return msgspec.json.decode(output, type=list[Mistake])
        except msgspec.DecodeError:
            words = errors.decode("utf-8", "replace").strip().splitlines()
            detail = words[-1] if words else f"exit code {self._process.returncode}"
            raise NotJudged(str(self._directory), detail) from None

    def refuse_mistakes(self, limit_seconds: float = LIMIT_SECONDS) -> list[Mistake]:
        """Wait for the verdict; returns the mistakes with which a runtime can start nevertheless.

        Raises:
            ProfileMistaken: there are others.
        """
        try:
            found = self.mistakes(limit_seconds)
        except NotJudged as error:  # then the actors themselves say what is wrong
            print(f"undercroft: {error}", file=sys.stderr)
            return []
        if blocking := [mistake for mistake in found if mistake.blocks]:
            raise ProfileMistaken(blocking)
        return found


def main() -> None:
    """Judge the profile that the command line names; the verdict goes to what stdout was."""
    from actors.cli.profile_check.profile_examination import examine

    verdict = os.dup(1)
    os.dup2(2, 1)  # what code of the app prints is no verdict
    found = examine(Path(sys.argv[1]))
    with os.fdopen(verdict, "wb") as stream:
        stream.write(msgspec.json.encode(found))
    os._exit(0)  # code of the app may have left threads behind


if __name__ == "__main__":
    main()
