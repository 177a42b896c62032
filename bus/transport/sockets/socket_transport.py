"""One peer's sockets on the asyncio loop: a DEALER for the lane, a SUB for the feed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from bus.discovery import Runtime
from bus.own_places import endpoint_stranger
from bus.transport.sockets.descriptors import check_descriptors
from bus.transport.sockets.frame_io import has_input, receive_frames, send_frames, set_limits
from bus.transport.transport import TransportHandlers
from bus.wire import HEARTBEAT_TOPIC, WELCOME_FRAME, Frames

RECONNECT_MILLISECONDS: Final = 20
RECONNECT_LIMIT_MILLISECONDS: Final = 1000
GREET_AGAIN_SECONDS: Final = 1.0
READ_LIMIT_MESSAGES: Final = 256
"""Most messages that are read before other callbacks of the loop get their turn."""


class SocketTransport:
    """Lane and feed of one peer.

    The descriptor of a ZeroMQ socket signals an edge, not a level: any call on the socket may consume it.
    That is why every send and every read looks for further input itself.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Connect nothing yet.

        Raises:
            DescriptorsShort: this process may not open as many files as ZeroMQ needs.
        """
        self._runtime = runtime
        self._loop = asyncio.get_running_loop()
        check_descriptors()
        self._context = zmq.Context()
        self._lane = self._socket(zmq.DEALER)
        self._feed = self._socket(zmq.SUB)
        self._monitor = self._lane.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_DISCONNECTED
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        )
        self._handlers: TransportHandlers | None = None
        self._unsent: list[Frames] = []
        self._has_feed = False
        self._is_feed_paused = False
        self._greeting: asyncio.TimerHandle | None = None
        self._is_lane_scheduled = self._is_feed_scheduled = False

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        set_limits(socket)
        socket.setsockopt(zmq.IMMEDIATE, 1)  # what is queued when a connection ends goes to no other one
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MILLISECONDS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_LIMIT_MILLISECONDS)
        if self._runtime.curve:
            socket.setsockopt(zmq.CURVE_SERVERKEY, self._runtime.curve.server_public.encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, self._runtime.curve.client_public.encode())
            socket.setsockopt(zmq.CURVE_SECRETKEY, self._runtime.curve.client_secret.encode())
        return socket

    def start(self, handlers: TransportHandlers) -> None:
        """Connect the lane, and deliver to these handlers from now on."""
        self._handlers = handlers
        self._loop.add_reader(self._monitor.fileno(), self._read_monitor)
        self._loop.add_reader(self._lane.fileno(), self._read_lane)
        self._lane.connect(self._runtime.lane)
        self._loop.call_soon(self._read_monitor)

    def send(self, frames: Frames) -> None:
        """Send on the lane, in order. A message that does not fit leaves as soon as it does."""
        if self._unsent or not self._try_send(frames):
            self._unsent.append(frames)
        self._check_lane()

    def discard_unsent(self) -> None:
        """Drop what waits for a lane that is gone. The layer above sends again what matters."""
        self._unsent.clear()

    def subscribe(self, prefix: bytes) -> None:
        """Receive feed topics with this prefix. The first call connects the feed."""
        self._feed.setsockopt(zmq.SUBSCRIBE, prefix)
        if not self._has_feed:
            self._has_feed = True
            self._feed.setsockopt(zmq.SUBSCRIBE, WELCOME_FRAME)
            self._feed.setsockopt(zmq.SUBSCRIBE, HEARTBEAT_TOPIC)
            self._loop.add_reader(self._feed.fileno(), self._read_feed)
            self._feed.connect(self._runtime.feed)
        self._check_feed()

    def unsubscribe(self, prefix: bytes) -> None:
        """Receive feed topics with this prefix no longer."""
        self._feed.setsockopt(zmq.UNSUBSCRIBE, prefix)
        self._check_feed()

    def resume_feed(self) -> None:
        """Continue after the feed handler returned False."""
        if self._is_feed_paused:
            self._is_feed_paused = False
            self._loop.add_reader(self._feed.fileno(), self._read_feed)
            self._check_feed()

    def close(self, linger_seconds: float = 0.0) -> None:
        """Close. What was sent last, such as a BYE, has this long to leave."""
        linger_milliseconds = int(linger_seconds * 1000)
        if self._handlers is None:
            self._context.destroy(linger=0)
            return
        self._handlers = None
        self._give_up_greeting()
        self._loop.remove_reader(self._monitor.fileno())
        self._loop.remove_reader(self._lane.fileno())
        if self._has_feed and not self._is_feed_paused:
            self._loop.remove_reader(self._feed.fileno())
        self._lane.disable_monitor()
        self._context.destroy(linger=linger_milliseconds)

    def _try_send(self, frames: Frames) -> bool:
        try:
            send_frames(self._lane, frames)
        except zmq.Again:
            return False
        return True

    def _flush(self) -> None:
        while self._unsent and self._try_send(self._unsent[0]):
            del self._unsent[0]

    def _check_lane(self) -> None:
        if not self._is_lane_scheduled and has_input(self._lane):
            self._is_lane_scheduled = True
            self._loop.call_soon(self._read_lane)

    def _check_feed(self) -> None:
        if not self._is_feed_scheduled and not self._is_feed_paused and has_input(self._feed):
            self._is_feed_scheduled = True
            self._loop.call_soon(self._read_feed)

    def _read_lane(self) -> None:
        self._is_lane_scheduled = False
        handlers = self._handlers
        if handlers is None:
            return
        for _ in range(READ_LIMIT_MESSAGES):
            if not has_input(self._lane):
                break
            handlers.lane(receive_frames(self._lane))
            if self._handlers is None:
                return
        if self._unsent:
            self._flush()
        self._check_lane()

    def _read_feed(self) -> None:
        self._is_feed_scheduled = False
        handlers = self._handlers
        if handlers is None or self._is_feed_paused:
            return
        for _ in range(READ_LIMIT_MESSAGES):
            if not has_input(self._feed):
                return
            frames = receive_frames(self._feed)
            if frames[0] == WELCOME_FRAME:
                handlers.welcomed()
            elif not handlers.feed(frames):
                self._is_feed_paused = True
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
                    self._greet(handlers)
                elif event == zmq.EVENT_DISCONNECTED:
                    self._give_up_greeting()
                    handlers.disconnected()
                else:
                    handlers.denied(
                        "wrong_key",
                        "the broker does not accept the client key of runtime.json, "
                        "or is not the one that runtime.json names",
                    )
                handlers = self._handlers

    def _greet(self, handlers: TransportHandlers) -> None:
        """Let the peer say HELLO, which has its credential, unless a stranger may have taken the connection.

        ZeroMQ connects anew by itself, and what was ours may have been replaced since. What was mended is
        noticed after a second.
        """
        stranger = endpoint_stranger(self._runtime.lane)
        if stranger is None:
            handlers.connected()
            return
        self._greeting = self._loop.call_later(GREET_AGAIN_SECONDS, self._greet, handlers)
        handlers.denied("unsafe_place", str(stranger))

    def _give_up_greeting(self) -> None:
        if self._greeting is not None:
            self._greeting.cancel()
            self._greeting = None
