"""What the benchmarks of models share: files at an origin, a runtime that installs them, and peers."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from actors.cli.demo.tour_processes import descendants
from bus.client import Peer, connect
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.models import ModelInstalledEvent, ModelInstallRequestEvent, ModelStateChangedEvent
from tests.benchmarks.cast import GUARD_SECONDS
from tests.benchmarks.measure import Sample
from tests.benchmarks.supervised import PROFILE, undercroft_up

MIB = 1 << 20
GUARD_INSTALL_SECONDS = 300.0
OURS = ("model_downloader", "model_verifier")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100

HUB = """
import sys, time
from huggingface_hub.file_download import http_get
with open(sys.argv[2], "wb") as file:
    began = time.monotonic()
    http_get(sys.argv[1], file, expected_size=int(sys.argv[3]))
    print(time.monotonic() - began)
"""


@dataclass(frozen=True)
class Served:
    """Files at an origin, all of one model.

    Attributes:
        directory: where they lie, named `<number>.bin`.
        sha256: of each.
    """

    directory: Path
    size_bytes: int
    sha256: tuple[str, ...]

    @property
    def total_bytes(self) -> int:
        """Over all files."""
        return self.size_bytes * len(self.sha256)

    def entry(self, url: str, model_id: str = "model") -> ModelEntry:
        """The model as a manifest has it."""
        files = [
            FilePromise(
                path=f"{number}.bin", size_bytes=self.size_bytes, sha256=sha256, urls=[f"{url}/{number}.bin"]
            )
            for number, sha256 in enumerate(self.sha256)
        ]
        return ModelEntry(id=model_id, name="Model", category="stt", licence="MIT", files=files)


@functools.cache
def served(count: int, size_bytes: int) -> Served:
    """Files that do not compress, made once for all rounds; they go with the process."""
    directory = tempfile.mkdtemp(prefix="ucb-files-")
    _kept.callback(shutil.rmtree, directory, ignore_errors=True)
    digests = []
    for number in range(count):
        digest = hashlib.sha256()
        with (Path(directory) / f"{number}.bin").open("wb") as file:
            for position in range(0, size_bytes, MIB):
                piece = os.urandom(min(MIB, size_bytes - position))
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        digests.append(digest.hexdigest())
    return Served(Path(directory), size_bytes, tuple(digests))


_kept = contextlib.ExitStack()


def let_go() -> None:
    """Remove what `served` made."""
    served.cache_clear()
    _kept.close()


@contextlib.contextmanager
def runtime(directory: Path, entry: ModelEntry) -> Iterator[tuple[Path, dict[str, int]]]:
    """A runtime whose manifest has one model; its home, and the pids of downloader and verifier."""
    home, profile = directory / "home", directory / "profile"
    shutil.copytree(PROFILE, profile)
    (profile / "models.json").write_bytes(msgspec.json.encode(Manifest(format=1, models=[entry])))
    with undercroft_up(home, profile) as (pid, _):
        yield home, pids_of(pid)


def pids_of(supervisor: int) -> dict[str, int]:
    """Pids of downloader and verifier, which the kernel knows by 15 characters."""
    found = {}
    for pid in descendants(supervisor):
        with contextlib.suppress(OSError):
            comm = Path(f"/proc/{pid}/comm").read_text().strip()
            found |= {name: pid for name in OURS if comm == f"uc-{name}"[:15]}
    return found


def cpu_seconds(pids: dict[str, int]) -> float:
    """Processor time that these processes took so far, in user and kernel mode; 0 where it cannot be read."""
    ticks = 0
    for pid in pids.values():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def install(home: Path, model_id: str = "model") -> float:
    """Ask for a model; returns after how many seconds it was active."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(asyncio.wait_for(_install(home, model_id), GUARD_INSTALL_SECONDS))


async def _install(home: Path, model_id: str) -> float:
    async with (
        connect(home=home) as peer,
        peer.subscribe(ModelInstalledEvent, ModelStateChangedEvent) as events,
    ):
        began = time.monotonic()
        await _ask(peer, model_id)
        async for event in events:
            if isinstance(event, ModelInstalledEvent) and event.model_id == model_id:
                return time.monotonic() - began
            if isinstance(event, ModelStateChangedEvent) and event.status.state == "failed":
                raise AssertionError(event.status.problem)
    raise AssertionError("the stream of events ended")


async def _ask(peer: Peer, model_id: str) -> None:
    await peer.request(ModelInstallRequestEvent(model_id=model_id), timeout_seconds=GUARD_SECONDS)


def undercroft(directory: Path, files: Served, url: str) -> Sample:
    """Durable, verified and active; from the request over the bus to the event that says so."""
    with runtime(directory, files.entry(url)) as (home, pids):
        before = cpu_seconds(pids)
        seconds = install(home)
        cpu = cpu_seconds(pids) - before
    assert all(
        (home / "models" / "model" / f"{number}.bin").stat().st_size == files.size_bytes
        for number in range(len(files.sha256))
    )
    return _sample(seconds, cpu, files)


def curl(directory: Path, files: Served, url: str) -> Sample:
    """`curl` (`curl -Z` for several files), then `sha256sum`; nothing is flushed to disk."""
    urls = [f"{url}/{number}.bin" for number in range(len(files.sha256))]
    many = ["-Z", "--no-progress-meter", "--remote-name-all"] if len(urls) > 1 else ["--remote-name"]
    return _timed(
        [
            ["curl", "--silent", "--show-error", "--fail", *many, *urls],
            ["sha256sum", *(f"{number}.bin" for number in range(len(urls)))],
        ],
        directory,
        files,
    )


def aria2(directory: Path, files: Served, url: str) -> Sample:
    """`aria2c -x8` with the checksum."""
    command = [
        "aria2c",
        "--no-conf",
        "--quiet",
        "-x8",
        "-s8",
        "-k1M",
        "--file-allocation=none",
        f"--checksum=sha-256={files.sha256[0]}",
    ]
    return _timed([[*command, "--dir=.", "--out=0.bin", f"{url}/0.bin"]], directory, files)


def hub(directory: Path, files: Served, url: str) -> Sample:
    """`http_get` of huggingface_hub, which hashes nothing; the start of Python does not count."""
    before = _children_cpu()
    command = [sys.executable, "-c", HUB, f"{url}/0.bin", str(directory / "0.bin"), str(files.size_bytes)]
    environment = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    ended = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    return _sample(float(ended.stdout.split()[-1]), _children_cpu() - before, files)


def tool_missing(*names: str) -> str:
    """Which of these commands is not here, in words; empty if all are."""
    missing = [name for name in names if not shutil.which(name)]
    return f"{' and '.join(missing)} not installed" if missing else ""


def _timed(commands: list[list[str]], directory: Path, files: Served) -> Sample:
    before, began = _children_cpu(), time.monotonic()
    for command in commands:
        subprocess.run(command, check=True, cwd=directory, stdout=subprocess.DEVNULL)
    return _sample(time.monotonic() - began, _children_cpu() - before, files)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _sample(seconds: float, cpu: float, files: Served) -> Sample:
    gib = files.total_bytes / 2**30
    return {
        "seconds": seconds,
        "mib_per_second": files.total_bytes / MIB / seconds,
        "cpu_seconds_per_gib": cpu / gib,
    }
