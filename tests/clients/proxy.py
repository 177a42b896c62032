"""A way between the broker's feed and one subscriber that loses what it is told to lose."""

from __future__ import annotations

import threading
from types import TracebackType

import zmq

from bus.wire import HEARTBEAT_TOPIC, WELCOME_FRAME, read_run


class LosingFeed:
    """Passes feed messages on, except those that it is told to lose.

    Attributes:
        has_subscriber: somebody asked for more than what the broker says about itself.
    """

    def __init__(self, source: str, endpoint: str) -> None:
        self.endpoint = endpoint
        self.has_subscriber = threading.Event()
        self._losing: set[tuple[str, int]] = set()
        self._loses_heartbeats = False
        self._context = zmq.Context()
        self._feed = self._context.socket(zmq.XSUB)
        self._feed.setsockopt(zmq.RECONNECT_IVL, 10)
        self._feed.connect(source)
        self._feed.send(b"\x01")
        self._subscribers = self._context.socket(zmq.XPUB)
        self._subscribers.setsockopt(zmq.XPUB_WELCOME_MSG, WELCOME_FRAME)
        self._subscribers.bind(endpoint)
        self._orders = self._context.socket(zmq.PAIR)
        self._orders.bind("inproc://orders")
        self._giver = self._context.socket(zmq.PAIR)
        self._giver.connect("inproc://orders")
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> LosingFeed:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._giver.send(b"stop")
        self._thread.join()
        for socket in (self._feed, self._subscribers, self._orders, self._giver):
            socket.close(linger=0)
        self._context.term()

    def lose(self, topic: str, numbers: list[int], *, heartbeats: bool) -> None:
        """Lose the runs of a topic that begin with these numbers, and perhaps heartbeats too."""
        self._losing = {(topic, number) for number in numbers}
        self._loses_heartbeats = heartbeats

    def _is_lost(self, frames: list[bytes]) -> bool:
        if frames[0] == WELCOME_FRAME:
            return True  # this proxy has a welcome of its own
        if frames[0] == HEARTBEAT_TOPIC:
            return self._loses_heartbeats
        return (frames[0].decode(), read_run(frames[1]).number) in self._losing

    def _run(self) -> None:
        poller = zmq.Poller()
        for socket in (self._feed, self._subscribers, self._orders):
            poller.register(socket, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._orders in ready:
                return
            if self._subscribers in ready:
                (subscription,) = self._subscribers.recv_multipart()
                if subscription[:1] == b"\x01" and subscription[1:2] != b"!":
                    self.has_subscriber.set()
            if self._feed in ready:
                frames = self._feed.recv_multipart()
                if not self._is_lost(frames):
                    self._subscribers.send_multipart(frames)
