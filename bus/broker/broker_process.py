"""The broker process: one synchronous loop between the sockets and the broker core."""

from __future__ import annotations

import gc
import heapq
import os
import time
from collections.abc import Iterable
from typing import Final

import msgspec

from bus import wire
from bus.broker.broker_core import BrokerCore
from bus.broker.freed_memory import FreedMemory
from bus.broker.log.event_log import RING_LIMIT_BYTES, RING_LIMIT_EVENTS, EventLog
from bus.broker.membership.liveness_pings import LivenessPing
from bus.broker.roster import Roster
from bus.lifeline import Lifeline, LifelineClosed
from bus.transport.sockets.broker_sockets import BrokerSockets, SendOutcome
from bus.transport.sockets.curve_keys import CurveSecrets
from bus.transport.sockets.descriptors import DESCRIPTOR_LIMIT, raise_descriptor_limit
from bus.transport.sockets.listener import prepare_endpoint

READ_LIMIT_MESSAGES: Final = 256
LIKELY_AFTER_MESSAGES: Final = 2
"""Behind so many messages another one is likely; looking for it first would cost more than a miss."""

SEND_AT_MESSAGES: Final = 8
"""With so many messages to send, reading pauses for them: sending several at once costs less."""

READ_LIMIT_BYTES: Final = 4 * 1024 * 1024
READ_LIMIT_SECONDS: Final = 0.02
"""What is read, or how long, before timers and the supervisor get their turn. One message is always read."""

PROBE_DELAYS_SECONDS: Final = (0.0, 0.005, 0.05, 0.5)
"""When a peer is probed after its connection ended: the socket may notice it later than its monitor."""

PROBE_PATIENCE_SECONDS: Final = 0.5
"""So long a probe waits until all is read that came before the connection ended."""

TEND_SECONDS: Final = 0.5
"""Time between two looks at the socket files and the memory."""


class BrokerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a broker listens.

    Attributes:
        lane, feed: endpoints to bind, such as `ipc:///path/lane` or `tcp://127.0.0.1:*`.
        token: what every peer has to present.
        curve: all keys, for TCP; None: for ipc, whose directory keeps strangers out.
        roster: who may join under which name, and what each peer may do.
        succession: a former broker ended just before, so missing servers are due back.
        ring_limit_events, ring_limit_bytes: how much is kept for REPLAY.
    """

    lane: str
    feed: str
    token: str
    roster: Roster
    curve: CurveSecrets | None = None
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

    def __init__(
        self,
        options: BrokerOptions,
        lifeline: Lifeline | None = None,
        descriptor_limit: int = DESCRIPTOR_LIMIT,
    ) -> None:
        for endpoint in (options.lane, options.feed):
            prepare_endpoint(endpoint, has_keys=options.curve is not None)
        self.epoch = os.urandom(8).hex()
        self.sockets = BrokerSockets(options.lane, options.feed, options.curve, descriptor_limit)
        self.is_stopped = False
        self._lifeline = lifeline
        self._probes: list[tuple[float, bytes]] = []
        self._freed = FreedMemory()
        self._tend_at = 0.0
        event_log = EventLog(self.epoch, options.ring_limit_events, options.ring_limit_bytes)
        self.core = BrokerCore(
            event_log,
            options.token,
            options.roster,
            self._reach,
            time.monotonic(),
            succession=options.succession,
            peer_limit=self.sockets.census.peer_limit,
        )

    def turn(self, limit_seconds: float = wire.HEARTBEAT_SECONDS) -> set[object]:
        """Wait for something to do and do it; returns the watched descriptors that can be read."""
        now = time.monotonic()
        self.sockets.guard.cut_unfinished(now)
        due = min(
            self.core.next_due(),
            self._tend_at,
            self.sockets.guard.unfinished.next_due(now),
            *(at for at, _ in self._probes[:1]),
        )
        ready = self.sockets.poll(min(limit_seconds, max(0.0, due - time.monotonic())))
        if "excess" in ready:
            self.sockets.cut_excessive(self.core.routes())
        is_drained = self._drain() if "lane" in ready else True
        now = time.monotonic()
        if "connections" in ready:
            self._expect_end(self.sockets.take_news(now), now)
        probed_until = now if is_drained else now - PROBE_PATIENCE_SECONDS
        while self._probes and self._probes[0][0] <= probed_until:
            self._probe(heapq.heappop(self._probes)[1], now)
        heartbeat = self.core.tick(now, time.time_ns())
        if heartbeat is not None:
            self.sockets.announce(heartbeat)
        if now >= self._tend_at:
            self._tend_at = now + TEND_SECONDS
            self._tend(now)
        self._send_pending(now)
        if self._lifeline is not None:
            for answer in self.core.liveness_answers():
                self._lifeline.send_peer_answered(msgspec.to_builtins(answer))
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
            if message.ask_peer is not None:
                self.core.ask_liveness(msgspec.convert(message.ask_peer, LivenessPing))
                self._send_pending(time.monotonic())  # the next turn may wait first
            if message.roster is not None:
                self.core.use(msgspec.convert(message.roster, Roster), time.monotonic())
            if message.stop is not None:
                self.is_stopped = True

    def close(self) -> None:
        """Stop listening at once."""
        self.sockets.close()

    def _drain(self) -> bool:
        """Read what waits, within limits, and send what follows from it; returns whether that was all."""
        now = time.monotonic()
        is_drained = self._take_in(now, now + READ_LIMIT_SECONDS, time.time_ns())
        self._send_pending(now)
        return is_drained

    def _take_in(self, now: float, until: float, time_ns: int) -> bool:
        sockets, core, out, clock = self.sockets, self.core, self.core.out, time.monotonic
        receive, take, census = sockets.receive, core.receive, sockets.census
        begun = sockets.guard.unfinished.begun
        size_bytes = 0
        for number in range(READ_LIMIT_MESSAGES):
            message = receive(is_likely=number > LIKELY_AFTER_MESSAGES)
            if message is None:
                return True
            route, *frames = message
            if frames and frames[0] == b"SNAPSHOT":
                sockets.take_subscriptions()  # what follows the snapshot then reaches the asking peer
            elif frames and frames[0] == b"HELLO":
                self.read_lifeline()
            take(route, frames, now, time_ns)
            if begun:
                sockets.finished(route)
            if frames and frames[0] == b"HELLO" and core.knows(route):
                sockets.admit(route)
            size_bytes += len(message[-1])
            if len(out.on_feed) >= SEND_AT_MESSAGES or len(out.to_peers) >= SEND_AT_MESSAGES:
                self._send_pending(now)
            if size_bytes > READ_LIMIT_BYTES or clock() > until:
                break
            if census.is_narrow and sockets.has_news():
                break
        return False

    def _send_pending(self, now: float) -> None:
        """Send what the core queued, until it queues no more: a failed send may queue further messages."""
        core, out, sockets = self.core, self.core.out, self.sockets
        announce, send = sockets.announce, sockets.send
        while out.on_feed or out.to_peers or out.cut:
            for feed_message in out.take_for_feed():
                announce(feed_message)
            for route, frames in out.take_for_peers():
                sent = SendOutcome.FULL if core.is_congested(route) else send(route, frames)
                if sent is SendOutcome.GONE:
                    core.unreachable(route, now, time.time_ns())
                elif sent is SendOutcome.FULL:
                    core.congested(route, frames, now, time.time_ns())
            for route in out.take_cut():
                sockets.cut(route)

    def _reach(self, route: bytes) -> bool:
        return self.sockets.send(route, wire.lane_frames(wire.PingHeader(0))) is not SendOutcome.GONE

    def _expect_end(self, routes: Iterable[bytes], now: float) -> None:
        for route in routes:
            for delay in PROBE_DELAYS_SECONDS:
                heapq.heappush(self._probes, (now + delay, route))

    def _probe(self, route: bytes, now: float) -> None:
        if not self._reach(route):
            self.core.unreachable(route, now, time.time_ns())

    def _tend(self, now: float) -> None:
        sockets = self.sockets
        self._expect_end(sockets.tend(self.core.routes(), now), now)
        self._freed.note(sockets.take_released_bytes())
        if sockets.departures:
            sockets.departures = 0
            self._freed.note_departure()
        self._freed.tend(now)


def run(options: BrokerOptions, lifeline: Lifeline | None) -> None:
    """Be the broker until the lifeline says stop, or ends.

    Args:
        options: how it listens.
        lifeline: the connection to the supervisor; None: run until the process ends.
    """
    broker = Broker(options, lifeline, raise_descriptor_limit())
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
