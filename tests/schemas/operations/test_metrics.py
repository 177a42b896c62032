"""Metrics are told on demand and not retained: a late joiner has no use for old numbers."""

from __future__ import annotations

import msgspec

from schemas.event import retained_key_of
from schemas.operations.metrics import Bucket, MetricsReportedEvent, Sample


def test_a_report_survives_the_wire() -> None:
    sample = Sample(
        name="a.b_ms",
        kind="histogram",
        description="d",
        labels={"k": "v"},
        value=1.5,
        count=2,
        buckets=[Bucket(limit=1.0, count=1)],
    )
    report = MetricsReportedEvent(reading="r", actor="store", samples=[sample])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(report), type=MetricsReportedEvent) == report


def test_a_report_is_not_retained() -> None:
    assert retained_key_of(MetricsReportedEvent(reading="r", actor="a", samples=[])) is None
