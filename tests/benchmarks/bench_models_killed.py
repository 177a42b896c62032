"""What is fetched twice when the downloader is killed at random: bytes beyond the file's length."""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time

from schemas.manifest import FilePromise, ModelEntry
from tests.benchmarks import models
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import SyntheticContent, sha256_of

KILLS = 20
KILLS_QUICK = 2
SIZE_BYTES = 192 << 20
RATE_BYTES_PER_SECOND = 24 << 20
"""Slow enough that a kill falls into the transfer, with several connections at work."""


def undercroft(kills: int) -> Sample:
    """One install, killed once, so many times."""
    twice = [_one(random.Random(number)) for number in range(kills)]  # noqa: S311  # reproducible is what it has to be
    each = [lost / connections for lost, connections in twice]
    return {
        "fetched_twice_mib_a_connection": max(each) / models.MIB,
        "median_mib_a_connection": statistics.median(each) / models.MIB,
        "connections": statistics.median(connections for _, connections in twice),
    }


def _one(chance: random.Random) -> tuple[int, int]:
    """Bytes that were sent for nothing, and how many connections were cut."""
    content = SyntheticContent(SIZE_BYTES)
    with stage() as here, FaultyOrigin(RATE_BYTES_PER_SECOND) as origin:
        file = FilePromise(
            path="0.bin", size_bytes=SIZE_BYTES, sha256=_sha256(), urls=[origin.serve("/0.bin", content)]
        )
        entry = ModelEntry(id="model", name="Model", category="stt", licence="MIT", files=[file])
        with models.runtime(here.directory, entry) as (home, pids):
            cut: list[int] = []
            killer = threading.Thread(
                target=_kill, args=(origin, pids["model_downloader"], chance.random(), cut)
            )
            killer.start()
            models.install(home)
            killer.join()
        return origin.sent_bytes("/0.bin") - SIZE_BYTES, cut[0]


def _kill(origin: FaultyOrigin, pid: int, moment: float, cut: list[int]) -> None:
    """Kill it at a random moment of the transfer; notes how many connections were receiving."""
    wanted = int(SIZE_BYTES * (0.05 + 0.7 * moment))
    while origin.sent_bytes("/0.bin") < wanted:
        time.sleep(0.002)
    cut.append(max(1, origin.flowing("/0.bin")))
    os.kill(pid, signal.SIGKILL)


def _sha256() -> str:
    if not _known:
        _known.append(sha256_of(SyntheticContent(SIZE_BYTES)))
    return _known[0]


_known: list[str] = []


def build(is_quick: bool) -> Benchmark:
    """What is fetched twice when the downloader is killed at random: bytes beyond the file's length."""
    kills = KILLS_QUICK if is_quick else KILLS
    return Benchmark(
        name="models_killed",
        title=f"Fetched twice after SIGKILL at a random moment, the worst of {kills} kills",
        contestants=[Contestant("undercroft", lambda: undercroft(kills))],
        targets=[Target("fetched_twice_mib_a_connection", 1.0, at_least=False)],
        notes=[
            "what counts is what the origin handed to the network: "
            "buffers of the kernel that were dropped with the process count too"
        ],
    )


if __name__ == "__main__":
    main("bench_models_killed", build)
