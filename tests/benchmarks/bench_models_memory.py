"""How much memory downloader and verifier take during a sparse file of 10 GiB."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sys
import tempfile
import threading
from pathlib import Path

from tests.benchmarks import models
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.nginx import nginx, nginx_missing

SIZE_BYTES = 10 << 30
SIZE_BYTES_QUICK = 1 << 26
LOOK_SECONDS = 0.05


@functools.cache
def _sha256(size_bytes: int) -> str:
    digest, zeros = hashlib.sha256(), bytes(models.MIB)
    for _ in range(size_bytes // models.MIB):
        digest.update(zeros)
    return digest.hexdigest()


def undercroft(size_bytes: int) -> Sample:
    """The most that was resident, and by how much that grew from an eighth of the file on."""
    with tempfile.TemporaryDirectory(prefix="ucb-sparse-") as files, stage() as here:
        with (Path(files) / "0.bin").open("wb") as file:
            file.truncate(size_bytes)
        sparse = models.Served(Path(files), size_bytes, (_sha256(size_bytes),))
        with (
            nginx(sparse.directory, here.directory / "nginx") as url,
            models.runtime(here.directory, sparse.entry(url)) as (home, pids),
        ):
            looked: list[tuple[float, float]] = []
            over = threading.Event()
            looking = threading.Thread(target=_look, args=(pids, looked, over))
            looking.start()
            try:
                seconds = models.install(home)
            finally:
                over.set()
                looking.join()
    early = max(found[0] for found in looked[: len(looked) // 8 + 1])
    downloader, verifier = (max(values) for values in zip(*looked, strict=True))
    return {
        "downloader_mb": downloader,
        "growth_mb": downloader - early,
        "verifier_mb": verifier,
        "seconds": seconds,
    }


def _look(pids: dict[str, int], looked: list[tuple[float, float]], over: threading.Event) -> None:
    while not over.wait(LOOK_SECONDS) or not looked:
        with contextlib.suppress(OSError):
            looked.append((_resident_mb(pids["model_downloader"]), _resident_mb(pids["model_verifier"])))


def _resident_mb(pid: int) -> float:
    (line,) = (
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")
    )
    return int(line.split()[1]) * 1024 / 1e6


def build(is_quick: bool) -> Benchmark:
    """How much memory downloader and verifier take during a sparse file of 10 GiB."""
    size_bytes = SIZE_BYTES_QUICK if is_quick else SIZE_BYTES
    missing = nginx_missing() or (
        "" if sys.platform.startswith("linux") else "memory is read from Linux's /proc"
    )
    return Benchmark(
        name="models_memory",
        title=f"Resident memory while {size_bytes >> 20} MiB are fetched",
        contestants=[Contestant("undercroft", lambda: undercroft(size_bytes), missing)],
        targets=[Target("downloader_mb", 60.0, at_least=False)],
        notes=["growth_mb: of the downloader, after the first eighth of the time"],
    )


if __name__ == "__main__":
    main("bench_models_memory", build)
