"""`undercroft metrics`."""

from __future__ import annotations

from typing import Any

import pytest

from actors.cli.commands.inspection.metrics import line_of
from schemas.operations.metrics import Bucket, Sample


@pytest.mark.slow
def test_the_metrics_of_all_actors_are_shown(running: Any) -> None:
    assert "worker: worker.turns kind=left: 3\n" in running("metrics").out


@pytest.mark.slow
def test_with_json_they_are_one_document_by_actor(running: Any) -> None:
    (document,) = running("metrics", "worker", "--json").documents
    assert [(sample["name"], sample["value"], sample["labels"]) for sample in document["worker"]] == [
        ("worker.turns", 3.0, {"kind": "left"})
    ]


@pytest.mark.slow
def test_prometheus_gets_its_page(running: Any) -> None:
    assert 'worker_turns_total{actor="worker",kind="left"} 3\n' in running("metrics", "--prometheus").out


@pytest.mark.slow
def test_an_actor_that_is_not_there_is_a_mistake_and_not_silence(running: Any) -> None:
    unknown = running("metrics", "walker")
    assert unknown.code == 2
    assert "there is no actor 'walker', expected one of" in unknown.err


def test_a_histogram_is_told_by_count_and_mean() -> None:
    sample = Sample(
        name="a.b_ms",
        kind="histogram",
        description="",
        labels={},
        value=30.0,
        count=4,
        buckets=[Bucket(limit=10.0, count=4)],
    )
    assert line_of(sample) == "a.b_ms: 4 times, 7.5 on average"
