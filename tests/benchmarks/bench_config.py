"""Durable settings: one after another, many clients at once, a slider; against bare system calls."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.benchmarks import with_settings
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, latencies, main

CHANGES, CHANGES_QUICK = 1_000, 50
CLIENTS = 64
EACH, EACH_QUICK = 100, 3
SLIDES, SLIDES_QUICK = 600, 60
SLIDER_PER_SECOND = 200.0


def undercroft(changes: int, each: int, slides: int) -> Sample:
    """Our store, over the bus; each change is on disk when it is answered."""
    with stage() as here:
        runtime = here.broker()
        store = here.part(with_settings.store, runtime, here.directory)
        found = latencies(here.part(with_settings.one_after_another, runtime, changes).hear())
        found["one_by_one_per_s"] = 1e6 / found["p50_us"]
        seconds = here.part(with_settings.many_at_once, runtime, CLIENTS, each).hear()
        found["many_per_s"] = CLIENTS * each / seconds
        found["gain"] = found["many_per_s"] / found["one_by_one_per_s"]
        store.tell("writes")
        before = store.hear()
        late, final = here.part(with_settings.slide, runtime, slides, SLIDER_PER_SECOND).hear()
        store.tell("writes")
        found |= {
            "slider_late_ms": late * 1000,
            "slider_writes": store.hear() - before,
            "slider_final": final,
        }
        return found


def bare(changes: int) -> Sample:
    """The same bytes, replaced with two fsyncs, without anybody to ask."""
    with stage() as here:
        content = b'{"overrides": {' + b'"section0.value0": 12345.0, ' * 64 + b"}}\n"
        found = latencies(here.part(with_settings.replace_bare, content, changes).hear())
        return {**found, "one_by_one_per_s": 1e6 / found["p50_us"]}


def conf(changes: int) -> Sample:
    """npm's `conf` blocks the process until its change is on disk, so many callers take turns."""
    with stage() as here:
        command = ["node", str(Path(__file__).with_name("conf.mjs")), str(here.directory), str(changes)]
        ended = subprocess.run(command, capture_output=True, check=True)
        found = latencies(json.loads(ended.stdout))
        return {**found, "one_by_one_per_s": 1e6 / found["p50_us"], "many_per_s": 1e6 / found["p50_us"]}


def build(is_quick: bool) -> Benchmark:
    """Durable settings: one after another, many clients at once, a slider; against bare system calls."""
    changes, each, slides = (CHANGES_QUICK, EACH_QUICK, SLIDES_QUICK) if is_quick else (CHANGES, EACH, SLIDES)
    return Benchmark(
        name="config",
        title="Durable changes of settings",
        contestants=[
            Contestant("undercroft", lambda: undercroft(changes, each, slides)),
            Contestant("bare", lambda: bare(changes)),
            Contestant(
                "conf", lambda: conf(changes), "" if shutil.which("node") else "there is no node here"
            ),
        ],
        targets=[
            Target("p50_us", 1.5, at_least=False, peer="bare"),
            Target("many_per_s", 4_000, at_least=True),
            Target("gain", 10, at_least=True),
            Target("many_per_s", 2, at_least=True, peer="conf"),
            Target("slider_writes", slides / 5, at_least=False),
        ],
        notes=[
            f"of the two targets for {CLIENTS} clients one is wanted",
            f"the slider sends {slides} values at {SLIDER_PER_SECOND:g} a second",
        ],
    )


if __name__ == "__main__":
    main("bench_config", build)
