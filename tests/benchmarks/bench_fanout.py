"""One publisher, ten subscribers in processes of their own: deliveries a second, all together."""

from __future__ import annotations

from tests.benchmarks import with_pyzmq, with_router, with_undercroft
from tests.benchmarks.cast import Part, stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main

SUBSCRIBERS = 10
EVENTS = 40_000
EVENTS_QUICK = 1_000


def _outcome(publisher: Part, subscribers: list[Part], count: int) -> Sample:
    """From the first publish until the last subscriber handled the last event."""
    publisher.tell("go")
    began = publisher.hear()
    return {
        "deliveries_per_second": count
        * len(subscribers)
        / (max(subscriber.hear() for subscriber in subscribers) - began)
    }


def undercroft(count: int) -> Sample:
    """Our bus."""
    with stage() as here:
        runtime = here.broker()
        subscribers = [here.part(with_undercroft.hear_many, runtime, count) for _ in range(SUBSCRIBERS)]
        publisher = here.part(with_undercroft.publish_many, runtime, count)
        for part in (*subscribers, publisher):
            part.hear()
        return _outcome(publisher, subscribers, count)


def router(count: int) -> Sample:
    """A ROUTER in Python that sends to each."""
    with stage() as here:
        endpoint = here.endpoint("router")
        here.part(with_router.distribute, endpoint)
        subscribers = [here.part(with_router.hear_many, endpoint, count) for _ in range(SUBSCRIBERS)]
        publisher = here.part(with_router.publish_many, endpoint, count)
        for part in (*subscribers, publisher):
            part.hear()
        return _outcome(publisher, subscribers, count)


def pyzmq(count: int) -> Sample:
    """PUB, C proxy, SUB."""
    with stage() as here:
        front, back = here.endpoint("front"), here.endpoint("back")
        here.part(with_pyzmq.forward, front, back)
        subscribers = [here.part(with_pyzmq.hear_many, back, count) for _ in range(SUBSCRIBERS)]
        publisher = here.part(with_pyzmq.publish_many, front, count)
        for part in subscribers:
            part.hear()
        return _outcome(publisher, subscribers, count)


def build(is_quick: bool) -> Benchmark:
    """One publisher, ten subscribers in processes of their own: deliveries a second, all together."""
    count = EVENTS_QUICK if is_quick else EVENTS
    return Benchmark(
        name="fanout",
        title=f"Fan-out to {SUBSCRIBERS} subscriber processes",
        contestants=[
            Contestant("undercroft", lambda: undercroft(count)),
            Contestant("python-router", lambda: router(count)),
            Contestant("pyzmq", lambda: pyzmq(count)),
        ],
        targets=[Target("deliveries_per_second", 4.0, at_least=True, peer="python-router")],
    )


if __name__ == "__main__":
    main("bench_fanout", build)
