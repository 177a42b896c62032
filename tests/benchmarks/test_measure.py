"""How rounds become medians and verdicts."""

from __future__ import annotations

import pytest

from tests.benchmarks import measure


def test_every_round_runs_every_contestant_once_and_in_turn() -> None:
    order: list[str] = []

    def contestant(name: str, missing: str = "") -> measure.Contestant:
        def run() -> measure.Sample:
            order.append(name)
            return {"metric": 1.0}

        return measure.Contestant(name, run, missing)

    benchmark = measure.Benchmark(
        "b", "B", [contestant("ours"), contestant("peer"), contestant("absent", "is not installed")], []
    )
    samples = measure.run_rounds(benchmark, 3)
    assert order == ["ours", "peer"] * 3
    assert {name: len(runs) for name, runs in samples.items()} == {"ours": 3, "peer": 3}


def test_a_ratio_is_the_median_of_what_each_round_found_so_that_a_noisy_round_does_not_decide() -> None:
    samples = {
        "ours": [{"us": 10.0}, {"us": 1000.0}, {"us": 30.0}],
        "peer": [{"us": 10.0}, {"us": 500.0}, {"us": 10.0}],
    }
    target = measure.Target("us", 1.6, at_least=False, of="ours", peer="peer")
    assert target.value(samples) == 2.0
    assert not target.is_met(2.0)
    assert target.is_met(1.6)


def test_a_target_against_an_absent_peer_has_no_value() -> None:
    assert (
        measure.Target("us", 1.6, at_least=False, of="ours", peer="peer").value({"ours": [{"us": 1.0}]})
        is None
    )


def test_summary_says_who_was_skipped_and_why() -> None:
    benchmark = measure.Benchmark(
        "b",
        "B",
        [measure.Contestant("ours", dict), measure.Contestant("peer", dict, "is not installed")],
        [measure.Target("per_second", 3.0, at_least=True, of="ours", peer="peer")],
    )
    summary = measure.summary_of(benchmark, {"ours": [{"per_second": 4.0}]}, is_quick=True)
    assert summary["skipped"] == {"peer": "is not installed"}
    assert summary["targets"][0]["is_met"] is None
    assert summary["medians"] == {"ours": {"per_second": 4.0}}


@pytest.mark.parametrize(("count", "p50", "p99"), [(1, 0.0, 0.0), (100, 50.0, 99.0)])
def test_latencies_are_told_as_median_and_99th_percentile_in_microseconds(
    count: int, p50: float, p99: float
) -> None:
    assert measure.latencies([n * 1000 for n in reversed(range(count))]) == {"p50_us": p50, "p99_us": p99}
