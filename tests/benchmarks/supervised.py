"""Process trees under supervision: a runtime of ours, and circus over children with the same imports."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.cast import GUARD_SECONDS

PROFILE = Path(__file__).parent / "profile"
CIRCUS_CHILD = Path(__file__).parent / "circus_child.py"

ACTOR_IMPORTS = [
    "actors.config_store.actor",
    "actors.model_verifier.actor",
    "actors.model_downloader.actor",
    "actors.runtime.child_main",
    "actors.runtime.child_main",
]
"""What each of the five actors of the profile has imported."""

CIRCUS = """[circus]
endpoint = ipc://{directory}/control
pubsub_endpoint = ipc://{directory}/events
statsd = False
check_delay = 1
"""
"""Circus checks its children once a second here, not every five seconds as by default."""

CIRCUS_WATCHER = """
[watcher:{name}]
cmd = {python} -P {child} {directory}/ready bus.actor_loop bus.client {module}
copy_env = True
"""


@contextlib.contextmanager
def undercroft_up(directory: Path, profile: Path = PROFILE) -> Iterator[tuple[int, float]]:
    """A runtime with every actor ready; its pid, and how many seconds that took."""
    began = time.monotonic()
    command = [
        sys.executable,
        "-P",
        "-m",
        "actors",
        "--home",
        str(directory),
        "--profile",
        str(profile),
        "up",
        "--settled-to-stdout",
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        seconds = time.monotonic() - began
        assert all(actor["state"] == "ready" for actor in found["actors"]), found
        yield process.pid, seconds
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=GUARD_SECONDS)


class Arbiter:
    """A running circusd, whose children say their names and pids when they are ready to serve."""

    def __init__(self, directory: Path, imports: list[str]) -> None:
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ready.bind(str(directory / "ready"))
        self._ready.settimeout(GUARD_SECONDS)
        configuration = directory / "circus.ini"
        watchers = "".join(
            CIRCUS_WATCHER.format(
                name=f"child{n}",
                python=sys.executable,
                child=CIRCUS_CHILD,
                directory=directory,
                module=module,
            )
            for n, module in enumerate(imports)
        )
        configuration.write_text(CIRCUS.format(directory=directory) + watchers)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [circusd_path(), "--log-level", "CRITICAL", "--log-output", os.devnull, str(configuration)]
        began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        self.pids = [self.next_ready() for _ in imports]
        self.start_seconds = time.monotonic() - began

    def next_ready(self) -> int:
        """Pid of the child that is ready next."""
        return int(self._ready.recv(64))

    def close(self) -> None:
        """Stop it in good order."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(GUARD_SECONDS)
        self._ready.close()


def circusd_path() -> str:
    """Where circusd lies: beside this Python."""
    return shutil.which("circusd", path=str(Path(sys.executable).parent)) or ""


def circus_missing() -> str:
    """Why circus cannot take part; empty if it can."""
    return "" if circusd_path() else "circus is not installed (uv sync --group bench)"
