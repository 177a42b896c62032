"""The broker process: one synchronous loop between the sockets and the broker core."""

from __future__ import annotations

import gc
import os
import time
from collections import deque
from typing import Final

import msgspec

from bus import wire
from bus.broker.broker_core import BrokerCore
from bus.broker.log.event_log import RING_LIMIT_BYTES, RING_LIMIT_EVENTS, EventLog
from bus.broker.roster import Roster, generous_roster
from bus.lifeline import Lifeline, LifelineClosed
from bus.transport.sockets.broker_sockets import BrokerSockets, SendOutcome, prepare_endpoint
from bus.transport.sockets.curve_keys import CurveSecrets

READ_LIMIT_MESSAGES: Final = 256
"""Most messages that are read before timers get their turn."""

PROBE_DELAYS_SECONDS: Final = (0.0, 0.005, 0.05, 0.5)
"""When all peers are probed after a connection ended: the socket may notice it later than its monitor."""


class BrokerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a broker listens.

    Attributes:
        lane, feed: endpoints to bind, such as `ipc:///path/lane` or `tcp://127.0.0.1:*`.
        token: what every peer has to present.
        curve: all keys, for TCP; None: for ipc, whose directory keeps strangers out.
        roster: who may join under which name, and what each peer may do; None: everybody may everything.
        namespaces: topic patterns that the app declares, where there is no roster.
        succession: a former broker ended just before, so missing servers are due back.
        ring_limit_events, ring_limit_bytes: how much is kept for REPLAY.
    """

    lane: str
    feed: str
    token: str
    curve: CurveSecrets | None = None
    roster: Roster | None = None
    namespaces: list[str] = []
    succession: bool = False
    ring_limit_events: int = RING_LIMIT_EVENTS
    ring_limit_bytes: int = RING_LIMIT_BYTES


class Broker:
    """Moves messages between the sockets and the broker core.

    The lifeline is read before each HELLO: each child that runs is in the roster by then.

    Attributes:
        epoch: this life of the broker.
        sockets: its lane and feed.
        core: decides everything.
        is_stopped: the supervisor said stop.
    """

    def __init__(self, options: BrokerOptions, lifeline: Lifeline | None = None) -> None:
        for endpoint in (options.lane, options.feed):
            prepare_endpoint(endpoint, has_keys=options.curve is not None)
        self.epoch = os.urandom(8).hex()
        self.sockets = BrokerSockets(options.lane, options.feed, options.curve)
        self.is_stopped = False
        roster = options.roster or generous_roster(options.namespaces)
        self._lifeline = lifeline
        self._probes: deque[float] = deque()
        event_log = EventLog(self.epoch, options.ring_limit_events, options.ring_limit_bytes)
        self.core = BrokerCore(
            event_log, options.token, roster, self._reach, time.monotonic(), succession=options.succession
        )

    def turn(self, limit_seconds: float = wire.HEARTBEAT_SECONDS) -> set[object]:
        """Wait for something to do and do it; returns the watched descriptors that can be read."""
        now = time.monotonic()
        due = min(self.core.next_due(), self._probes[0]) if self._probes else self.core.next_due()
        ready = self.sockets.poll(min(limit_seconds, max(0.0, due - now)))
        if "lane" in ready:
            self._drain()
        now = time.monotonic()
        if "disconnects" in ready and self.sockets.drain_disconnects():
            self._probes = deque(now + delay for delay in PROBE_DELAYS_SECONDS)
        while self._probes and self._probes[0] <= now:
            self._probes.popleft()
            self._probe(now)
        heartbeat = self.core.tick(now, time.time_ns())
        if heartbeat is not None:
            self.sockets.announce(heartbeat)
        self._send_pending(now)
        return ready

    def read_lifeline(self) -> None:
        """Do what the supervisor says, if it says anything.

        Raises:
            LifelineClosed: it is gone.
        """
        if self._lifeline is None:
            return
        for message in self._lifeline.receive():
            if message.ping is not None:
                self._lifeline.send_pong(message.ping)
            if message.roster is not None:
                self.core.use(msgspec.convert(message.roster, Roster), time.monotonic())
            if message.stop is not None:
                self.is_stopped = True

    def close(self) -> None:
        """Stop listening at once."""
        self.sockets.close()

    def _drain(self) -> None:
        receive, core = self.sockets.receive, self.core
        now, time_ns = time.monotonic(), time.time_ns()
        for _ in range(READ_LIMIT_MESSAGES):
            message = receive()
            if message is None:
                break
            route, *frames = message
            if frames and frames[0] == b"SNAPSHOT":
                self.sockets.take_subscriptions()  # what follows the snapshot then reaches the asking peer
            elif frames and frames[0] == b"HELLO":
                self.read_lifeline()
            core.receive(route, frames, now, time_ns)
            if core.out:
                self._send_pending(now)

    def _send_pending(self, now: float) -> None:
        """Send what the core queued, until it queues no more: a failed send may queue further messages."""
        core = self.core
        while core.out:
            for feed_message in core.out.take_for_feed():
                self.sockets.announce(feed_message)
            for route, frames in core.out.take_for_peers():
                sent = SendOutcome.FULL if core.is_congested(route) else self.sockets.send(route, frames)
                if sent is SendOutcome.GONE:
                    core.unreachable(route, now, time.time_ns())
                elif sent is SendOutcome.FULL:
                    core.congested(route, frames, now, time.time_ns())

    def _reach(self, route: bytes) -> bool:
        return self.sockets.send(route, wire.lane_frames(wire.PingHeader(0))) is not SendOutcome.GONE

    def _probe(self, now: float) -> None:
        for route in self.core.routes():
            if not self._reach(route):
                self.core.unreachable(route, now, time.time_ns())


def run(options: BrokerOptions, lifeline: Lifeline | None) -> None:
    """Be the broker until the lifeline says stop, or ends.

    Args:
        options: how it listens.
        lifeline: the connection to the supervisor; None: run until the process ends.
    """
    broker = Broker(options, lifeline)
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
        while not broker.is_stopped:
            if lifeline.fileno() in broker.turn():
                broker.read_lifeline()
    except LifelineClosed:
        return
    finally:
        broker.close()
