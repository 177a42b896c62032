"""What all benchmarks share: interleaved runs, medians, one table or one JSON object.

Each round runs every contestant once, one after the other, so that noise of the machine hits all of them. A
target is judged by the median of what each round found, so that a round compares with itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Sample = dict[str, float]
"""What one run of one contestant found: metric, with its unit in the name, to value."""

DEFAULT_RUNS = 5
WIDE_METRICS = 8
"""With more metrics than this, the table has a column for each contestant."""


@dataclass(frozen=True)
class Contestant:
    """One who takes part. `missing` says why it cannot; it is skipped then."""

    name: str
    run: Callable[[], Sample]
    missing: str = ""


@dataclass(frozen=True)
class Target:
    """A limit for a metric of one contestant, or for its ratio to that of another (`peer`)."""

    metric: str
    limit: float
    at_least: bool
    of: str = "undercroft"
    peer: str = ""

    @property
    def what(self) -> str:
        """The target in words."""
        subject = f"{self.of} / {self.peer}" if self.peer else self.of
        return f"{self.metric}, {subject} {'>=' if self.at_least else '<='} {self.limit:g}"

    def value(self, samples: dict[str, list[Sample]]) -> float | None:
        """Median over the rounds; None if somebody did not take part."""
        ours = [sample[self.metric] for sample in samples.get(self.of, [])]
        if not self.peer:
            return statistics.median(ours) if ours else None
        peers = [sample[self.metric] for sample in samples.get(self.peer, [])]
        return statistics.median(a / b for a, b in zip(ours, peers, strict=True)) if ours and peers else None

    def is_met(self, value: float) -> bool:
        """Whether this value is within the limit."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Benchmark:
    """Who is compared, and what is wanted of it."""

    name: str
    title: str
    contestants: Sequence[Contestant]
    targets: Sequence[Target]
    notes: Sequence[str] = field(default=())


def run_rounds(benchmark: Benchmark, runs: int) -> dict[str, list[Sample]]:
    """Every contestant once, and again, so many times."""
    present = [contestant for contestant in benchmark.contestants if not contestant.missing]
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in present}
    for _ in range(runs):
        for contestant in present:
            samples[contestant.name].append(contestant.run())
    return samples


def medians_of(runs: list[Sample]) -> Sample:
    """Median of each metric."""
    return {metric: statistics.median(sample[metric] for sample in runs) for metric in runs[0]}


def summary_of(
    benchmark: Benchmark, samples: dict[str, list[Sample]], *, is_quick: bool
) -> dict[str, object]:
    """What is printed with --json."""
    targets = []
    for target in benchmark.targets:
        value = target.value(samples)
        is_met = None if value is None else target.is_met(value)
        targets.append(
            {
                "target": target.what,
                "limit": target.limit,
                "at_least": target.at_least,
                "value": value and round(value, 4),
                "is_met": is_met,
            }
        )
    return {
        "benchmark": benchmark.name,
        "title": benchmark.title,
        "is_quick": is_quick,
        "machine": {
            "system": platform.system(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "rounds": max((len(runs) for runs in samples.values()), default=0),
        "medians": {name: medians_of(runs) for name, runs in samples.items()},
        "samples": samples,
        "skipped": {
            contestant.name: contestant.missing for contestant in benchmark.contestants if contestant.missing
        },
        "targets": targets,
        "notes": list(benchmark.notes),
    }


def print_summary(benchmark: Benchmark, samples: dict[str, list[Sample]]) -> None:
    """A table for people."""
    rounds = max((len(runs) for runs in samples.values()), default=0)
    print(f"{benchmark.title} (median of {rounds} interleaved rounds; range in brackets)")
    metrics = list(dict.fromkeys(metric for runs in samples.values() for metric in runs[0]))
    rows = [["", *metrics]]
    for name, runs in samples.items():
        cells = (_cell([sample[metric] for sample in runs if metric in sample]) for metric in metrics)
        rows.append([name, *cells])
    if len(metrics) > WIDE_METRICS:
        rows = [list(column) for column in zip(*rows, strict=True)]  # one line for each metric reads better
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(
            "  "
            + row[0].ljust(widths[0])
            + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        )
    for contestant in benchmark.contestants:
        if contestant.missing:
            print(f"  {contestant.name}: skipped, {contestant.missing}")
    for target in benchmark.targets:
        value = target.value(samples)
        verdict = (
            "not measured"
            if value is None
            else f"{_number(value)}: {'met' if target.is_met(value) else 'MISSED'}"
        )
        print(f"  target: {target.what}: {verdict}")
    for note in benchmark.notes:
        print(f"  {note}")


def main(module_name: str, build: Callable[[bool], Benchmark]) -> None:
    """Command line of a benchmark; `build` is told whether it is to be quick."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks.{module_name}", description=build.__doc__
    )
    parser.add_argument(
        "--runs", type=int, default=DEFAULT_RUNS, help="rounds to take the median of (default: %(default)s)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="much less work in each run; shows that it runs, the numbers say little",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="these contestants only; may be given again",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    benchmark = build(arguments.quick)
    if arguments.only:
        chosen = [contestant for contestant in benchmark.contestants if contestant.name in arguments.only]
        benchmark = Benchmark(benchmark.name, benchmark.title, chosen, benchmark.targets, benchmark.notes)
    samples = run_rounds(benchmark, arguments.runs)
    if arguments.json:
        print(json.dumps(summary_of(benchmark, samples, is_quick=arguments.quick)))
    else:
        print_summary(benchmark, samples)


def latencies(nanoseconds: Sequence[int]) -> Sample:
    """Median and 99th percentile in microseconds."""
    ordered = sorted(nanoseconds)
    return {"p50_us": ordered[len(ordered) // 2] / 1000, "p99_us": ordered[len(ordered) * 99 // 100] / 1000}


def _cell(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{_number(statistics.median(values))} [{_number(min(values))}..{_number(max(values))}]"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
