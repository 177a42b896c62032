"""A model from a loopback origin, until it is on disk and verified; against curl, then sha256sum."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.cast import Stage, stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.origin import serve_file
from tests.benchmarks.supervised import PROFILE, undercroft_up

SIZE_BYTES = 1 << 30
SIZE_BYTES_QUICK = 1 << 24
PIECE_BYTES = 1 << 20


@functools.cache
def _model(size_bytes: int) -> tuple[tempfile.TemporaryDirectory[str], Path, str]:
    """A file that does not compress, made once for all rounds, and its SHA-256; removed at exit."""
    directory = tempfile.TemporaryDirectory(prefix="ucb-")
    path = Path(directory.name) / "origin.bin"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size_bytes // PIECE_BYTES):
            piece = os.urandom(PIECE_BYTES)
            digest.update(piece)
            file.write(piece)
        os.fsync(file.fileno())
    return directory, path, digest.hexdigest()


def _origin(here: Stage, size_bytes: int) -> tuple[str, str]:
    """URL and SHA-256 of the model."""
    _, path, sha256 = _model(size_bytes)
    return f"http://127.0.0.1:{here.part(serve_file, path).hear()}/model.bin", sha256


def undercroft(size_bytes: int) -> Sample:
    """`undercroft models install` in a runtime that is up: the command's own start counts."""
    with stage() as here:
        url, sha256 = _origin(here, size_bytes)
        promise = {"path": "model.bin", "size_bytes": size_bytes, "sha256": sha256, "urls": [url]}
        model = {"id": "large", "name": "Large", "category": "stt", "licence": "MIT", "files": [promise]}
        profile = here.directory / "profile"
        shutil.copytree(PROFILE, profile)
        (profile / "models.json").write_text(json.dumps({"format": 1, "models": [model]}))
        home = here.directory / "home"
        with undercroft_up(home, profile):
            began = time.monotonic()
            command = [
                sys.executable,
                "-P",
                "-m",
                "actors",
                "models",
                "install",
                "large",
                "--home",
                str(home),
                "--json",
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds = time.monotonic() - began
        (found,) = home.glob("models/large/model.bin")
        assert found.stat().st_size == size_bytes
    return {"seconds": seconds, "mib_per_second": size_bytes / 2**20 / seconds}


def curl(size_bytes: int, *, flushes: bool) -> Sample:
    """`curl`, then `sha256sum`; with `flushes` the file is synced in between, as ours is."""
    with stage() as here:
        url, sha256 = _origin(here, size_bytes)
        path = here.directory / "model.bin"
        began = time.monotonic()
        subprocess.run(["curl", "--silent", "--show-error", "--fail", "--output", str(path), url], check=True)
        if flushes:
            subprocess.run(["sync", str(path)], check=True)
        found = subprocess.run(
            ["sha256sum", str(path)], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.split()[0]
        seconds = time.monotonic() - began
        assert found == sha256
    return {"seconds": seconds, "mib_per_second": size_bytes / 2**20 / seconds}


def build(is_quick: bool) -> Benchmark:
    """A model from a loopback origin, until it is on disk and verified; against curl, then sha256sum."""
    size_bytes = SIZE_BYTES_QUICK if is_quick else SIZE_BYTES
    missing = (
        "" if shutil.which("curl") and shutil.which("sha256sum") else "curl or sha256sum is not installed"
    )
    return Benchmark(
        name="install",
        title=f"A model of {size_bytes >> 20} MiB over the loopback, verified on disk",
        contestants=[
            Contestant("undercroft", lambda: undercroft(size_bytes)),
            Contestant("curl+sha256sum", lambda: curl(size_bytes, flushes=False), missing),
            Contestant("curl+sync+sha256sum", lambda: curl(size_bytes, flushes=True), missing),
        ],
        targets=[
            Target("seconds", 1.0, at_least=False, peer="curl+sha256sum"),
            Target("seconds", 1.0, at_least=False, peer="curl+sync+sha256sum"),
        ],
    )


if __name__ == "__main__":
    main("bench_install", build)
