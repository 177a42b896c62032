"""The broker's sockets: a ROUTER for the lane, a PUB for the feed, and one poll for both."""

from __future__ import annotations

import contextlib
import enum
import selectors
from pathlib import Path
from typing import Any, Final, cast

import zmq
import zmq.utils.z85

from bus.errors import UnsafeEndpoint
from bus.transport.sockets.curve_keys import CurveSecrets
from bus.transport.sockets.frame_io import has_input, receive_frames, send_frames, set_limits, take_events
from bus.wire import WELCOME_FRAME, Frames

ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"
LOOPBACK: Final = ("127.0.0.1", "[::1]", "localhost")


class SendOutcome(enum.Enum):
    """What became of a message to one peer."""

    SENT = enum.auto()
    GONE = enum.auto()
    FULL = enum.auto()


class BrokerSockets:
    """Lane and feed of the broker, bound.

    Attributes:
        lane_endpoint, feed_endpoint: where they listen, with the port that the system chose.

    Raises:
        OSError: an endpoint cannot be bound.
    """

    def __init__(self, lane: str, feed: str, curve: CurveSecrets | None) -> None:
        self._context = zmq.Context()
        self._selector = selectors.DefaultSelector()
        self._zap = self._authenticate(curve) if curve else None
        self._lane = self._bind(zmq.ROUTER, lane, curve, {zmq.ROUTER_MANDATORY: 1})
        self._feed = self._bind(zmq.PUB, feed, curve, {zmq.XPUB_WELCOME_MSG: WELCOME_FRAME})
        self._client_public = curve.client_public.encode() if curve else b""
        self._disconnects = self._lane.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        for socket in (self._lane, self._disconnects, self._zap):
            if socket is not None:
                self._selector.register(socket.fileno(), selectors.EVENT_READ)
        self._feed_descriptor = self._feed.fileno()
        self._selector.register(self._feed_descriptor, selectors.EVENT_READ)
        self.lane_endpoint = _last_endpoint(self._lane)
        self.feed_endpoint = _last_endpoint(self._feed)

    def _bind(
        self, kind: int, endpoint: str, curve: CurveSecrets | None, options: dict[int, Any]
    ) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        set_limits(socket)
        for option, value in options.items():
            socket.setsockopt(option, value)
        if curve:
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, curve.server_secret.encode())
            socket.setsockopt(zmq.ZAP_DOMAIN, b"undercroft")
        socket.bind(endpoint)
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
        """Wait until something can be read; returns which: `"lane"`, `"disconnects"`, watched descriptors."""
        if self._has_input():
            timeout_seconds = 0.0  # the descriptors signal edges, which may be over while messages wait
        ready: set[object] = {key.fd for key, _ in self._selector.select(max(0.0, timeout_seconds))}
        if self._feed_descriptor in ready:
            self.take_subscriptions()  # a new subscriber is welcomed now, not with the next announcement
        if has_input(self._lane):
            ready.add("lane")
        if has_input(self._disconnects):
            ready.add("disconnects")
        while self._zap is not None and has_input(self._zap):
            self._answer_zap(self._zap)
        return ready

    def _has_input(self) -> bool:
        return (
            has_input(self._lane)
            or has_input(self._disconnects)
            or (self._zap is not None and has_input(self._zap))
        )

    def receive(self) -> list[bytes] | None:
        """The next lane message, its first frame the routing id of the peer; None if none waits."""
        return receive_frames(self._lane) if has_input(self._lane) else None

    def send(self, route: bytes, frames: Frames) -> SendOutcome:
        """Send to one peer without waiting."""
        try:
            send_frames(self._lane, (route, *frames))
        except zmq.Again:
            return SendOutcome.FULL
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return SendOutcome.GONE
        return SendOutcome.SENT

    def announce(self, frames: Frames) -> None:
        """Publish on the feed. A subscriber that is too slow misses it."""
        send_frames(self._feed, frames)

    def take_subscriptions(self) -> None:
        """Apply the subscriptions that have arrived. A send looks for them at most once a millisecond."""
        take_events(self._feed)

    def drain_disconnects(self) -> int:
        """Count the connections to the lane that ended since the last call."""
        count = 0
        with contextlib.suppress(zmq.Again):
            while True:
                self._disconnects.recv_multipart(zmq.NOBLOCK)
                count += 1
        return count

    def close(self) -> None:
        """Close at once; nothing lingers."""
        self._selector.close()
        self._lane.disable_monitor()
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


def _last_endpoint(socket: zmq.Socket[bytes]) -> str:
    return cast(bytes, socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()


def prepare_endpoint(endpoint: str, *, has_keys: bool) -> None:
    """Prepare an endpoint for binding: for ipc, make its directory with mode 0700 and remove a stale socket.

    Raises:
        UnsafeEndpoint: strangers could connect: it is TCP without keys, or beyond the loopback.
    """
    if endpoint.startswith("tcp://"):
        if endpoint.removeprefix("tcp://").rpartition(":")[0] not in LOOPBACK:
            raise UnsafeEndpoint(endpoint, f"the broker listens on the loopback only ({', '.join(LOOPBACK)})")
        if not has_keys:
            raise UnsafeEndpoint(
                endpoint,
                "the broker listens on TCP with CURVE keys only, since every user of the machine can connect",
            )
    if endpoint.startswith("ipc://"):
        path = Path(endpoint.removeprefix("ipc://"))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        path.unlink(missing_ok=True)
