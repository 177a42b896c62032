"""Starts a runtime that outlives the command, and waits until it has settled."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import IO, Final

from actors.cli.exit_codes import DeadlinePassed
from actors.cli.options import Target

FIRST_FREE_FD: Final = 3


class Background:
    """The runtime as the command that started it has it: what it tells, what it complains about, and its end.

    Attributes:
        pid: of the runtime.
    """

    def __init__(self, pid: int, told: IO[bytes], errors: IO[bytes], wait: Callable[[], int]) -> None:
        self.pid = pid
        self._told = told
        self._errors = errors
        self._wait = wait

    def settled(self, timeout_seconds: float) -> bytes:
        """The line that it writes once it has settled; empty if it ended before.

        Raises:
            DeadlinePassed: it goes on, but has not settled.
        """
        if os.name == "posix" and not select.select([self._told], [], [], timeout_seconds)[0]:
            raise DeadlinePassed(
                f"process {self.pid} is up, but not every actor", timeout_seconds, "see 'undercroft status'"
            )
        return self._told.readline()

    def complaint(self) -> tuple[int, str]:
        """Exit code of a runtime that ended, and what it wrote to stderr."""
        code = self._wait()
        with self._errors:
            self._errors.seek(0)
            return code, self._errors.read().decode("utf-8", "replace")


def fork_background() -> Background | None:
    """Go on in the background as well: returns None there. What is imported by now need not be imported again.

    What the background writes to stderr once nobody waits any more is seen by nobody, and gone with it.
    """
    told, tell = os.pipe()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the runtime
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(tell)
        return Background(
            pid, os.fdopen(told, "rb"), errors, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        )
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for theirs, standard in ((null, 0), (tell, 1), (errors.fileno(), 2)):
        os.dup2(theirs, standard)
    errors.close()
    os.closerange(FIRST_FREE_FD, os.sysconf("SC_OPEN_MAX"))  # also what whoever called the command had open
    return None


def spawn_background(target: Target, transport: str, spawn_method: str) -> Background:
    """Start the same command in a fresh interpreter, as a session of its own where there are sessions."""
    command = [sys.executable, "-P", "-m", "actors", "--app", target.app, "--profile", target.profile]
    command += ["--home", target.home] if target.home else []
    command += ["up", "--settled-to-stdout", "--transport", transport, "--spawn", spawn_method]
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the runtime
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=os.name == "posix",
    )
    assert process.stdout is not None
    return Background(process.pid, process.stdout, errors, process.wait)
