"""One real runtime for all commands. The commands run in the process of the test."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actors.cli.main import main
from actors.shared.profile.profile import BUNDLED_DIRECTORY
from schemas.manifest import FilePromise, ModelEntry
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent
from tests.support.profiles import write_profile
from tests.support.runtime_process import undercroft_command

MODEL_BYTES = 3_000_000
RATE_BYTES_PER_SECOND = 6_000_000.0

WORKER = """
from bus.actor import Actor
from schemas.config import SettingsChangedEvent


class Worker(Actor[SettingsChangedEvent]):
    async def prepare(self):
        self.metrics.counter("worker.turns", "Turns taken.").add(3, kind="left")
        message, advice = "there is no water", "bring some"
        await self.alerts.raise_alert("worker.thirsty", severity="warning", message=message, advice=advice)

    async def handle(self, event):
        return None


def build(context):
    print("built", context.name)
    return Worker(context)
"""

BUNDLED = ("config_store", "model_verifier", "model_downloader", "diagnostics")
ALLOWLIST = ["vad.*", "stt.*", "ui.*"]


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    documents: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.documents = [
            json.loads(line) for line in self.out.splitlines() if line.startswith("{") and line != "{"
        ]


@dataclass
class Cli:
    """The command line on one home."""

    home: Path
    profile: Path

    def __call__(self, *arguments: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as left,
        ):
            main(["--home", str(self.home), "--profile", str(self.profile), *arguments])
        return Ended(int(left.value.code or 0), out.getvalue(), err.getvalue())

    def command(self, *arguments: str) -> list[str]:
        """The same in a process of its own."""
        return undercroft_command(self.home, *arguments, profile=self.profile)


@pytest.fixture(scope="session")
def origin() -> Iterator[FaultyOrigin]:
    """An origin that serves slowly enough to see progress."""
    with FaultyOrigin(RATE_BYTES_PER_SECOND) as running:
        yield running


def _entry(origin: FaultyOrigin, model_id: str, *, spoiled: bool = False) -> ModelEntry:
    content = random.Random(model_id).randbytes(MODEL_BYTES)
    url = origin.serve(f"/{model_id}.bin", BytesContent(content))
    sha256 = hashlib.sha256(b"something else" if spoiled else content).hexdigest()
    promise = FilePromise(path="model.bin", size_bytes=MODEL_BYTES, sha256=sha256, urls=[url])
    return ModelEntry(
        id=model_id, name=f"The {model_id} model", category="stt", licence="MIT", files=[promise]
    )


@pytest.fixture(scope="session")
def dictation_profile(origin: FaultyOrigin) -> Callable[[Path], Path]:
    """Writes the profile of a dictation app with two sound models and one that breaks its promise."""

    def write(directory: Path) -> Path:
        return write_profile(
            directory,
            *BUNDLED,
            {"name": "worker", "entry": "cli_worker:build"},
            top={"allowlist": ALLOWLIST},
            settings=(BUNDLED_DIRECTORY / "dictation" / "settings.py").read_text(encoding="utf-8"),
            models=[
                _entry(origin, "first"),
                _entry(origin, "second"),
                _entry(origin, "spoiled", spoiled=True),
            ],
            modules={"cli_worker.py": WORKER},
        )

    return write


@pytest.fixture(scope="session")
def running(
    dictation_profile: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cli]:
    """Commands on a home with a runtime."""
    directory = tmp_path_factory.mktemp("cli")
    cli = Cli(directory / "home", dictation_profile(directory / "profile"))
    started = subprocess.run(
        cli.command("up", "--detach"), capture_output=True, text=True, timeout=60, check=False
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield cli
    assert cli("down").code == 0


@pytest.fixture
def absent(dictation_profile: Callable[[Path], Path], tmp_path: Path) -> Cli:
    """Commands on a home without a runtime."""
    return Cli(tmp_path / "home", dictation_profile(tmp_path / "profile"))
