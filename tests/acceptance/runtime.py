"""A real runtime in a home of its own, for tests that kill what they like of it and look at it from outside."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from actors.cli.demo.tour_processes import descendants, is_running
from schemas.manifest import FilePromise, Manifest, ModelEntry
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import OriginContent, sha256_of

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.005

COUNTERS = """
from pydantic import BaseModel, Field


class Counters(BaseModel):
    first: int = 0
    second: int = 0


class Settings(BaseModel):
    counters: Counters = Field(default_factory=Counters)
"""

STORES = """
[[children]]
name = "config_store"
entry = "actors.config_store:build"
intensity = 1000

[[children]]
name = "model_verifier"
entry = "actors.model_verifier:build"
intensity = 1000

[[children]]
name = "model_downloader"
entry = "actors.model_downloader:build"
depends_on = ["model_verifier"]
intensity = 1000
"""


def write_profile(directory: Path, entries: list[ModelEntry], more_children: str = "") -> Path:
    """A profile with two counters as settings, some models, and the three actors that serve them."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "settings.py").write_text(COUNTERS)
    (directory / "models.json").write_bytes(msgspec.json.encode(Manifest(format=1, models=entries)))
    (directory / "profile.toml").write_text(
        'name = "probe"\nsettings = "settings.py:Settings"\nmodels = "models.json"\n' + STORES + more_children
    )
    return directory


def serve_model(origin: FaultyOrigin, model_id: str, content: OriginContent) -> ModelEntry:
    """Have the origin serve a model of one file; what the manifest says of it."""
    url = origin.serve(f"/{model_id}.bin", content)
    promise = FilePromise(
        path="model.bin", size_bytes=content.size_bytes, sha256=sha256_of(content), urls=[url]
    )
    return ModelEntry(id=model_id, name=model_id.title(), category="stt", licence="MIT", files=[promise])


class Runtime:
    """One life of `undercroft up` on a home.

    Attributes:
        seen: every process that was found below it, at whatever look.
    """

    def __init__(self, home: Path, profile: Path, *arguments: str) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self._errors = (home / "stderr.log").open("ab")
        command = [
            sys.executable,
            "-P",
            "-m",
            "actors",
            "--home",
            str(home),
            "--profile",
            str(profile),
            "up",
            "--settled-to-stdout",
            *arguments,
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
        )
        self.pid = self.process.pid
        self.seen: set[int] = {self.pid}

    def wait_settled(self) -> dict[str, Any]:
        """Wait until every actor is ready or has failed; what the supervisor says then."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_SECONDS)
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
        """The process of that name, as the kernel has it; None if there is none now."""
        for pid in self.look():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == comm and is_running(pid):
                    return pid
        return None

    def kill(self) -> None:
        """Kill the supervisor, as the kernel would when memory runs out."""
        self.look()
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Have it stop in good order; its exit code."""
        self.look()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

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
        """Those of the processes that were seen which still run."""
        return {pid for pid in self.seen if is_running(pid)}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `undercroft` command on the same home."""
        command = [sys.executable, "-P", "-m", "actors", "--home", str(self.home), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def described(pids: set[int]) -> list[str]:
    """Processes in words, for an assertion that failed."""
    words = []
    for pid in pids:
        with contextlib.suppress(OSError):
            parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
            words.append(
                f"{pid} {Path(f'/proc/{pid}/comm').read_text().strip()} {parent} {Path(f'/proc/{pid}/cmdline').read_bytes()!r}"
            )
    return words


def within(seconds: float, what: Callable[[], bool]) -> bool:
    """Whether something becomes so in time; for what nobody tells of, such as the end of somebody else's child."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True
