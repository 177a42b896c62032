"""The broker's sockets: a ROUTER for the lane, a PUB for the feed, and one poll for both."""

from __future__ import annotations

import enum
import selectors
from collections.abc import Iterable
from typing import Any, Final

import zmq
import zmq.utils.z85

from bus.transport.sockets.connection_census import ConnectionCensus
from bus.transport.sockets.connection_guard import ConnectionGuard
from bus.transport.sockets.connection_monitor import ACCEPTED, ConnectionMonitor
from bus.transport.sockets.curve_keys import CurveSecrets
from bus.transport.sockets.descriptors import (
    DESCRIPTOR_LIMIT,
    end_connection,
    process_of,
    unread_bytes,
)
from bus.transport.sockets.frame_io import (
    FRAME_SLACK_BYTES,
    has_input,
    send_counted,
    send_frames,
    set_limits,
    take_events,
)
from bus.transport.sockets.lane_intake import LaneIntake
from bus.transport.sockets.listener import Listener
from bus.transport.sockets.stalled_readers import StalledReaders
from bus.transport.sockets.unsent_bytes import COUNTED_BYTES, UnsentBytes
from bus.wire import WELCOME_FRAME, Frames

ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"

LARGE_BYTES: Final = 16 * 1024
"""Only messages from this size on are refused because of their bytes."""

LANE_LIMIT_BYTES: Final = 32 * 1024 * 1024
"""What may wait for one peer. A larger single message leaves if nothing waits."""

FEED_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""What may wait for all subscribers. While it does, large runs are not announced: the ring has them."""

SUBSCRIPTIONS_LIMIT: Final = 8
"""Subscriptions that wait to be applied. More would come as fast as they are, and nothing else be done."""

SUBSCRIPTION_LIMIT_BYTES: Final = 1024
"""Longest subscription: a topic has 128 bytes. A connection of the feed sends nothing else."""

NARROW_BACKLOG: Final = 8
"""Connections that may wait to be accepted where descriptors are few: the gate does not hold them."""


class SendOutcome(enum.Enum):
    """What became of a message to one peer."""

    SENT = enum.auto()
    GONE = enum.auto()
    FULL = enum.auto()


class BrokerSockets:
    """Lane and feed of the broker, bound.

    Attributes:
        lane_endpoint, feed_endpoint: where they listen, with the port that the system chose.
        census: how many connections there are.
        departures: connections that ended.
        guard: ends those that send too much.

    Raises:
        OSError: an endpoint cannot be bound.
    """

    def __init__(
        self, lane: str, feed: str, curve: CurveSecrets | None, descriptor_limit: int = DESCRIPTOR_LIMIT
    ) -> None:
        self._context = zmq.Context()
        self._selector = selectors.DefaultSelector()
        self._zap = self._authenticate(curve) if curve else None
        self._client_public = curve.client_public.encode() if curve else b""
        self.census = ConnectionCensus(descriptor_limit)
        waiting: dict[int, Any] = {zmq.BACKLOG: NARROW_BACKLOG} if self.census.is_narrow else {}
        self._lane = self._socket(zmq.ROUTER, curve, {zmq.ROUTER_MANDATORY: 1, **waiting})
        self._feed = self._socket(
            zmq.PUB,
            curve,
            {
                zmq.XPUB_WELCOME_MSG: WELCOME_FRAME,
                zmq.RCVHWM: SUBSCRIPTIONS_LIMIT,
                zmq.MAXMSGSIZE: SUBSCRIPTION_LIMIT_BYTES + FRAME_SLACK_BYTES,
                **waiting,
            },
        )
        self._intake = LaneIntake(self._lane)
        self._monitors = (
            ConnectionMonitor(self._context, self._lane, "lane"),
            ConnectionMonitor(self._context, self._feed, "feed"),
        )
        self._connections: tuple[set[int], set[int]] = (set(), set())
        self._unsent_lane, self._unsent_feed = UnsentBytes(), UnsentBytes()
        self._stalled = StalledReaders()
        self.guard = ConnectionGuard()
        self._unsure: set[bytes] = set()
        self.departures = 0
        self._listeners = (Listener(self._lane, lane), Listener(self._feed, feed))
        self.lane_endpoint, self.feed_endpoint = (listener.endpoint for listener in self._listeners)
        watched = (self._lane, *self._monitors, *([self._zap] if self._zap else ()))
        for descriptor in (*(socket.fileno() for socket in watched), *self.guard.filenos()):
            self._selector.register(descriptor, selectors.EVENT_READ)
        self._feed_descriptor = self._feed.fileno()
        self._selector.register(self._feed_descriptor, selectors.EVENT_READ)

    def _socket(self, kind: int, curve: CurveSecrets | None, options: dict[int, Any]) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        set_limits(socket)
        for option, value in options.items():
            socket.setsockopt(option, value)
        if curve:
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, curve.server_secret.encode())
            socket.setsockopt(zmq.ZAP_DOMAIN, b"undercroft")
        return socket

    def _authenticate(self, curve: CurveSecrets) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.REP)
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(ZAP_ENDPOINT)
        return socket

    def watch(self, descriptor: int) -> None:
        """Let `poll` also return when this file descriptor can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def poll(self, timeout_seconds: float) -> set[object]:
        """Wait until something can be read; returns which.

        `"lane"`, `"connections"`, `"excess"` (somebody sent too much), watched descriptors.
        """
        if self._has_input():
            timeout_seconds = 0.0  # the descriptors signal edges, which may be over while messages wait
        ready: set[object] = {key.fd for key, _ in self._selector.select(max(0.0, timeout_seconds))}
        if self._feed_descriptor in ready:
            self.take_subscriptions()  # a new subscriber is welcomed now, not with the next announcement
        if self.guard.look(ready):
            ready.add("excess")
        if has_input(self._lane):
            ready.add("lane")
        if self.has_news():
            ready.add("connections")
        while self._zap is not None and has_input(self._zap):
            self._answer_zap(self._zap)
        return ready

    def _has_input(self) -> bool:
        return has_input(self._lane) or self.has_news() or (self._zap is not None and has_input(self._zap))

    # -- messages

    def receive(self, *, is_likely: bool = False) -> list[bytes] | None:
        """The next lane message, its first frame the routing id of the peer; None if none waits.

        Args:
            is_likely: one is expected, since others came before it in this turn.
        """
        message = self._intake.receive(is_likely=is_likely)
        if self._intake.newcomers:
            self._note_newcomers()
        return message

    def _note_newcomers(self) -> None:
        """Note HELLOs whose connection may have ended before they were read."""
        for route in self._intake.newcomers:
            if self._intake.descriptor_of(route) not in self._connections[0]:
                self._unsure.add(route)
        self._intake.newcomers.clear()

    def send(self, route: bytes, frames: Frames) -> SendOutcome:
        """Send to one peer without waiting."""
        size_bytes = len(frames[-1]) if len(frames) <= 3 else sum(map(len, frames))
        try:
            if size_bytes < COUNTED_BYTES:
                send_frames(self._lane, (route, *frames))
            elif not self._send_counted(route, frames, size_bytes):
                return SendOutcome.FULL
        except zmq.Again:
            return SendOutcome.FULL
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self.forget(route)
            return SendOutcome.GONE
        return SendOutcome.SENT

    def _send_counted(self, route: bytes, frames: Frames, size_bytes: int) -> bool:
        unsent = self._unsent_lane
        waiting_bytes = unsent.of(route) if size_bytes >= LARGE_BYTES else 0
        if waiting_bytes and waiting_bytes + size_bytes > LANE_LIMIT_BYTES:
            return False
        mark = send_counted(self._lane, (route, *frames), marks=unsent.needs_mark(route, size_bytes))
        unsent.add(route, size_bytes, mark)
        return True

    def announce(self, frames: Frames) -> bool:
        """Publish on the feed; a subscriber that is too slow misses it.

        Returns False if it was not published, since too much waits for slow subscribers.
        """
        size_bytes = len(frames[-1])
        if size_bytes < COUNTED_BYTES:
            send_frames(self._feed, frames)
            return True
        topic, unsent = bytes(frames[0]), self._unsent_feed
        if size_bytes >= LARGE_BYTES and not unsent.fits(size_bytes, FEED_LIMIT_BYTES):
            return False
        mark = send_counted(self._feed, frames, marks=unsent.needs_mark(topic, size_bytes))
        unsent.add(topic, size_bytes, mark)
        return True

    def take_subscriptions(self) -> None:
        """Apply the subscriptions that have arrived. A send looks for them at most once a millisecond."""
        take_events(self._feed)

    def take_released_bytes(self) -> int:
        """How many bytes of messages were given up or copied since the last call."""
        released_bytes = self._intake.large_bytes
        self._intake.large_bytes = 0
        for unsent in (self._unsent_lane, self._unsent_feed):
            unsent.settle()
            released_bytes += unsent.released_bytes
            unsent.released_bytes = 0
        return released_bytes

    # -- connections

    def has_news(self) -> bool:
        """Whether connections began or ended."""
        return self._monitors[0].has_reports() or self._monitors[1].has_reports()

    def take_news(self, now: float) -> set[bytes]:
        """Take in which connections began and ended; returns the routes that may have ended with them.

        A connection that begins while there is no room for it ends at once.
        """
        ended: set[bytes] = set()
        for monitor, connections in zip(self._monitors, self._connections, strict=True):
            is_lane = connections is self._connections[0]
            for event, descriptor in monitor.read():
                if event == ACCEPTED:
                    if self.census.is_crowded:
                        end_connection(descriptor)
                    self.census.opened(descriptor, now)
                    connections.add(descriptor)
                    self.guard.opened(descriptor, is_lane=is_lane)
                else:
                    self.guard.closed(descriptor, is_lane=is_lane)
                    self.departures += 1
                    self.census.closed(descriptor)
                    connections.discard(descriptor)
                    if is_lane:
                        ended |= self._intake.routes_at(descriptor)
        self._set_gates()
        return ended

    def tend(self, admitted: Iterable[bytes], now: float) -> set[bytes]:
        """Look after the socket files, and end connections of nobody that had their time.

        On the feed they have time as long as they keep nobody out.

        Returns the routes whose connection may have ended without news.
        """
        ended, self._unsure = self._unsure, set()
        for listener, connections in zip(self._listeners, self._connections, strict=True):
            if listener.check_file():
                for descriptor in connections:
                    self.census.closed(descriptor)
                connections.clear()
                ended |= self._intake.routes()
        self._set_gates()
        lane, feed = self._connections
        known = {self._intake.descriptor_of(route) for route in admitted}
        strangers = lane - known if -1 not in known else set()  # a peer may have any of them
        self.guard.tend(strangers, known)
        if self.census.is_crowded:
            strangers |= feed - self._feeds_of(known)
        for descriptor in self.census.overdue(strangers, now):
            end_connection(descriptor)
        self._cut_stalled_subscribers(now)
        return ended

    def _cut_stalled_subscribers(self, now: float) -> None:
        """While large runs are not announced, end the subscriptions of those that read nothing at all.

        Their clients connect again when they read, and fetch what they missed.
        """
        if self._unsent_feed.fits(LARGE_BYTES, FEED_LIMIT_BYTES // 2):
            self._stalled.forget()
            return
        unread = {descriptor: unread_bytes(descriptor) for descriptor in self._connections[1]}
        for descriptor in self._stalled.find(unread, now):
            end_connection(descriptor)

    def _set_gates(self) -> None:
        for listener in self._listeners:
            if self.census.is_crowded:
                listener.close_gate()
            else:
                listener.open_gate()

    def _descriptors_of(self, routes: Iterable[bytes]) -> set[int]:
        """The connections of these peers to the lane."""
        return {descriptor for route in routes if (descriptor := self._intake.descriptor_of(route)) >= 0}

    def _feeds_of(self, lanes: set[int]) -> set[int]:
        """The connections to the feed of the processes that have these to the lane."""
        processes = {process_of(descriptor) for descriptor in lanes} | {None}
        return {descriptor for descriptor in self._connections[1] if process_of(descriptor) in processes}

    def admit(self, route: bytes) -> None:
        """A peer was admitted: it may send as many messages as it likes."""
        self.guard.admit(self._intake.descriptor_of(route))

    def finished(self, route: bytes) -> None:
        """A message of a peer was received."""
        self.guard.unfinished.finished(self._intake.descriptor_of(route))

    def cut_excessive(self, admitted: Iterable[bytes]) -> None:
        """End the connections that sent too much before they were admitted."""
        self.guard.cut_excessive(self._descriptors_of(admitted))

    def cut(self, route: bytes) -> None:
        """End the connection of a peer."""
        descriptor = self._intake.descriptor_of(route)
        if descriptor >= 0:
            end_connection(descriptor)
        self.forget(route)

    def forget(self, route: bytes) -> None:
        """A peer is gone, and what waited for it too."""
        self._unsent_lane.forget(route)
        self._intake.forget(route)

    def close(self) -> None:
        """Close at once; nothing lingers."""
        self._selector.close()
        self.guard.close()
        for monitor in self._monitors:
            monitor.close()
        self._context.destroy(linger=0)

    def _answer_zap(self, zap: zmq.Socket[bytes]) -> None:
        """Admit connections that present the client key of this runtime (ZAP, RFC 27)."""
        version, request_id, _domain, _address, _identity, mechanism, *credentials = zap.recv_multipart()
        known = (
            mechanism == b"CURVE"
            and len(credentials) == 1
            and zmq.utils.z85.encode(credentials[0]) == self._client_public
        )
        status, text = (b"200", b"OK") if known else (b"400", b"unknown client key")
        zap.send_multipart([version, request_id, status, text, b"client" if known else b"", b""])
