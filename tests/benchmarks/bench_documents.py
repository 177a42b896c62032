"""A typed document read over the bus from the cache, against a request that asks for nothing."""

from __future__ import annotations

from tests.benchmarks import with_state, with_undercroft
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, latencies, main

READS, READS_QUICK = 3_000, 50


def undercroft(reads: int) -> Sample:
    """Both in turn, so that they meet the same noise."""
    with stage() as here:
        runtime = here.broker()
        here.part(with_state.serve, runtime, here.directory)
        here.part(with_undercroft.answer, runtime)
        read, empty = here.part(with_state.ask_both, runtime, reads).hear()
        found, floor = latencies(read), latencies(empty)
        return {
            "read_p50_us": found["p50_us"],
            "empty_p50_us": floor["p50_us"],
            "ratio": found["p50_us"] / floor["p50_us"],
        }


def build(is_quick: bool) -> Benchmark:
    """A typed document read over the bus from the cache, against a request that asks for nothing."""
    return Benchmark(
        name="documents",
        title="Cached documents",
        contestants=[Contestant("undercroft", lambda: undercroft(READS_QUICK if is_quick else READS))],
        targets=[Target("ratio", 1.3, at_least=False)],
    )


if __name__ == "__main__":
    main("bench_documents", build)
