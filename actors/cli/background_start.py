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
from actors.runtime.frozen_program import interpreter_command

FIRST_FREE_FD: Final = 3


class BackgroundRuntime:
    """A runtime in the background, seen by the command that started it.

    Attributes:
        pid: of the runtime.
    """

    def __init__(self, pid: int, output: IO[bytes], errors: IO[bytes], wait: Callable[[], int]) -> None:
        """Watch a process that was started.

        Args:
            pid: of the process.
            output: its stdout, with one line once it has settled.
            errors: file with its stderr.
            wait: waits for its end and returns the exit code.
        """
        self.pid = pid
        self._output = output
        self._errors = errors
        self._wait = wait

    def settled(self, timeout_seconds: float) -> bytes:
        """Wait for the line that it writes once it has settled; empty if it ended before.

        Raises:
            DeadlinePassed: it runs on, but has not settled in time.
        """
        if os.name == "posix" and not select.select([self._output], [], [], timeout_seconds)[0]:
            raise DeadlinePassed(
                f"process {self.pid} is up, but not every actor", timeout_seconds, "see 'undercroft status'"
            )
        return self._output.readline()

    def failure(self) -> tuple[int, str]:
        """Exit code of a runtime that has ended, and what it wrote to stderr."""
        code = self._wait()
        with self._errors:
            self._errors.seek(0)
            return code, self._errors.read().decode("utf-8", "replace")


def fork_background() -> BackgroundRuntime | None:
    """Fork; the child goes on in the background with everything that is imported already.

    What it writes to stderr later is lost with it.

    Returns:
        The background for the command; None in the background itself.
    """
    output, written = os.pipe()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the runtime
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(written)
        return BackgroundRuntime(
            pid, os.fdopen(output, "rb"), errors, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        )
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for theirs, standard in ((null, 0), (written, 1), (errors.fileno(), 2)):
        os.dup2(theirs, standard)
    errors.close()
    os.closerange(FIRST_FREE_FD, os.sysconf("SC_OPEN_MAX"))  # also what the caller of the command had open
    return None


def spawn_background(target: Target, transport: str, spawn_method: str) -> BackgroundRuntime:
    """Start the same command in a fresh interpreter, in a session of its own where there are sessions."""
    command = interpreter_command("actors", "--app", target.app, "--profile", target.profile)
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
    return BackgroundRuntime(process.pid, process.stdout, errors, process.wait)
