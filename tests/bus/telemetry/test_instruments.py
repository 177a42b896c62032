"""Counters, gauges and histograms hold a bounded number of series and report cumulative buckets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.peer.peer_statistics import Statistics
from bus.telemetry.instruments import SERIES_LIMIT, Metrics, loss_samples


def test_a_counter_counts_by_its_labels() -> None:
    metrics = Metrics()
    requests = metrics.counter("bus.requests", "Requests.")
    requests.add(kind="a")
    requests.add(2, kind="b")
    requests.add(kind="a")
    assert {sample.labels["kind"]: sample.value for sample in metrics.samples()} == {"a": 2.0, "b": 2.0}


def test_a_counter_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="only grows"):
        Metrics().counter("bus.requests", "Requests.").add(-1)


def test_a_gauge_says_what_was_set_last() -> None:
    metrics = Metrics()
    size = metrics.gauge("state.size_bytes", "Size.")
    size.set(5)
    size.set(3)
    (sample,) = metrics.samples()
    assert (sample.kind, sample.value) == ("gauge", 3)


def test_asking_for_an_instrument_twice_gives_the_same_one() -> None:
    metrics = Metrics()
    assert metrics.histogram("a.b_ms", "") is metrics.histogram("a.b_ms", "")
    with pytest.raises(TypeError, match="histogram, not a counter"):
        metrics.counter("a.b_ms", "")


@given(st.lists(st.floats(min_value=0, max_value=100, allow_nan=False)))
def test_buckets_count_what_is_at_most_their_limit(values: list[float]) -> None:
    metrics = Metrics()
    took = metrics.histogram("took_ms", "", limits=(1.0, 10.0, 50.0))
    for value in values:
        took.observe(value)
    for sample in metrics.samples():
        assert sample.count == len(values)
        assert sample.value == pytest.approx(sum(values))
        assert [bucket.count for bucket in sample.buckets] == [
            sum(value <= limit for value in values) for limit in (1.0, 10.0, 50.0)
        ]


def test_labels_cannot_fill_the_memory() -> None:
    metrics = Metrics()
    reads = metrics.counter("reads", "")
    for key in range(SERIES_LIMIT * 2):
        reads.add(key=str(key))
    samples = metrics.samples()
    assert len(samples) == SERIES_LIMIT + 1
    assert next(sample.value for sample in samples if sample.labels["key"] == "other") == SERIES_LIMIT


def test_a_peer_that_missed_nothing_tells_nothing_and_gaps_are_counted() -> None:
    well = Statistics(1, 1, 0, 1, 0, 0, 0, 0, 1, 0, {})
    assert loss_samples(well) == []
    assert {sample.name: sample.value for sample in loss_samples(replace(well, lost=3, welcomes=2))} == {
        "bus.peer.lost_events": 3.0,
        "bus.peer.reconnects": 1.0,
    }
