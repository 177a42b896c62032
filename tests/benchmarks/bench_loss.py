"""At which rate of publishing a subscriber begins to lose events, and how fast a publisher is that waits.

The subscriber decodes every event, fetches what the feed dropped, and says how far it is. Runs of 100 events.
"""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

import msgspec
import zmq

from bus import wire
from bus.discovery import Runtime
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.support.raw_peer import RawPeer

TOPIC = "app.loss"
RUN_EVENTS = 100
RATES = (50_000, 100_000, 200_000, 300_000, 400_000, 600_000, 800_000, 1_200_000, 1_600_000, 3_200_000)
"""Events a second that are tried, until some are lost."""

SECONDS = 2.0
LEAST_EVENTS = 400_000
"""Several times the ring: fewer could not be lost."""

QUICK_SHARE = 10
WINDOW_RUNS = 256
HEARD_EVERY_EVENTS = 8192
BEHIND_LIMIT_EVENTS = 16_384
LOOK_MILLISECONDS = 5


def publish(pipe: Connection, runtime: Runtime, total: int, rate: int) -> None:
    """Publish so many events at this rate; 0: as fast as the slowest subscriber hands them on."""
    peer = RawPeer(runtime, "publisher").hello()
    event = wire.encode({"type": TOPIC, "text": "a sentence of some length", "n": 12345})
    body = b"\xdd" + RUN_EVENTS.to_bytes(4, "big") + event * RUN_EVENTS
    pipe.send("ready")
    pipe.recv()
    began, accepted, behind, runs = time.monotonic(), 0, 0, total // RUN_EVENTS

    def take(limit_milliseconds: int) -> None:
        nonlocal accepted, behind
        while peer.lane.poll(limit_milliseconds):
            header = peer.answer()
            if isinstance(header, wire.AcceptedHeader):
                accepted, behind = header.serial, header.behind
                return
            if isinstance(header, wire.PingHeader):
                peer.send(wire.PongHeader(header.id))

    for serial in range(1, runs + 1):
        peer.send(wire.PublishHeader(serial, TOPIC, RUN_EVENTS, (serial - 1) * RUN_EVENTS + 1), body)
        take(0)
        while serial - accepted >= WINDOW_RUNS:
            take(1000)
        while not rate and behind > BEHIND_LIMIT_EVENTS:
            peer.send(wire.PingHeader(1))
            take(LOOK_MILLISECONDS)
        if rate and (early := began + serial * RUN_EVENTS / rate - time.monotonic()) > 0.002:
            time.sleep(early)
    while accepted < runs:
        take(1000)
    pipe.send((began, time.monotonic()))
    pipe.recv()


class Listener:
    """Hands on the events of one topic, by number."""

    def __init__(self, runtime: Runtime) -> None:
        self.due, self.lost = 1, 0
        self.peer = RawPeer(runtime, "subscriber").hello().subscribe(TOPIC.encode())
        self.peer.feed.setsockopt(zmq.SUBSCRIBE, wire.HEARTBEAT_TOPIC)
        self.peer.send(wire.SnapshotHeader(1, [TOPIC], heads_only=True))
        self.peer.wait_for(wire.SnapshottedHeader)
        self._events = msgspec.msgpack.Decoder(list[dict[str, object]])
        self._said = self._head = 0
        self._is_fetching = False

    def feed(self, frames: list[bytes]) -> None:
        """A feed message."""
        if frames[0] == wire.HEARTBEAT_TOPIC:
            _, heads = wire.read_heartbeat(frames[1], frames[2])
            self._head = heads.get(TOPIC, 0)
            self._fetch()
        elif len(frames) == 3:
            run = wire.read_run(frames[1])
            self._take(run, frames[2])

    def lane(self, frames: list[bytes]) -> None:
        """A lane message."""
        header = wire.read_from_broker(frames[:2])
        if isinstance(header, wire.PingHeader):
            self.peer.send(wire.PongHeader(header.id))
        elif isinstance(header, wire.ReplayedHeader):
            self._is_fetching = False
            self.lost += header.lost
            self.due += header.lost
            for place in range(2, len(frames), 3):
                self._take(wire.read_run(frames[place + 1]), frames[place + 2])
            self._fetch()

    def _take(self, run: wire.Run, body: bytes) -> None:
        if run.number > self.due:
            self._head = max(self._head, run.number + run.count - 1)
            self._fetch()
        elif run.number + run.count > self.due:
            self._events.decode(body)
            self.due = run.number + run.count
            if self.due - self._said > HEARD_EVERY_EVENTS:
                self._said = self.due
                self.peer.send(wire.HeardHeader(TOPIC, self.due - 1))

    def _fetch(self) -> None:
        if not self._is_fetching and self.due <= self._head:
            self._is_fetching = True
            self.peer.send(wire.ReplayHeader(7, TOPIC, self.due, self._head))


def hear(pipe: Connection, runtime: Runtime, total: int) -> None:
    """Hear so many events; says when it was done, and how many were lost."""
    listener = Listener(runtime)
    poller = zmq.Poller()
    poller.register(listener.peer.feed, zmq.POLLIN)
    poller.register(listener.peer.lane, zmq.POLLIN)
    pipe.send("ready")
    while listener.due <= total:
        for socket, _ in poller.poll(1000):
            for _ in range(256):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                if socket is listener.peer.feed:
                    listener.feed(frames)
                else:
                    listener.lane(frames)
    pipe.send((time.monotonic(), listener.lost))


def attempt(total: int, rate: int) -> tuple[float, int]:
    """One publisher and one subscriber; the rate that was reached, and how many events were lost."""
    with stage() as here:
        runtime = here.broker()
        subscriber = here.part(hear, runtime, total)
        publisher = here.part(publish, runtime, total, rate)
        subscriber.hear()
        publisher.hear()
        publisher.tell("go")
        began, accepted_at = publisher.hear()
        _, lost = subscriber.hear()
        publisher.tell("end")
        return total / (accepted_at - began), lost


def loss(*, is_quick: bool) -> Sample:
    """The last rate without loss, the first with some, and a publisher that waits for its subscriber."""
    share = QUICK_SHARE if is_quick else 1
    found: Sample = {"lossless_events_per_second": 0.0, "lossy_events_per_second": 0.0}
    for rate in RATES:
        reached, lost = attempt(max(LEAST_EVENTS, int(rate * SECONDS)) // share, rate)
        if lost:
            found["lossy_events_per_second"] = reached
            break
        found["lossless_events_per_second"] = max(found["lossless_events_per_second"], reached)
        if reached < 0.8 * rate:
            break  # the publisher is no faster
    reached, lost = attempt(2 * LEAST_EVENTS // share, 0)
    return {**found, "waiting_events_per_second": reached, "waiting_lost": float(lost)}


def build(is_quick: bool) -> Benchmark:
    """At which rate events begin to be lost, and what a publisher that waits for subscribers gets through."""
    return Benchmark(
        name="loss",
        title="Where events begin to be lost",
        contestants=[Contestant("undercroft", lambda: loss(is_quick=is_quick))],
        targets=[
            Target("waiting_lost", 0, at_least=False),
            Target("lossless_events_per_second", 100_000, at_least=True),
        ],
        notes=["lossy_events_per_second 0: the publisher could not outrun the subscriber."],
    )


if __name__ == "__main__":
    main("bench_loss", build)
