"""A model of 200 files of 1 MiB until durable, verified, active; against `curl -Z`, then `sha256sum`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import models
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.nginx import nginx, nginx_missing

FILES = 200
FILES_QUICK = 20


def _run(fetch: Callable[[Path, models.Served, str], Sample], count: int) -> Sample:
    files = models.served(count, models.MIB)
    with stage() as here, nginx(files.directory, here.directory / "nginx") as url:
        return fetch(here.directory, files, url)


def build(is_quick: bool) -> Benchmark:
    """A model of 200 files of 1 MiB until durable, verified, active; against `curl -Z`, then `sha256sum`."""
    count = FILES_QUICK if is_quick else FILES
    origin = nginx_missing()
    return Benchmark(
        name="models_many",
        title=f"A model of {count} files of 1 MiB, durable, verified and active",
        contestants=[
            Contestant("undercroft", lambda: _run(models.undercroft, count), origin),
            Contestant(
                "curl -Z+sha256sum",
                lambda: _run(models.curl, count),
                origin or models.tool_missing("curl", "sha256sum"),
            ),
        ],
        targets=[Target("seconds", 2.0, at_least=False, peer="curl -Z+sha256sum")],
    )


if __name__ == "__main__":
    try:
        main("bench_models_many", build)
    finally:
        models.let_go()
