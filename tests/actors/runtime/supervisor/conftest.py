"""A real runtime on a home of its own, seen through the output of `undercroft up --json`."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.profiles import write_profile
from tests.support.runtime_process import undercroft_command

LIMIT_SECONDS = 20.0

PROBE_ACTOR = '''
"""Actors that behave as their name says."""

import asyncio
import time

from bus.actor import Actor
from schemas.config import SettingsChangedEvent


class Steady(Actor[SettingsChangedEvent]):
    async def handle(self, event):
        return None


class Hanging(Steady):
    async def prepare(self):
        asyncio.get_running_loop().call_later(0.05, self.hang)

    def hang(self):
        time.sleep(1000)


def steady(context):
    print("hello from", context.name)
    return Steady(context)


def crashing(context):
    sys.exit("these are my last words")


def hanging(context):
    return Hanging(context)
'''


class JsonRuntime:
    """One `undercroft up`."""

    def __init__(
        self, home: Path, profile: Path, *arguments: str, environment: dict[str, str] | None = None
    ) -> None:
        self.home = home
        command = undercroft_command(home, "--json", "up", "--logs", *arguments, profile=profile)
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        self.pid = self.process.pid
        self.pids: dict[str, int] = {}
        self.states: dict[str, str] = {}
        self.logs: list[tuple[str, str]] = []
        self._rest = b""

    def next(self) -> dict[str, Any]:
        """The next object that it prints."""
        assert self.process.stdout is not None
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_SECONDS)
            assert ready, f"nothing happened any more; states are {self.states}, logs are {self.logs[-20:]}"
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                assert self.process.stderr is not None
                raise AssertionError(f"the runtime ended: {self.process.stderr.read().decode()}")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        if "text" in found:
            self.logs.append((found["actor"], found["text"]))
        elif "state" in found:
            self.states[found["actor"]] = found["state"]
            if found["pid"] is not None:
                self.pids[found["actor"]] = found["pid"]
        return found

    def wait_for(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read until an object fits."""
        while not what(found := self.next()):
            pass
        return found

    def wait_state(self, actor: str, state: str) -> dict[str, Any]:
        """Read until an actor enters a state."""
        return self.wait_for(lambda found: found.get("actor") == actor and found.get("state") == state)

    def wait_settled(self) -> dict[str, Any]:
        """Read until every actor is ready or has failed."""
        return self.wait_for(lambda found: found.get("type") == "settled")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `undercroft` command on the same home."""
        command = undercroft_command(self.home, *arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)

    def end(self) -> int:
        """Stop it with TERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=LIMIT_SECONDS)
        return self.process.returncode

    def clean_up(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def profile(tmp_path: Path) -> Callable[..., Path]:
    """Writes a profile with children."""

    def write(*children: dict[str, Any]) -> Path:
        return write_profile(tmp_path / "profile", *children, modules={"probe_actor.py": PROBE_ACTOR})

    return write


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., JsonRuntime]]:
    """Starts runtimes, and leaves nothing of them behind."""
    started: list[JsonRuntime] = []

    def run(
        profile: Path, *arguments: str, home: Path | None = None, environment: dict[str, str] | None = None
    ) -> JsonRuntime:
        started.append(JsonRuntime(home or tmp_path / "home", profile, *arguments, environment=environment))
        return started[-1]

    yield run
    for runtime in started:
        runtime.clean_up()


@pytest.fixture
def ended_within() -> Callable[[list[int], float], bool]:
    """Waits until processes have ended, which need not be our children; False if they have not in time."""

    def wait(pids: list[int], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                try:
                    if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                        return False
                finally:
                    os.close(descriptor)
        return True

    return wait
