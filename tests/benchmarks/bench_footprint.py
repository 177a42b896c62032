"""What a runtime costs: seconds until all are ready, memory, and CPU time while idle.

Once with five actors, once with all of the bundled profile.
"""

from __future__ import annotations

import time
from pathlib import Path

from actors.cli.demo.tour_processes import descendants
from actors.shared.profile.profile import DEFAULT_PROFILE, find_profile
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.supervised import ACTOR_IMPORTS, PROFILE, Arbiter, circus_missing, undercroft_up

IDLE_SECONDS = 20.0
IDLE_SECONDS_QUICK = 0.5
SETTLE_SECONDS = 1.0
BUNDLED = "bundled profile"


def _tree(pid: int) -> list[int]:
    return [pid, *descendants(pid)]


def _pss_mb(pids: list[int]) -> float:
    """Proportional set size: memory that processes share counts once."""
    kib = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return kib * 1024 / 1e6


def _cpu_seconds(pids: list[int]) -> float:
    """Time on a core of all threads, to the nanosecond, as the scheduler counts it."""
    nanoseconds = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def _idle(pid: int, start_seconds: float, idle_seconds: float) -> Sample:
    time.sleep(SETTLE_SECONDS)
    pids = _tree(pid)
    before, began = _cpu_seconds(pids), time.monotonic()
    time.sleep(idle_seconds)
    busy = (_cpu_seconds(pids) - before) / (time.monotonic() - began)
    return {
        "ready_seconds": start_seconds,
        "pss_mb": _pss_mb(pids),
        "idle_cpu_percent": busy * 100,
        "processes": float(len(pids)),
    }


def undercroft(idle_seconds: float, profile: Path = PROFILE) -> Sample:
    """Supervisor, fork server, broker and the actors of a profile: five, unless another is named."""
    with stage() as here, undercroft_up(here.directory / "home", profile) as (pid, seconds):
        return _idle(pid, seconds, idle_seconds)


def circus(idle_seconds: float) -> Sample:
    """The arbiter of circus and five children with the same imports."""
    with stage() as here:
        arbiter = Arbiter(here.directory, ACTOR_IMPORTS)
        found = _idle(arbiter.process.pid, arbiter.start_seconds, idle_seconds)
        arbiter.close()
        return found


def build(is_quick: bool) -> Benchmark:
    """What a runtime with five actors costs: seconds until all are ready, memory, CPU time while idle."""
    idle_seconds = IDLE_SECONDS_QUICK if is_quick else IDLE_SECONDS
    missing = "" if Path("/proc/self/smaps_rollup").exists() else "memory is read from Linux's /proc"
    return Benchmark(
        name="footprint",
        title="A runtime with five actors, idle",
        contestants=[
            Contestant("undercroft", lambda: undercroft(idle_seconds), missing),
            Contestant(BUNDLED, lambda: undercroft(idle_seconds, find_profile(DEFAULT_PROFILE)), missing),
            Contestant("circus", lambda: circus(idle_seconds), missing or circus_missing()),
        ],
        targets=[
            Target("ready_seconds", 0.7, at_least=False),
            Target("pss_mb", 90, at_least=False),
            Target("idle_cpu_percent", 0.5, at_least=False),
            Target("pss_mb", 1.0, at_least=False, peer="circus"),
            Target("ready_seconds", 0.7, at_least=False, of=BUNDLED),
            Target("idle_cpu_percent", 0.5, at_least=False, of=BUNDLED),
        ],
        notes=[
            "the bundled profile has more actors: its processes are the actors and three more",
            "circus has no broker; its five children hold no connection and write no files",
        ],
    )


if __name__ == "__main__":
    main("bench_footprint", build)
