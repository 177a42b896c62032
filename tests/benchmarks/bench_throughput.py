"""Typed events a second, from a publisher through a broker into an async handler, each in its process."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks import with_nats, with_pyzmq, with_undercroft
from tests.benchmarks.cast import Part, nats_missing, stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main

EVENTS = 400_000
EVENTS_NATS = 100_000
EVENTS_QUICK = 5_000


def _outcome(publisher: Part, subscriber: Part, count: int) -> Sample:
    """From the first publish until the last event was handled."""
    publisher.tell("go")
    began = publisher.hear()
    return {"events_per_second": count / (subscriber.hear() - began)}


def undercroft(count: int) -> Sample:
    """Our bus."""
    with stage() as here:
        runtime = here.broker()
        subscriber = here.part(with_undercroft.hear_many, runtime, count)
        publisher = here.part(with_undercroft.publish_many, runtime, count)
        subscriber.hear()
        publisher.hear()
        return _outcome(publisher, subscriber, count)


def pyzmq(count: int, hear: Callable[..., None], publish: Callable[..., None]) -> Sample:
    """PUB, C proxy, SUB."""
    with stage() as here:
        front, back = here.endpoint("front"), here.endpoint("back")
        here.part(with_pyzmq.forward, front, back)
        subscriber = here.part(hear, back, count)
        publisher = here.part(publish, front, count)
        subscriber.hear()
        return _outcome(publisher, subscriber, count)


def nats(count: int) -> Sample:
    """nats-server with nats-py."""
    with stage() as here:
        url = here.nats_server()
        subscriber = here.part(with_nats.hear_many, url, count)
        publisher = here.part(with_nats.publish_many, url, count)
        subscriber.hear()
        publisher.hear()
        return _outcome(publisher, subscriber, count)


def build(is_quick: bool) -> Benchmark:
    """Typed events a second, from a publisher through a broker into an async handler, each in its process."""
    count = EVENTS_QUICK if is_quick else EVENTS
    count_nats = EVENTS_QUICK if is_quick else EVENTS_NATS
    return Benchmark(
        name="throughput",
        title="Typed events, publisher -> broker -> async handler",
        contestants=[
            Contestant("undercroft", lambda: undercroft(count)),
            Contestant("pyzmq", lambda: pyzmq(count, with_pyzmq.hear_many, with_pyzmq.publish_many)),
            Contestant(
                "pyzmq-multipart",
                lambda: pyzmq(count, with_pyzmq.hear_many_multipart, with_pyzmq.publish_many_multipart),
            ),
            Contestant("nats", lambda: nats(count_nats), nats_missing()),
        ],
        targets=[
            Target("events_per_second", 1.25, at_least=True, peer="pyzmq"),
            Target("events_per_second", 3.0, at_least=True, peer="nats"),
        ],
    )


if __name__ == "__main__":
    main("bench_throughput", build)
