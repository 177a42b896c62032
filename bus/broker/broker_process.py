"""The broker process: one synchronous loop between the sockets and the routing policy."""

from __future__ import annotations

import gc
import os
import time
from collections import deque
from typing import Final

import msgspec

from bus import wire
from bus.broker.broker_core import Routing
from bus.broker.event_log import RING_LIMIT_BYTES, RING_LIMIT_EVENTS, Ledger
from bus.broker.topic_rules import TopicRules
from bus.lifeline import Lifeline, LifelineClosed
from bus.transport.sockets import BrokerSockets, CurveSecrets, Sent, prepare_endpoint

DRAIN_LIMIT_MESSAGES: Final = 256
PROBE_DELAYS_SECONDS: Final = (0.0, 0.005, 0.05, 0.5)
"""When the peers are probed after a connection ended: the socket may learn of it a little later than its monitor does."""


class BrokerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a broker is to listen.

    Attributes:
        lane, feed: endpoints to bind, such as `ipc:///path/lane` or `tcp://127.0.0.1:*`.
        curve: all keys, for TCP; None for ipc, whose directory keeps strangers out.
        namespaces: topic patterns that the app declares for itself.
        succession: a former broker ended just before, so that servers which are missing are due back.
        ring_limit_events, ring_limit_bytes: how much is kept for REPLAY.
    """

    lane: str
    feed: str
    token: str
    curve: CurveSecrets | None = None
    namespaces: list[str] = []
    succession: bool = False
    ring_limit_events: int = RING_LIMIT_EVENTS
    ring_limit_bytes: int = RING_LIMIT_BYTES


class Broker:
    """Carries messages between sockets and routing."""

    def __init__(self, options: BrokerOptions) -> None:
        for endpoint in (options.lane, options.feed):
            prepare_endpoint(endpoint, has_keys=options.curve is not None)
        self.epoch = os.urandom(8).hex()
        self.sockets = BrokerSockets(options.lane, options.feed, options.curve)
        self._probes: deque[float] = deque()
        rules = TopicRules(options.namespaces)
        ledger = Ledger(self.epoch, options.ring_limit_events, options.ring_limit_bytes)
        self.routing = Routing(
            ledger, options.token, rules, self._reach, time.monotonic(), succession=options.succession
        )

    def turn(self, limit_seconds: float = wire.HEARTBEAT_SECONDS) -> set[object]:
        """Wait for something to do, at most so long, and do it; returns which watched descriptors can be read."""
        now = time.monotonic()
        due = min(self.routing.next_due(), self._probes[0]) if self._probes else self.routing.next_due()
        ready = self.sockets.poll(min(limit_seconds, max(0.0, due - now)))
        if "lane" in ready:
            self._drain()
        now = time.monotonic()
        if "disconnects" in ready and self.sockets.drain_disconnects():
            self._probes = deque(now + delay for delay in PROBE_DELAYS_SECONDS)
        while self._probes and self._probes[0] <= now:
            self._probes.popleft()
            self._probe(now)
        heartbeat = self.routing.tick(now)
        if heartbeat is not None:
            self.sockets.announce(heartbeat)
        self._carry_out(now)
        return ready

    def close(self) -> None:
        """Stop listening at once."""
        self.sockets.close()

    def _drain(self) -> None:
        receive, routing = self.sockets.receive, self.routing
        now, time_ns = time.monotonic(), time.time_ns()
        for _ in range(DRAIN_LIMIT_MESSAGES):
            message = receive()
            if message is None:
                break
            route, *frames = message
            if frames and frames[0] == b"SNAPSHOT":
                self.sockets.take_subscriptions()  # so that what follows the snapshot reaches whoever asks for it
            routing.receive(route, frames, now, time_ns)
            if routing.announced or routing.outgoing:
                self._carry_out(now)

    def _carry_out(self, now: float) -> None:
        """Send what the policy decided, until it decides no more: a send that fails may lead to further ones."""
        routing = self.routing
        while routing.announced or routing.outgoing:
            announced, routing.announced = routing.announced, []
            for feed_message in announced:
                self.sockets.announce(feed_message)
            outgoing, routing.outgoing = routing.outgoing, []
            for route, frames in outgoing:
                sent = self.sockets.send(route, frames)
                if sent is Sent.GONE:
                    routing.unreachable(route, now, time.time_ns())
                elif sent is Sent.FULL:
                    routing.congested(route, frames)

    def _reach(self, route: bytes) -> bool:
        return self.sockets.send(route, wire.lane_frames(wire.Ping(0))) is not Sent.GONE

    def _probe(self, now: float) -> None:
        for route in self.routing.routes():
            if not self._reach(route):
                self.routing.unreachable(route, now, time.time_ns())


def run(options: BrokerOptions, lifeline: Lifeline | None) -> None:
    """Be the broker until the lifeline says stop, or ends."""
    broker = Broker(options)
    gc.freeze()
    try:
        if lifeline is None:
            while True:
                broker.turn()
        broker.sockets.watch(lifeline.fileno())
        lifeline.send_ready(
            {
                "lane": broker.sockets.lane_endpoint,
                "feed": broker.sockets.feed_endpoint,
                "epoch": broker.epoch,
            }
        )
        while True:
            if lifeline.fileno() in broker.turn():
                for message in lifeline.receive():
                    if message.ping is not None:
                        lifeline.send_pong(message.ping)
                    if message.stop is not None:
                        return
    except LifelineClosed:
        return
    finally:
        broker.close()
