"""A model of 1 GiB from nginx until it is durable, verified and active: time and CPU, against peers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import models
from tests.benchmarks.cast import package_missing, stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.nginx import nginx, nginx_missing

SIZE_BYTES = 1 << 30
SIZE_BYTES_QUICK = 1 << 24


def _run(fetch: Callable[[Path, models.Served, str], Sample], size_bytes: int) -> Sample:
    files = models.served(1, size_bytes)
    with stage() as here, nginx(files.directory, here.directory / "nginx") as url:
        return fetch(here.directory, files, url)


def build(is_quick: bool) -> Benchmark:
    """A model of 1 GiB from nginx until it is durable, verified and active: time and CPU, against peers."""
    size_bytes = SIZE_BYTES_QUICK if is_quick else SIZE_BYTES
    origin = nginx_missing()
    return Benchmark(
        name="models",
        title=f"A model of {size_bytes >> 20} MiB, durable, verified and active",
        contestants=[
            Contestant("undercroft", lambda: _run(models.undercroft, size_bytes), origin),
            Contestant(
                "curl+sha256sum",
                lambda: _run(models.curl, size_bytes),
                origin or models.tool_missing("curl", "sha256sum"),
            ),
            Contestant(
                "aria2c -x8", lambda: _run(models.aria2, size_bytes), origin or models.tool_missing("aria2c")
            ),
            Contestant(
                "http_get",
                lambda: _run(models.hub, size_bytes),
                origin or package_missing("huggingface_hub", "huggingface-hub"),
            ),
        ],
        targets=[
            Target("seconds", 0.6, at_least=False, peer="curl+sha256sum"),
            Target("seconds", 0.3, at_least=False, peer="aria2c -x8"),
            Target("seconds", 0.5, at_least=False, peer="http_get"),
            Target("cpu_seconds_per_gib", 1.2, at_least=False, peer="curl+sha256sum"),
        ],
        notes=[
            "cpu_seconds_per_gib: of downloader and verifier together, or of the commands; "
            "http_get hashes nothing, its Python's start counts"
        ],
    )


if __name__ == "__main__":
    try:
        main("bench_models", build)
    finally:
        models.let_go()
