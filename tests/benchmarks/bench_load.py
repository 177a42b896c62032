"""What a foreign client gets through a whole runtime: events singly and in runs, and requests, side by side.

`UNDERCROFT_EARLIER=/path/of/a/checkout` adds an earlier build, with a virtual environment of its own, to the
same run: the clients are the same, the runtime is that of the other checkout.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import raw_client
from tests.benchmarks.cast import GUARD_SECONDS, Stage, stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, latencies, main
from tests.benchmarks.supervised import PROFILE

EVENTS = {1: 200_000, 10: 500_000, 100: 1_000_000}
"""How many events are published in runs of 1, 10 and 100."""

QUICK_SHARE = 100
REQUESTS = 5_000
SETTINGS = {"type": "config.request", "operation": "get_effective"}
STATISTICS = {"type": "bus.statistics"}
ECHO = {"type": "app.echo", "text": "a sentence of some length"}
MIB = 1024 * 1024


@contextlib.contextmanager
def runtime_of(checkout: str, home: Path, transport: str) -> Iterator[int]:
    """A runtime of that checkout with config_store; the process id of its broker."""
    python = sys.executable if not checkout else str(Path(checkout) / ".venv" / "bin" / "python")
    command = [python, "-P", "-m", "actors", "--home", str(home), "--profile", str(PROFILE), "up"]
    environment = {**os.environ, "PYTHONPATH": checkout} if checkout else dict(os.environ)
    process = subprocess.Popen(
        [*command, "--transport", transport, "--settled-to-stdout"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        yield next(actor["pid"] for actor in found["actors"] if actor["actor"] == "broker")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=GUARD_SECONDS)


def load(checkout: str, transport: str, *, is_quick: bool) -> Sample:
    """All figures of one build, over one transport."""
    found: Sample = {}
    share = QUICK_SHARE if is_quick else 1
    with stage() as here, runtime_of(checkout, here.directory / "home", transport) as broker_pid:
        home = str(here.directory / "home")
        for size, total in EVENTS.items():
            found |= _events(here, home, size, total // share)
        requests = REQUESTS // share
        for name, request, in_flight in (
            ("settings_1", SETTINGS, 1),
            ("settings_64", SETTINGS, 64),
            ("statistics_64", STATISTICS, 64),
        ):
            found |= _requests(here, home, name, request, requests, in_flight)
        here.part(raw_client.answer, home, "app.echo").hear()
        for in_flight in (64, 1000):
            found |= _requests(here, home, f"echo_{in_flight}", ECHO, requests, in_flight)
        found["broker_mib"] = _peak_bytes(broker_pid) / MIB
    return found


def _events(here: Stage, home: str, size: int, total: int) -> Sample:
    topic = f"app.load_{size}"
    subscriber = here.part(raw_client.hear_runs, home, topic, total)
    publisher = here.part(raw_client.publish_runs, home, topic, total, size)
    subscriber.hear()
    publisher.hear()
    publisher.tell("go")
    began, accepted_at = publisher.hear()
    heard_at, lost = subscriber.hear()
    publisher.tell("end")
    return {
        f"run{size}_accepted_s": total / (accepted_at - began),
        f"run{size}_heard_s": (total - lost) / (heard_at - began),
        f"run{size}_lost_percent": 100 * lost / total,
    }


def _requests(
    here: Stage, home: str, name: str, request: dict[str, str], count: int, in_flight: int
) -> Sample:
    seconds, taken_ns = here.part(raw_client.ask, home, request, count, in_flight).hear()
    return {f"{name}_s": count / seconds, f"{name}_p50_us": latencies(taken_ns)["p50_us"]}


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def build(is_quick: bool) -> Benchmark:
    """Events singly and in runs, and requests, through a whole runtime, with raw frames."""
    earlier = os.environ.get("UNDERCROFT_EARLIER", "")
    missing = "" if shutil.which(str(Path(earlier) / ".venv/bin/python")) else "UNDERCROFT_EARLIER is not set"
    metrics = [f"run{size}_{what}_s" for size in EVENTS for what in ("accepted", "heard")]
    metrics += [
        f"{name}_s" for name in ("settings_1", "settings_64", "statistics_64", "echo_64", "echo_1000")
    ]
    return Benchmark(
        name="load",
        title="A foreign client against a whole runtime",
        contestants=[
            Contestant("undercroft", lambda: load("", "ipc", is_quick=is_quick)),
            Contestant("earlier", lambda: load(earlier, "ipc", is_quick=is_quick), missing),
            Contestant("undercroft-tcp", lambda: load("", "tcp", is_quick=is_quick)),
            Contestant("earlier-tcp", lambda: load(earlier, "tcp", is_quick=is_quick), missing),
        ],
        targets=[
            *(Target(metric, 0.9, at_least=True, peer="earlier") for metric in metrics),
            *(
                Target(metric, 0.9, at_least=True, of="undercroft-tcp", peer="earlier-tcp")
                for metric in metrics
            ),
        ],
        notes=["The publisher keeps 256 messages under way; what a subscriber loses was told as lost."],
    )


if __name__ == "__main__":
    main("bench_load", build)
