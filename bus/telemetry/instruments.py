"""What an actor counts and measures: additions in memory, published only on request."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from schemas.operations.metrics import Bucket, MetricsReportedEvent, MetricsWantedEvent, Sample

if TYPE_CHECKING:
    from bus.peer.peer import Peer
    from bus.peer.peer_statistics import Statistics

DURATION_LIMITS_MS: Final = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 10_000.0)
SERIES_LIMIT: Final = 200
"""Most label sets of one instrument. Further ones count as `other`, so that labels cannot fill the memory."""

Labels = tuple[tuple[str, str], ...]
SeriesT = TypeVar("SeriesT")


class _Instrument(Generic[SeriesT]):
    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description
        self._series: dict[Labels, SeriesT] = {}

    def _key(self, labels: dict[str, str]) -> Labels:
        key = tuple(sorted(labels.items()))
        if key in self._series or len(self._series) < SERIES_LIMIT:
            return key
        return tuple((name, "other") for name, _ in key)


class Counter(_Instrument[float]):
    """A number that only grows."""

    def add(self, amount: float = 1, **labels: str) -> None:
        """Add to the count.

        Raises:
            ValueError: the amount is negative.
        """
        if amount < 0:
            raise ValueError(f"{self.name}: a counter only grows, found {amount}")
        key = self._key(labels)
        self._series[key] = self._series.get(key, 0.0) + amount

    def samples(self) -> Iterator[Sample]:
        """The present value of each series."""
        for labels, value in self._series.items():
            yield Sample(
                name=self.name, kind="counter", description=self.description, labels=dict(labels), value=value
            )


class Gauge(_Instrument[float]):
    """A number that goes up and down."""

    def set(self, value: float, **labels: str) -> None:
        """Set the present value."""
        self._series[self._key(labels)] = value

    def samples(self) -> Iterator[Sample]:
        """The present value of each series."""
        for labels, value in self._series.items():
            yield Sample(
                name=self.name, kind="gauge", description=self.description, labels=dict(labels), value=value
            )


class _Observed:
    __slots__ = ("count", "counts", "total")

    def __init__(self, size: int) -> None:
        self.counts = [0] * size
        self.count = 0
        self.total = 0.0


class Histogram(_Instrument[_Observed]):
    """How often values were observed, by size."""

    def __init__(self, name: str, description: str, limits: tuple[float, ...] = DURATION_LIMITS_MS) -> None:
        super().__init__(name, description)
        self._limits = limits

    def observe(self, value: float, **labels: str) -> None:
        """Take in one value, in the unit of the name."""
        key = self._key(labels)
        observed = self._series.get(key)
        if observed is None:
            observed = self._series[key] = _Observed(len(self._limits))
        at = bisect.bisect_left(self._limits, value)
        if at < len(self._limits):
            observed.counts[at] += 1
        observed.count += 1
        observed.total += value

    def samples(self) -> Iterator[Sample]:
        """The present value of each series. Buckets are cumulative."""
        for labels, observed in self._series.items():
            buckets, below = [], 0
            for limit, count in zip(self._limits, observed.counts, strict=True):
                below += count
                buckets.append(Bucket(limit=limit, count=below))
            yield Sample(
                name=self.name,
                kind="histogram",
                description=self.description,
                labels=dict(labels),
                value=observed.total,
                count=observed.count,
                buckets=buckets,
            )


class Metrics:
    """The instruments of one actor, by name."""

    def __init__(self) -> None:
        self._instruments: dict[str, Counter | Gauge | Histogram] = {}

    def counter(self, name: str, description: str) -> Counter:
        """The counter of this name, made on first use.

        Raises:
            TypeError: the name is that of another kind of instrument.
        """
        return self._as(Counter, self._instruments.setdefault(name, Counter(name, description)))

    def gauge(self, name: str, description: str) -> Gauge:
        """The gauge of this name, made on first use.

        Raises:
            TypeError: the name is that of another kind of instrument.
        """
        return self._as(Gauge, self._instruments.setdefault(name, Gauge(name, description)))

    def histogram(
        self, name: str, description: str, limits: tuple[float, ...] = DURATION_LIMITS_MS
    ) -> Histogram:
        """The histogram of this name, made on first use.

        Args:
            name: dotted, with the unit at its end.
            description: what it measures.
            limits: upper limits of the buckets, ascending, in the unit of the name.

        Raises:
            TypeError: the name is that of another kind of instrument.
        """
        return self._as(Histogram, self._instruments.setdefault(name, Histogram(name, description, limits)))

    def samples(self) -> list[Sample]:
        """The present value of all series."""
        return [sample for instrument in self._instruments.values() for sample in instrument.samples()]

    def _as(self, kind: type[InstrumentT], instrument: Counter | Gauge | Histogram) -> InstrumentT:
        if not isinstance(instrument, kind):
            raise TypeError(
                f"{instrument.name} is a {type(instrument).__name__.lower()}, not a {kind.__name__.lower()}"
            )
        return instrument


async def gather_metrics(
    peer: Peer, actors: Collection[str], timeout_seconds: float
) -> list[MetricsReportedEvent]:
    """Ask some actors for their metrics; returns the reports that came in time, by name.

    A sidecar in another language may have none.
    """
    reading = os.urandom(8).hex()
    reports: dict[str, MetricsReportedEvent] = {}
    async with peer.subscribe(MetricsReportedEvent) as events:
        await peer.publish(MetricsWantedEvent(reading=reading))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while len(reports) < len(actors):
                    received = await events.received()
                    event = received.event
                    if (
                        isinstance(event, MetricsReportedEvent)
                        and event.reading == reading
                        and event.actor == received.source
                        and event.actor in actors
                    ):
                        reports[event.actor] = event
    return [reports[name] for name in sorted(reports)]


def loss_samples(statistics: Statistics) -> list[Sample]:
    """What a peer missed on the bus; empty while it missed nothing."""
    missed = {
        "bus.peer.lost_events": ("Events that are lost to this peer for good.", statistics.lost),
        "bus.peer.undecodable_events": ("Events that did not fit their type.", statistics.undecodable),
        "bus.peer.reconnects": (
            "How often the broker let this peer in again.",
            max(0, statistics.welcomes - 1),
        ),
    }
    return [
        Sample(name=name, kind="counter", description=description, labels={}, value=float(count))
        for name, (description, count) in missed.items()
        if count
    ]


InstrumentT = TypeVar("InstrumentT", Counter, Gauge, Histogram)
