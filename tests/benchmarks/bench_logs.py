"""Logs under a flood, and the time for a report; against `logging` to a stream."""

from __future__ import annotations

from tests.benchmarks import with_logs
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, latencies, main

PER_SECOND = 10_000
SECONDS, SECONDS_QUICK = 5.0, 0.3
REPORTS, REPORTS_QUICK = 20, 2


def undercroft(seconds: float, reports: int) -> Sample:
    """An actor that logs far more than anybody reads, and diagnostics that hear it and report."""
    with stage() as here:
        runtime = here.broker()
        hearing = here.part(with_logs.diagnostics, runtime, here.directory)
        hearing.tell("processor time")
        before = hearing.hear()
        share, noted, went_out = here.part(with_logs.actor, runtime, PER_SECOND, seconds).hear()
        hearing.tell("processor time")
        heard_seconds = hearing.hear() - before
        made = latencies(here.part(with_logs.report, runtime, here.directory, reports).hear())
        return {
            "core_percent": share * 100,
            "diagnostics_core_percent": heard_seconds / seconds * 100,
            "noted_per_s": noted / seconds,
            "went_out_per_s": went_out / seconds,
            "report_ms": made["p50_us"] / 1000,
        }


def stream(seconds: float) -> Sample:
    """The same records, formatted and written to a stream."""
    with stage() as here:
        share, noted, went_out = here.part(with_logs.stream, PER_SECOND, seconds).hear()
        return {
            "core_percent": share * 100,
            "noted_per_s": noted / seconds,
            "went_out_per_s": went_out / seconds,
        }


def build(is_quick: bool) -> Benchmark:
    """Logs under a flood, and the time that a report takes."""
    seconds, reports = (SECONDS_QUICK, REPORTS_QUICK) if is_quick else (SECONDS, REPORTS)
    return Benchmark(
        name="logs",
        title=f"An actor that notes {PER_SECOND:,} records a second, and reports",
        contestants=[
            Contestant("undercroft", lambda: undercroft(seconds, reports)),
            Contestant("stream", lambda: stream(seconds)),
        ],
        targets=[Target("core_percent", 20, at_least=False), Target("report_ms", 2_000, at_least=False)],
        notes=[
            "beyond 1,000 records at once and 200 a second an actor's records are dropped and counted: "
            "went_out_per_s of noted_per_s go out"
        ],
    )


if __name__ == "__main__":
    main("bench_logs", build)
