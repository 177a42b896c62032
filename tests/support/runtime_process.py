"""A real runtime in a process of its own, for tests that kill parts of it and look at it from outside."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from actors.cli.demo.tour_processes import descendants, is_running

LIMIT_SECONDS = 30.0
LOOK_SECONDS = 0.005


def undercroft_command(home: Path, *arguments: str, profile: Path | None = None) -> list[str]:
    """The command line of `undercroft` on a home, in a fresh interpreter."""
    command = [sys.executable, "-P", "-m", "actors", "--home", str(home)]
    return [*command, *(["--profile", str(profile)] if profile else []), *arguments]


class RuntimeProcess:
    """One life of `undercroft up` on a home.

    Attributes:
        seen: every process that was ever found below it.
    """

    def __init__(
        self, home: Path, profile: Path, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self._errors = (home / "stderr.log").open("ab")
        command = undercroft_command(home, "up", "--settled-to-stdout", *arguments, profile=profile)
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self.pid = self.process.pid
        self.seen: set[int] = {self.pid}

    def wait_settled(self) -> dict[str, Any]:
        """Wait until every actor is ready or has failed; what the supervisor says then."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        assert line, f"not settled: {(self.home / 'stderr.log').read_text()}"
        found: dict[str, Any] = msgspec.json.decode(line)
        self.look()
        return found

    def look(self) -> set[int]:
        """Every process below it now."""
        found = descendants(self.pid)
        self.seen |= found
        return found

    def pid_of(self, comm: str) -> int | None:
        """The running process with this name in the kernel; None if there is none."""
        for pid in self.look():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == comm and is_running(pid):
                    return pid
        return None

    def kill(self) -> None:
        """Kill the supervisor, as the kernel does when memory runs out."""
        self.look()
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Stop it with TERM; its exit code."""
        self.look()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_SECONDS)

    def clean_up(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process.poll() is None:
            self.look()
            self.process.kill()
        self.process.communicate()
        self._errors.close()
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def alive(self) -> set[int]:
        """Those of the processes seen that still run."""
        return {pid for pid in self.seen if is_running(pid)}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `undercroft` command on the same home."""
        command = undercroft_command(self.home, *arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)


def described(pids: set[int]) -> list[str]:
    """Processes in words, for a failed assertion."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
            comm = Path(f"/proc/{pid}/comm").read_text().strip()
            found.append(f"{pid} {comm} {parent} {Path(f'/proc/{pid}/cmdline').read_bytes()!r}")
    return found


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether a condition becomes true in time; for what nobody reports, such as the end of a grandchild."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True
