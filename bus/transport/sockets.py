"""The sockets of the bus. The only module that knows ZeroMQ; everything above it sees frames."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import selectors
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import zmq
import zmq.utils.z85
from zmq.utils.monitor import recv_monitor_message

from bus.discovery import CurveKeys, Runtime
from bus.errors import EndpointRefused
from bus.transport.transport import LinkHandlers
from bus.wire import BODY_LIMIT_BYTES, WELCOME_FRAME, Frames

HIGH_WATER_MARK_MESSAGES: Final = 4096
"""Messages that wait for one slow peer before further ones are dropped (feed) or refused (lane)."""

RECONNECT_MILLISECONDS: Final = 20
RECONNECT_LIMIT_MILLISECONDS: Final = 1000
FRAME_SLACK_BYTES: Final = 1024
"""ZeroMQ measures a frame as it travels: CURVE adds 33 bytes to the largest body that is taken."""

DRAIN_LIMIT_MESSAGES: Final = 256
HANDSHAKE_MILLISECONDS: Final = 5000
ZAP_ENDPOINT: Final = "inproc://zeromq.zap.01"

# pyzmq's send_multipart and recv_multipart look at each frame several times; for the few short frames of the
# bus the calls that they end in take half the time.
_send = zmq.backend.Socket.send
_recv = zmq.backend.Socket.recv
_get = zmq.backend.Socket.get
_NOBLOCK: Final = int(zmq.NOBLOCK)
_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)
_RCVMORE: Final = int(zmq.RCVMORE)
_EVENTS: Final = int(zmq.EVENTS)
_POLLIN: Final = int(zmq.POLLIN)


LOOPBACK: Final = ("127.0.0.1", "[::1]", "localhost")


class Sent(enum.Enum):
    """What became of a message to one peer."""

    SENT = enum.auto()
    GONE = enum.auto()
    FULL = enum.auto()


class CurveSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """All four keys of a runtime that listens on TCP: the server's and the one that its clients share (Z85, 40 characters each)."""

    server_public: str
    server_secret: str
    client_public: str
    client_secret: str

    def for_clients(self) -> CurveKeys:
        """What clients may know."""
        return CurveKeys(
            server_public=self.server_public,
            client_public=self.client_public,
            client_secret=self.client_secret,
        )


def new_curve_secrets() -> CurveSecrets:
    """Fresh CURVE keys."""
    server_public, server_secret = (key.decode() for key in zmq.curve_keypair())
    client_public, client_secret = (key.decode() for key in zmq.curve_keypair())
    return CurveSecrets(
        server_public=server_public,
        server_secret=server_secret,
        client_public=client_public,
        client_secret=client_secret,
    )


def _send_frames(socket: zmq.Socket[bytes], frames: Frames) -> None:
    last = len(frames) - 1
    for frame in frames[:last]:
        _send(socket, frame, _MORE)
    _send(socket, frames[last], _NOBLOCK)


def _receive_frames(socket: zmq.Socket[bytes]) -> list[bytes]:
    frames = [_recv(socket, _NOBLOCK)]
    while _get(socket, _RCVMORE):
        frames.append(_recv(socket, _NOBLOCK))
    return frames


def _has_input(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message waits. Asking costs a tenth of the exception that receiving in vain would raise."""
    return bool(int(_get(socket, _EVENTS)) & _POLLIN)


def _limit(socket: zmq.Socket[bytes]) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK_MESSAGES)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK_MESSAGES)
    socket.setsockopt(zmq.MAXMSGSIZE, BODY_LIMIT_BYTES + FRAME_SLACK_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MILLISECONDS)


class BrokerSockets:
    """Lane (ROUTER) and feed (PUB) of the broker, bound.

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
        _limit(socket)
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
        """Let `poll` return when this file descriptor can be read, too."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def unwatch(self, descriptor: int) -> None:
        """Forget a watched file descriptor."""
        self._selector.unregister(descriptor)

    def poll(self, timeout_seconds: float) -> set[object]:
        """Wait until something can be read; returns `"lane"`, `"disconnects"` and watched descriptors, whichever can."""
        if self._has_input():
            timeout_seconds = (
                0.0  # the descriptor of a ZeroMQ socket shows an edge, which may be over while messages wait
            )
        ready: set[object] = {key.fd for key, _ in self._selector.select(max(0.0, timeout_seconds))}
        if self._feed_descriptor in ready:
            self.take_subscriptions()  # a new subscriber is let in now, and welcomed, rather than with the next announcement
        if _has_input(self._lane):
            ready.add("lane")
        if _has_input(self._disconnects):
            ready.add("disconnects")
        while self._zap is not None and _has_input(self._zap):
            self._answer_zap(self._zap)
        return ready

    def _has_input(self) -> bool:
        return (
            _has_input(self._lane)
            or _has_input(self._disconnects)
            or (self._zap is not None and _has_input(self._zap))
        )

    def receive(self) -> list[bytes] | None:
        """Next lane message, with the peer's routing id in front; None if nothing waits."""
        return _receive_frames(self._lane) if _has_input(self._lane) else None

    def send(self, route: bytes, frames: Frames) -> Sent:
        """Send to one peer without waiting."""
        try:
            _send_frames(self._lane, (route, *frames))
        except zmq.Again:
            return Sent.FULL
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return Sent.GONE
        return Sent.SENT

    def announce(self, frames: Frames) -> None:
        """Tell everybody who subscribed; whoever is too slow misses it."""
        _send_frames(self._feed, frames)

    def take_subscriptions(self) -> None:
        """Let all subscriptions that have come in take effect now; sending alone looks for them once a millisecond at most."""
        _get(self._feed, _EVENTS)

    def drain_disconnects(self) -> int:
        """How many connections to the lane ended since the last call."""
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
        """Let in whoever shows the client key of this runtime (ZAP, RFC 27)."""
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
    """Make room for an ipc socket: its directory exists with mode 0700 and no stale socket is in the way.

    Raises:
        EndpointRefused: others could connect there: it is TCP without keys, or beyond the loopback.
    """
    if endpoint.startswith("tcp://"):
        if endpoint.removeprefix("tcp://").rpartition(":")[0] not in LOOPBACK:
            raise EndpointRefused(
                endpoint, f"the broker listens on the loopback only ({', '.join(LOOPBACK)})"
            )
        if not has_keys:
            raise EndpointRefused(
                endpoint,
                "the broker listens on TCP with CURVE keys only, since every user of the machine can connect",
            )
    if endpoint.startswith("ipc://"):
        path = Path(endpoint.removeprefix("ipc://"))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        path.unlink(missing_ok=True)


class SocketLink:
    """Lane (DEALER) and feed (SUB) of one peer, on the running asyncio loop."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._loop = asyncio.get_running_loop()
        self._context = zmq.Context()
        self._lane = self._socket(zmq.DEALER)
        self._feed = self._socket(zmq.SUB)
        self._monitor = self._lane.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_DISCONNECTED
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        )
        self._handlers: LinkHandlers | None = None
        self._unsent: list[Frames] = []
        self._feed_open = False
        self._feed_paused = False
        self._lane_scheduled = self._feed_scheduled = False

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        _limit(socket)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MILLISECONDS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_LIMIT_MILLISECONDS)
        if self._runtime.curve:
            socket.setsockopt(zmq.CURVE_SERVERKEY, self._runtime.curve.server_public.encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, self._runtime.curve.client_public.encode())
            socket.setsockopt(zmq.CURVE_SECRETKEY, self._runtime.curve.client_secret.encode())
        return socket

    def start(self, handlers: LinkHandlers) -> None:
        """Connect the lane and deliver to these handlers from now on."""
        self._handlers = handlers
        self._loop.add_reader(self._monitor.fileno(), self._read_monitor)
        self._loop.add_reader(self._lane.fileno(), self._read_lane)
        self._lane.connect(self._runtime.lane)
        self._loop.call_soon(self._read_monitor)

    def send(self, frames: Frames) -> None:
        """Send on the lane; what does not fit now leaves as soon as it does, in order."""
        if self._unsent or not self._try_send(frames):
            self._unsent.append(frames)
        self._check_lane()

    def discard_unsent(self) -> None:
        """Forget what waits for a lane that is gone; the layer above sends again what matters."""
        self._unsent.clear()

    def subscribe(self, prefix: bytes) -> None:
        """Hear feed topics with this prefix. The first call connects the feed; connections already made take it at once."""
        self._feed.setsockopt(zmq.SUBSCRIBE, prefix)
        if not self._feed_open:
            self._feed_open = True
            self._feed.setsockopt(zmq.SUBSCRIBE, WELCOME_FRAME)
            self._feed.setsockopt(zmq.SUBSCRIBE, b"!heartbeat")
            self._loop.add_reader(self._feed.fileno(), self._read_feed)
            self._feed.connect(self._runtime.feed)
        self._check_feed()

    def unsubscribe(self, prefix: bytes) -> None:
        """Hear them no more."""
        self._feed.setsockopt(zmq.UNSUBSCRIBE, prefix)
        self._check_feed()

    def resume_feed(self) -> None:
        """Go on after a handler returned False."""
        if self._feed_paused:
            self._feed_paused = False
            self._loop.add_reader(self._feed.fileno(), self._read_feed)
            self._check_feed()

    def close(self, linger_seconds: float = 0.0) -> None:
        """Close; what was sent last (a BYE) has so long to leave."""
        linger_milliseconds = int(linger_seconds * 1000)
        if self._handlers is None:
            self._context.destroy(linger=0)
            return
        self._handlers = None
        self._loop.remove_reader(self._monitor.fileno())
        self._loop.remove_reader(self._lane.fileno())
        if self._feed_open and not self._feed_paused:
            self._loop.remove_reader(self._feed.fileno())
        self._lane.disable_monitor()
        self._context.destroy(linger=linger_milliseconds)

    def _try_send(self, frames: Frames) -> bool:
        try:
            _send_frames(self._lane, frames)
        except zmq.Again:
            return False
        return True

    def _flush(self) -> None:
        while self._unsent and self._try_send(self._unsent[0]):
            del self._unsent[0]

    def _check_lane(self) -> None:
        """A send may have swallowed the edge that the descriptor would have shown: look again."""
        if not self._lane_scheduled and _has_input(self._lane):
            self._lane_scheduled = True
            self._loop.call_soon(self._read_lane)

    def _check_feed(self) -> None:
        if not self._feed_scheduled and not self._feed_paused and _has_input(self._feed):
            self._feed_scheduled = True
            self._loop.call_soon(self._read_feed)

    def _read_lane(self) -> None:
        self._lane_scheduled = False
        handlers = self._handlers
        if handlers is None:
            return
        for _ in range(DRAIN_LIMIT_MESSAGES):
            if not _has_input(self._lane):
                break
            handlers.lane(_receive_frames(self._lane))
            if self._handlers is None:
                return
        if self._unsent:
            self._flush()
        self._check_lane()

    def _read_feed(self) -> None:
        self._feed_scheduled = False
        handlers = self._handlers
        if handlers is None or self._feed_paused:
            return
        for _ in range(DRAIN_LIMIT_MESSAGES):
            if not _has_input(self._feed):
                return
            frames = _receive_frames(self._feed)
            if frames[0] == WELCOME_FRAME:
                handlers.welcomed()
            elif not handlers.feed(frames):
                self._feed_paused = True
                self._loop.remove_reader(self._feed.fileno())
                return
            if self._handlers is None:
                return
        self._check_feed()

    def _read_monitor(self) -> None:
        handlers = self._handlers
        with contextlib.suppress(zmq.Again):
            while handlers is not None:
                message: dict[str, Any] = dict(recv_monitor_message(self._monitor, zmq.NOBLOCK))
                event = message["event"]
                if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    handlers.connected()
                elif event == zmq.EVENT_DISCONNECTED:
                    handlers.disconnected()
                else:
                    handlers.denied(
                        "the broker does not accept the client key of runtime.json, or is not the one that it names"
                    )
                handlers = self._handlers


def libzmq_version() -> str:
    """Version of the library beneath pyzmq."""
    return zmq.zmq_version()
