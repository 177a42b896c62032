"""One event alone: how long from publish to the handler. The next follows once it was handled."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import Pipe

from tests.benchmarks import with_nats, with_pyzmq, with_undercroft
from tests.benchmarks.bell import WARM_UP_EVENTS
from tests.benchmarks.cast import nats_missing, stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, latencies, main

EVENTS = 4_000
EVENTS_QUICK = 300


def undercroft(count: int) -> Sample:
    """Our bus."""
    rings, rung = Pipe()
    with rings, rung, stage() as here:
        runtime = here.broker()
        subscriber = here.part(with_undercroft.hear_singly, runtime, rings, count)
        publisher = here.part(with_undercroft.publish_singly, runtime, rung, count)
        subscriber.hear()
        publisher.hear()
        publisher.tell("go")
        return latencies(subscriber.hear()[WARM_UP_EVENTS:])


def pyzmq(count: int, hear: Callable[..., None], publish: Callable[..., None]) -> Sample:
    """PUB, C proxy, SUB."""
    rings, rung = Pipe()
    with rings, rung, stage() as here:
        front, back = here.endpoint("front"), here.endpoint("back")
        here.part(with_pyzmq.forward, front, back)
        subscriber = here.part(hear, back, rings, count)
        publisher = here.part(publish, front, rung, count)
        subscriber.hear()
        publisher.tell("go")
        return latencies(subscriber.hear()[WARM_UP_EVENTS:])


def nats(count: int) -> Sample:
    """nats-server with nats-py."""
    rings, rung = Pipe()
    with rings, rung, stage() as here:
        url = here.nats_server()
        subscriber = here.part(with_nats.hear_singly, url, rings, count)
        publisher = here.part(with_nats.publish_singly, url, rung, count)
        subscriber.hear()
        publisher.hear()
        publisher.tell("go")
        return latencies(subscriber.hear()[WARM_UP_EVENTS:])


def build(is_quick: bool) -> Benchmark:
    """One event alone: how long from publish to the handler. The next follows once it was handled."""
    count = WARM_UP_EVENTS + (EVENTS_QUICK if is_quick else EVENTS)
    return Benchmark(
        name="latency",
        title="One event alone, publish to handler",
        contestants=[
            Contestant("undercroft", lambda: undercroft(count)),
            Contestant("pyzmq", lambda: pyzmq(count, with_pyzmq.hear_singly, with_pyzmq.publish_singly)),
            Contestant(
                "pyzmq-asyncio",
                lambda: pyzmq(count, with_pyzmq.hear_singly_async, with_pyzmq.publish_singly_async),
            ),
            Contestant("nats", lambda: nats(count), nats_missing()),
        ],
        targets=[
            Target("p50_us", 1.6, at_least=False, peer="pyzmq"),
            Target("p50_us", 1.6, at_least=False, peer="pyzmq-asyncio"),
        ],
    )


if __name__ == "__main__":
    main("bench_latency", build)
