"""Metrics: what actors count and measure, published only on request."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.bounds import Amount, Count, Many, Named, PlaceText, Sentence, Word
from schemas.event import Event

MetricKind = Literal["counter", "gauge", "histogram"]


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """How many observations were at most `limit`. Cumulative, as in Prometheus."""

    limit: Amount
    count: Count


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One time series at one moment.

    Attributes:
        name: dotted, with its unit at the end, such as `state_persistence.save.duration_ms`.
        value: of a counter or gauge; of a histogram, the sum of its observations.
        count: observations of a histogram; 0 otherwise.
        buckets: of a histogram, by ascending limit; the last limit is infinity and is left out.
    """

    name: Word
    kind: MetricKind
    description: Sentence
    labels: Named[Word]
    value: Amount
    count: Count = 0
    buckets: Many[Bucket] = []


class MetricsWantedEvent(Event, frozen=True, kw_only=True, tag="metrics.wanted"):
    """Ask all actors for their metrics. Each publishes its own once.

    Attributes:
        reading: identifies this reading; the reports repeat it.
    """

    reading: PlaceText


class MetricsReportedEvent(Event, frozen=True, kw_only=True, tag="metrics.reported"):
    """The metrics of one actor."""

    reading: PlaceText
    actor: Word
    samples: Many[Sample]
