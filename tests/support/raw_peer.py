"""A peer without manners: it sends what a test says, and reads only when it is told to."""

from __future__ import annotations

from typing import Any

import zmq

from bus import wire
from bus.discovery import Runtime
from tests.support.broker_processes import GUARD_SECONDS


class RawPeer:
    """Lane and feed of one connection, frame by frame.

    Attributes:
        lane, feed: its sockets.
        name, instance: what it says in HELLO.
        published: for tests that count what they publish.
    """

    def __init__(self, runtime: Runtime, name: str = "rude", high_water_mark: int = 4096) -> None:
        self.name, self.instance = name, f"instance-of-{name}"
        self.published = 0
        self._runtime = runtime
        self._context = zmq.Context()
        self.lane = self._socket(zmq.DEALER, high_water_mark)
        self.lane.connect(runtime.lane)
        self.feed = self._socket(zmq.SUB, high_water_mark)

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _socket(self, kind: int, high_water_mark: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, 4096 if kind == zmq.SUB else high_water_mark)  # for subscriptions
        socket.setsockopt(zmq.RCVHWM, high_water_mark)
        if keys := self._runtime.curve:
            socket.setsockopt(zmq.CURVE_SERVERKEY, keys.server_public.encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.client_public.encode())
            socket.setsockopt(zmq.CURVE_SECRETKEY, keys.client_secret.encode())
        return socket

    def hello(self) -> RawPeer:
        """Join."""
        hello = wire.HelloHeader(wire.PROTOCOL_VERSION, self.name, self.instance, self._runtime.token)
        self.send(hello)
        answer = self.wait_for((wire.WelcomeHeader, wire.FailedHeader))
        assert isinstance(answer, wire.WelcomeHeader), answer
        return self

    def subscribe(self, prefix: bytes) -> RawPeer:
        """Hear topics with this prefix; returns once the broker knows."""
        self.feed.setsockopt(zmq.SUBSCRIBE, prefix)
        self.feed.setsockopt(zmq.SUBSCRIBE, wire.WELCOME_FRAME)
        self.feed.connect(self._runtime.feed)
        assert self.feed.poll(int(GUARD_SECONDS * 1000))
        assert self.feed.recv_multipart()[0] == wire.WELCOME_FRAME
        return self

    def send(self, header: wire.LaneHeader, *body: bytes) -> None:
        """Send one lane message."""
        self.lane.send_multipart(wire.lane_frames(header, *body))

    def publish(self, serial: int, topic: str, body: bytes, count: int = 1, key: str | None = None) -> None:
        """Publish a run whose number is the serial."""
        self.send(wire.PublishHeader(serial, topic, count, serial, key), body)

    def receive(self, limit_seconds: float = GUARD_SECONDS) -> list[bytes]:
        """The next lane message."""
        assert self.lane.poll(int(limit_seconds * 1000)), "nothing came in time"
        return self.lane.recv_multipart()

    def answer(self) -> Any:
        """The header of the next lane message."""
        return wire.read_from_broker(self.receive()[:2])

    def wait_for(self, kind: type[Any] | tuple[type[Any], ...], *, answers_pings: bool = True) -> Any:
        """The next header of this kind; others are skipped."""
        while True:
            header = self.answer()
            if answers_pings and isinstance(header, wire.PingHeader):
                self.send(wire.PongHeader(header.id))
            if isinstance(header, kind):
                return header

    def settle(self) -> None:
        """Return once the broker has taken everything that was sent before."""
        self.send(wire.PingHeader(1_234_567))
        while self.wait_for(wire.PongHeader).id != 1_234_567:
            pass

    def close(self) -> None:
        """Vanish without a word."""
        self._context.destroy(linger=0)
