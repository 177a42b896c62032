"""A request and its reply, round trip; and the failure at once where nobody answers."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks import with_nats, with_pyzmq, with_undercroft
from tests.benchmarks.bell import WARM_UP_EVENTS
from tests.benchmarks.cast import Part, nats_missing, stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, latencies, main

REQUESTS = 4_000
REQUESTS_QUICK = 300


def _outcome(asker: Part) -> Sample:
    answers_ns, failures_ns = asker.hear()
    found = latencies(answers_ns[WARM_UP_EVENTS:])
    if failures_ns:
        found["no_responder_p50_us"] = latencies(failures_ns)["p50_us"]
    return found


def undercroft(count: int) -> Sample:
    """Our bus; an actor answers."""
    with stage() as here:
        runtime = here.broker()
        here.part(with_undercroft.answer, runtime)
        return _outcome(here.part(with_undercroft.ask, runtime, count))


def pyzmq(count: int, answer: Callable[..., None], ask: Callable[..., None]) -> Sample:
    """REQ, ROUTER/DEALER proxy in C, REP."""
    with stage() as here:
        front, back = here.endpoint("front"), here.endpoint("back")
        here.part(with_pyzmq.broker_requests, front, back)
        here.part(answer, back)
        return _outcome(here.part(ask, front, count))


def nats(count: int) -> Sample:
    """nats-server with nats-py."""
    with stage() as here:
        url = here.nats_server()
        here.part(with_nats.answer, url).hear()
        return _outcome(here.part(with_nats.ask, url, count))


def build(is_quick: bool) -> Benchmark:
    """A request and its reply, round trip; and the failure at once where nobody answers."""
    count = WARM_UP_EVENTS + (REQUESTS_QUICK if is_quick else REQUESTS)
    return Benchmark(
        name="request",
        title="Request to reply",
        contestants=[
            Contestant("undercroft", lambda: undercroft(count)),
            Contestant("pyzmq", lambda: pyzmq(count, with_pyzmq.answer, with_pyzmq.ask)),
            Contestant("pyzmq-asyncio", lambda: pyzmq(count, with_pyzmq.answer_async, with_pyzmq.ask_async)),
            Contestant("nats", lambda: nats(count), nats_missing()),
        ],
        targets=[
            Target("p50_us", 1.3, at_least=False, peer="pyzmq"),
            Target("p50_us", 1.3, at_least=False, peer="pyzmq-asyncio"),
            Target("no_responder_p50_us", 1000, at_least=False),
        ],
    )


if __name__ == "__main__":
    main("bench_request", build)
