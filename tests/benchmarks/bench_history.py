"""The history in memory and on disk: append, load, search; against an empty request and SQLite."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from tests.benchmarks import with_history
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, latencies, main

ASKED, ASKED_QUICK = 3_000, 50
DURABLE, DURABLE_QUICK = 500, 20
TOGETHER, TOGETHER_QUICK = 4_000, 100
CLIENTS = 256
ENTRIES, ENTRIES_QUICK = 1_000_000, 2_000
SEARCHES, SEARCHES_QUICK = 400, 20


@functools.cache
def _large(entries: int) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="undercroft-history-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with_history.write_many(directory, entries)
    return directory


def _asked(name: str, count: int) -> Sample:
    with stage() as here:
        runtime = here.broker()
        here.part(with_history.serve, runtime, name)
        found = latencies(here.part(with_history.ask, runtime, name, count).hear())
    return {"append_p50_us": found["p50_us"]}


def undercroft(asked: int, durable: int, together: int, entries: int, searches: int) -> Sample:
    """Our history. Only the appends in memory go over the bus; the others are what the disk costs."""
    found = _asked("history", asked)
    with stage() as here:
        fresh = functools.partial(with_history.fresh, here.directory)
        found["durable_p50_us"] = latencies(with_history.append_durably(fresh(), durable))["p50_us"]
        found["one_by_one_per_s"] = with_history.append_together(fresh(), durable, 1)
        found["many_per_s"] = with_history.append_together(fresh(), together, CLIENTS)
    found["gain"] = found["many_per_s"] / found["one_by_one_per_s"]
    found["load_s"], engine = with_history.load(_large(entries))
    nanoseconds = sorted(with_history.search(engine, searches))
    engine.close()
    return {
        **found,
        "search_p50_ms": nanoseconds[len(nanoseconds) // 2] / 1e6,
        "search_p95_ms": nanoseconds[len(nanoseconds) * 95 // 100] / 1e6,
    }


def sqlite(durable: int) -> Sample:
    """The same entries into SQLite, in plain."""
    with stage() as here:
        return {
            "durable_p50_us": latencies(
                with_history.insert_durably(with_history.fresh(here.directory), durable)
            )["p50_us"]
        }


def build(is_quick: bool) -> Benchmark:
    """The history in memory and on disk: append, load, search; against an empty request and SQLite."""
    asked, durable, together = (
        (ASKED_QUICK, DURABLE_QUICK, TOGETHER_QUICK) if is_quick else (ASKED, DURABLE, TOGETHER)
    )
    entries, searches = (ENTRIES_QUICK, SEARCHES_QUICK) if is_quick else (ENTRIES, SEARCHES)
    return Benchmark(
        name="history",
        title="The history",
        contestants=[
            Contestant("undercroft", lambda: undercroft(asked, durable, together, entries, searches)),
            Contestant("empty_request", lambda: _asked("empty", asked)),
            Contestant("sqlite", lambda: sqlite(durable)),
        ],
        targets=[
            Target("append_p50_us", 1.2, at_least=False, peer="empty_request"),
            Target("durable_p50_us", 1 / 0.7, at_least=False, peer="sqlite"),
            Target("gain", 10, at_least=True),
            Target("search_p95_ms", 50, at_least=False),
            Target("load_s", 8, at_least=False),
        ],
        notes=[
            f"loaded and searched: {entries} encrypted entries of {with_history.WORDS} words",
            f"many: {CLIENTS} clients at once; SQLite: write-ahead log, synchronous=FULL, not encrypted; "
            "wanted is 0.7 of its speed or more",
        ],
    )


if __name__ == "__main__":
    main("bench_history", build)
