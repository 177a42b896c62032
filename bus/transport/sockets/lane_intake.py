"""Takes messages from the lane, each at a bounded cost, and knows which connection brought a HELLO."""

from __future__ import annotations

from typing import Final

import zmq

from bus.transport.sockets.frame_io import has_input

FRAME_LIMIT: Final = 8
"""Further frames of a message are dropped. The longest message has four."""

DROP_LIMIT_FRAMES: Final = 4096
"""Most frames that are dropped in one go, before others get their turn."""

LARGE_FRAME_BYTES: Final = 64 * 1024
"""Frames from this size on are counted, since the system may get back their memory."""

_recv = zmq.backend.Socket.recv
_get = zmq.backend.Socket.get
_NOBLOCK: Final = int(zmq.NOBLOCK)
_RCVMORE: Final = int(zmq.RCVMORE)
_HELLO: Final = b"HELLO"


class LaneIntake:
    """The receiving side of the lane.

    Attributes:
        large_bytes: what large frames held that were received, until somebody sets it to 0.
        newcomers: routes on which somebody said HELLO for the first time, until somebody clears it.
    """

    def __init__(self, lane: zmq.Socket[bytes]) -> None:
        self.large_bytes = 0
        self.newcomers: list[bytes] = []
        self._lane = lane
        self._unfinished: list[bytes] | None = None
        self._descriptors: dict[bytes, int] = {}
        self._routes: dict[int, set[bytes]] = {}

    def receive(self, *, is_likely: bool = False) -> list[bytes] | None:
        """The next message, its first frame the routing id of the peer; None if none is complete.

        Args:
            is_likely: one is expected, so that it is cheaper to take it than to look for it first.
        """
        lane = self._lane
        if self._unfinished is not None:
            return self._drop_rest(self._unfinished)
        if is_likely:
            try:
                route = _recv(lane, _NOBLOCK)
            except zmq.Again:
                return None
        elif has_input(lane):
            route = _recv(lane, _NOBLOCK)
        else:
            return None
        frames = [route, self._take_frame()]  # behind the routing id there is always another frame
        if frames[1] == _HELLO and _get(lane, _RCVMORE):
            frames.append(self._take_hello(route))
        while _get(lane, _RCVMORE):
            if len(frames) > FRAME_LIMIT:
                return self._drop_rest(frames)
            frames.append(self._take_frame())
        return frames

    def _take_frame(self) -> bytes:
        frame = _recv(self._lane, _NOBLOCK)
        if len(frame) >= LARGE_FRAME_BYTES:
            self.large_bytes += len(frame)
        return frame

    def descriptor_of(self, route: bytes) -> int:
        """The descriptor of the connection that said HELLO on this route; -1: it is not known."""
        return self._descriptors.get(route, -1)

    def routes_at(self, descriptor: int) -> set[bytes]:
        """The routes whose connection has this descriptor, or one that is not known."""
        return self._routes.get(descriptor, set()) | self._routes.get(-1, set())

    def routes(self) -> set[bytes]:
        """All routes on which somebody said HELLO."""
        return set(self._descriptors)

    def forget(self, route: bytes) -> None:
        """A route has ended."""
        descriptor = self._descriptors.pop(route, None)
        if descriptor is not None:
            routes = self._routes[descriptor]
            routes.discard(route)
            if not routes:
                del self._routes[descriptor]

    def _take_hello(self, route: bytes) -> bytes:
        frame = self._lane.recv(zmq.NOBLOCK, copy=False)
        try:
            descriptor = int(frame.get(zmq.SRCFD))
        except (zmq.ZMQError, TypeError, ValueError):
            descriptor = -1
        if self._descriptors.get(route) != descriptor:
            self.forget(route)
            self._descriptors[route] = descriptor
            self.newcomers.append(route)
            self._routes.setdefault(descriptor, set()).add(route)
        return frame.bytes

    def _drop_rest(self, frames: list[bytes]) -> list[bytes] | None:
        for _ in range(DROP_LIMIT_FRAMES):
            if not _get(self._lane, _RCVMORE):
                self._unfinished = None
                return frames
            _recv(self._lane, _NOBLOCK)
        self._unfinished = frames
        return None
