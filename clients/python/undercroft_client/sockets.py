"""The two sockets of a client, which carry the frames of the protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final, cast

import zmq
from zmq.utils.monitor import recv_monitor_message

from undercroft_client.errors import HelloRefused, UnsafePlace
from undercroft_client.feed_follower import FEED_TOPICS
from undercroft_client.own_places import check_endpoints
from undercroft_client.protocol import Protocol
from undercroft_client.runtime import Runtime
from undercroft_client.values import FRAME_LIMIT_BYTES

HIGH_WATER_MARK_MESSAGES: Final = 4096
FRAME_SLACK_BYTES: Final = 1024
RECONNECT_MILLISECONDS: Final = 20
RECONNECT_LIMIT_MILLISECONDS: Final = 1000
LEAVE_LINGER_MILLISECONDS: Final = 200
TURN_LIMIT_MESSAGES: Final = 1024

_DENIED: Final = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL


class Sockets:
    """Lane and feed of one client, connected."""

    def __init__(self, runtime: Runtime, prefixes: Iterable[bytes] = ()) -> None:
        self._runtime = runtime
        self._context = zmq.Context()
        self.lane, self.feed = self._socket(zmq.DEALER), self._socket(zmq.SUB)
        self.monitor = self.lane.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | _DENIED
        )
        self.lane.connect(runtime.lane)
        self._hears = self._is_connected = False
        for prefix in prefixes:
            self.subscribe(prefix)

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK_MESSAGES)
        socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK_MESSAGES)
        socket.setsockopt(zmq.MAXMSGSIZE, FRAME_LIMIT_BYTES + FRAME_SLACK_BYTES)
        socket.setsockopt(zmq.IMMEDIATE, 1)  # what is queued when a connection ends goes to no other one
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MILLISECONDS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_LIMIT_MILLISECONDS)
        if curve := self._runtime.curve:
            socket.setsockopt(zmq.CURVE_SERVERKEY, curve.server_public.encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, curve.client_public.encode())
            socket.setsockopt(zmq.CURVE_SECRETKEY, curve.client_secret.encode())
        return socket

    def subscribe(self, prefix: bytes) -> None:
        """Receive feed topics with this prefix. The first call connects the feed."""
        self.feed.setsockopt(zmq.SUBSCRIBE, prefix)
        if not self._hears:
            self._hears = True
            for topic in FEED_TOPICS:
                self.feed.setsockopt(zmq.SUBSCRIBE, topic)
            self.feed.connect(self._runtime.feed)

    def unsubscribe(self, prefix: bytes) -> None:
        """Receive feed topics with this prefix no longer."""
        self.feed.setsockopt(zmq.UNSUBSCRIBE, prefix)

    def exchange(self, protocol: Protocol, has_room: Callable[[], bool]) -> bool:
        """Receive and send without waiting. Returns whether there may be more to do.

        While `has_room` returns False, the feed is not read. The broker then drops messages, which are
        fetched later.
        """
        for _ in range(TURN_LIMIT_MESSAGES):
            moved = False
            if _can(self.monitor, zmq.POLLIN):
                moved = True
                self._connection_changed(protocol)
            elif _can(self.lane, zmq.POLLIN):
                moved = True
                protocol.lane(self.lane.recv_multipart(zmq.NOBLOCK), time.monotonic())
            elif has_room() and _can(self.feed, zmq.POLLIN):
                moved = True
                protocol.feed(self.feed.recv_multipart(zmq.NOBLOCK))
            if protocol.outgoing and _can(self.lane, zmq.POLLOUT):
                moved = True
                self.lane.send_multipart(protocol.outgoing.popleft(), zmq.NOBLOCK)
            if not moved:
                return False
        return True

    def poll(self, timeout_seconds: float, *, is_sending: bool, is_hearing: bool) -> None:
        """Wait until there is something to exchange."""
        poller = zmq.Poller()
        poller.register(self.monitor, zmq.POLLIN)
        poller.register(self.lane, zmq.POLLIN | (zmq.POLLOUT if is_sending else 0))
        if is_hearing:
            poller.register(self.feed, zmq.POLLIN)
        poller.poll(int(timeout_seconds * 1000) + 1)

    def _connection_changed(self, protocol: Protocol) -> None:
        event = recv_monitor_message(self.monitor, zmq.NOBLOCK)["event"]
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._is_connected = True
            self.greet(protocol)
        elif event == zmq.EVENT_DISCONNECTED:
            self._is_connected = False
            protocol.disconnected()
        elif event & _DENIED:
            protocol.refusal = HelloRefused(
                protocol.name, "denied", "the keys of runtime.json are not those of the broker"
            )

    def greet(self, protocol: Protocol) -> None:
        """Have HELLO said, which has the credential, unless a stranger may have taken the connection.

        ZeroMQ connects anew by itself, and what was ours may have been replaced since. Without a connection
        nothing is said either: it would wait for whoever takes the next one.
        """
        if not self._is_connected:
            return
        try:
            check_endpoints(self._runtime.lane)
        except UnsafePlace as unsafe:
            protocol.refusal = HelloRefused(protocol.name, "unsafe_place", str(unsafe))
        else:
            protocol.connected()

    def close(self, *, linger: bool = False) -> None:
        """Close. `linger`: give what was sent last a moment to leave."""
        self.lane.disable_monitor()
        self.monitor.close(linger=0)
        self.feed.close(linger=0)
        self.lane.close(linger=LEAVE_LINGER_MILLISECONDS if linger else 0)
        self._context.term()


def _can(socket: zmq.Socket[bytes], what: int) -> bool:
    return bool(cast(int, socket.getsockopt(zmq.EVENTS)) & what)
