"""A model at 20 MB/s a connection: as many connections as help, against aria2c with eight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import models
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.nginx import nginx, nginx_missing

SIZE_BYTES = 1 << 30
SIZE_BYTES_QUICK = 1 << 24
LIMIT_BYTES_PER_SECOND = 20_000_000


def _run(fetch: Callable[[Path, models.Served, str], Sample], size_bytes: int) -> Sample:
    files = models.served(1, size_bytes)
    with stage() as here, nginx(files.directory, here.directory / "nginx", LIMIT_BYTES_PER_SECOND) as url:
        return fetch(here.directory, files, url)


def build(is_quick: bool) -> Benchmark:
    """A model at 20 MB/s a connection: as many connections as help, against aria2c with eight."""
    size_bytes = SIZE_BYTES_QUICK if is_quick else SIZE_BYTES
    origin = nginx_missing()
    return Benchmark(
        name="models_limited",
        title=f"A model of {size_bytes >> 20} MiB at {LIMIT_BYTES_PER_SECOND // 10**6} MB/s a connection, "
        "durable, verified and active",
        contestants=[
            Contestant("undercroft", lambda: _run(models.undercroft, size_bytes), origin),
            Contestant(
                "aria2c -x8", lambda: _run(models.aria2, size_bytes), origin or models.tool_missing("aria2c")
            ),
        ],
        targets=[Target("mib_per_second", 1.0, at_least=True, peer="aria2c -x8")],
    )


if __name__ == "__main__":
    try:
        main("bench_models_limited", build)
    finally:
        models.let_go()
