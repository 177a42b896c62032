"""Prometheus can read the page."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.diagnostics.report.prometheus_text import exposition, name_of
from schemas.operations.metrics import Bucket, Sample

LINE = re.compile(
    r'[a-zA-Z_:][a-zA-Z0-9_:]*\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)*\} [-+0-9.einfa]+'
)


def sample(name: str = "state_persistence.save.duration_ms", kind: str = "gauge", **values: object) -> Sample:
    return Sample(**{"name": name, "kind": kind, "description": "d", "labels": {}, "value": 1.0, **values})  # type: ignore[arg-type]


@pytest.mark.requirement("S3-20")
def test_a_histogram_has_buckets_sum_and_count() -> None:
    page = exposition(
        [
            (
                "state_store",
                sample(
                    kind="histogram",
                    value=12.5,
                    count=3,
                    buckets=[Bucket(limit=1.0, count=1), Bucket(limit=2.5, count=2)],
                ),
            )
        ]
    )
    assert page.splitlines() == [
        "# HELP state_persistence_save_duration_ms d",
        "# TYPE state_persistence_save_duration_ms histogram",
        'state_persistence_save_duration_ms_bucket{actor="state_store",le="1"} 1',
        'state_persistence_save_duration_ms_bucket{actor="state_store",le="2.5"} 2',
        'state_persistence_save_duration_ms_bucket{actor="state_store",le="+Inf"} 3',
        'state_persistence_save_duration_ms_sum{actor="state_store"} 12.5',
        'state_persistence_save_duration_ms_count{actor="state_store"} 3',
    ]


def test_series_of_one_name_stand_together_under_one_head() -> None:
    page = exposition([("a", sample("x.y", "counter")), ("b", sample("z")), ("c", sample("x.y", "counter"))])
    assert page.count("# TYPE x_y_total counter") == 1
    assert [line.split("{")[0] for line in page.splitlines() if not line.startswith("#")] == [
        "x_y_total",
        "x_y_total",
        "z",
    ]


@given(
    st.text(max_size=20),
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=20), max_size=3),
)
def test_whatever_the_labels_hold_each_line_can_be_read(actor: str, labels: dict[str, str]) -> None:
    page = exposition([(actor, sample("n", labels=labels))])
    lines = [line for line in page.split("\n") if line and not line.startswith("#")]
    assert len(lines) == 1
    assert LINE.fullmatch(lines[0])


def test_names_are_those_of_prometheus() -> None:
    assert name_of(sample("9lives.left-over", "counter")) == "_9lives_left_over_total"
