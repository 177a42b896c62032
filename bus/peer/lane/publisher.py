"""The publishing half of a peer: sends what the outbox decides, and makes callers wait where it is full."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final

from bus import wire
from bus.errors import PublishRefused
from bus.peer.lane.outbox import Outbox
from bus.wire import Frame
from schemas.event import Event

REFUSAL_LIMIT: Final = 1024
LEAP: Final = "leap"
"""Reason of a refusal: the broker misses messages before this one."""

BEHIND_LIMIT_EVENTS: Final = 16_384
"""A publisher that waits for its subscribers goes on once the slowest one trails by no more than this. The
broker keeps four times as many."""

BEHIND_WAIT_SECONDS: Final = 1.0
"""It waits no longer than this for each event: a subscriber that hangs slows it down, but never stops it."""

BEHIND_LOOK_SECONDS: Final = 0.02
LEFT: Final = "this peer left the bus"
"""Why everything fails that a peer still waits for when it is closed."""


class Publisher:
    """Events of one peer on their way to the broker.

    Attributes:
        outbox: decides which message leaves when, and what is sent again.
        behind: by how many events the slowest subscriber trailed, of the topics that were accepted last.
    """

    def __init__(self, send: Callable[[list[Frame]], None]) -> None:
        self.outbox = Outbox()
        self.behind = 0
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._is_open = False
        self._closed: PublishRefused | None = None
        self._is_gathering = False
        self._room: asyncio.Future[None] | None = None
        self._settled: asyncio.Future[None] | None = None
        self._sent: asyncio.Future[None] | None = None
        self._caught_up: asyncio.Future[None] | None = None
        self._refusals: deque[PublishRefused] = deque(maxlen=REFUSAL_LIMIT)

    def post(self, event: Event, correlation: str | None) -> None:
        """Take an event without waiting.

        The first event of a turn of the loop leaves at once. Those that follow in the same turn are gathered
        into one message, which leaves when the turn ends or the message is full.

        Raises:
            ProtocolError: the event is larger than 16 MiB.
        """
        if self.outbox.offer(event, correlation):
            self.flush()
        elif not self._is_gathering:
            self.flush()
            self._is_gathering = True
            self._loop.call_soon(self._end_gathering)

    def withdraw(self, topic: str, key: str, correlation: str | None) -> None:
        """Take back the event that is retained under this key.

        Raises:
            ProtocolError: key or correlation are too long.
        """
        self.outbox.withdraw(topic, key, correlation)
        self.flush()

    async def wait_for_subscribers(self) -> None:
        """Wait while a subscriber is far behind, but not for long.

        Raises:
            PublishRefused: reason `left` or `displaced`: the peer was closed meanwhile.
        """
        end = self._loop.time() + BEHIND_WAIT_SECONDS
        while self.behind > BEHIND_LIMIT_EVENTS and self._loop.time() < end:
            self._check_open()
            if self._is_open:
                self._send(wire.lane_frames(wire.PingHeader(0)))  # the broker says anew who is behind
            if self._caught_up is None or self._caught_up.done():
                self._caught_up = self._loop.create_future()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEHIND_LOOK_SECONDS):
                    await asyncio.shield(self._caught_up)

    async def wait_for_room(self) -> None:
        """Wait until the outbox has room.

        Raises:
            PublishRefused: reason `left` or `displaced`: the peer was closed meanwhile.
        """
        while not self.outbox.has_room:
            self._check_open()
            if self._room is None or self._room.done():
                self._room = self._loop.create_future()
            await asyncio.shield(self._room)

    async def wait_until_settled(self) -> None:
        """Wait until the broker has accepted everything posted so far.

        Raises:
            PublishRefused: the broker gave one of these events no place in the order; reason `left` or
                `displaced`: the peer was closed before.
        """
        while not self.outbox.is_settled:
            self._check_open()
            if self._is_open:
                self._send(wire.lane_frames(wire.PingHeader(0)))  # PONG has no delay, as ACCEPTED has
            if self._settled is None or self._settled.done():
                self._settled = self._loop.create_future()
            await asyncio.shield(self._settled)
        if self._refusals:
            raise self._refusals.popleft()

    async def wait_until_sent(self) -> None:
        """Wait until everything posted so far has left, so that what is sent next on this lane follows it.

        Raises:
            PublishRefused: reason `left` or `displaced`: the peer was closed meanwhile.
        """
        self.flush()
        while not self.outbox.is_sent:
            self._check_open()
            if self._is_open:
                self._send(wire.lane_frames(wire.PingHeader(0)))  # the window is full: PONG opens it at once
            if self._sent is None or self._sent.done():
                self._sent = self._loop.create_future()
            await asyncio.shield(self._sent)

    def flush(self) -> None:
        """Send what may be sent."""
        if self._is_open:
            for frames in self.outbox.due():
                self._send(frames)

    # -- what the broker says

    def welcomed(self, epoch: str, accepted: int) -> None:
        """A broker admitted the peer: send again what this broker may not have."""
        self._is_open = True
        for frames in self.outbox.welcomed(epoch, accepted, self._loop.time()):
            self._send(frames)
        self.accepted(accepted)

    def disconnected(self) -> None:
        """The lane is lost. Events that are posted meanwhile wait."""
        self._is_open = False

    def accepted(self, serial: int, behind: int | None = None) -> None:
        """Every message up to this serial has its place in the order.

        Args:
            serial: of the newest of them.
            behind: by how many events the slowest of their subscribers trails; None: the broker did not say.
        """
        outbox = self.outbox
        if behind is not None:
            self.behind = behind
            if behind <= BEHIND_LIMIT_EVENTS and self._caught_up is not None and not self._caught_up.done():
                self._caught_up.set_result(None)
        outbox.accepted(serial, self._loop.time())
        self.flush()
        if outbox.has_room and self._room is not None and not self._room.done():
            self._room.set_result(None)
        if outbox.is_sent and self._sent is not None and not self._sent.done():
            self._sent.set_result(None)
        if outbox.is_settled and self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def refused(self, serial: int, message: str) -> None:
        """The broker gave the message with this serial no place in the order."""
        reason, _, detail = message.partition(": ")
        if reason == LEAP:
            for frames in self.outbox.leapt(serial):
                self._send(frames)
            return
        run = self.outbox.refused(serial)
        if run is not None:
            self._refusals.append(PublishRefused(run.topic, reason, detail))
            self.accepted(0)

    def close(self, refusal: PublishRefused | None = None) -> None:
        """Send what may still be sent, and end every wait with this refusal; None: the peer left."""
        self.flush()
        self._is_open = False
        self._closed = self._closed or refusal or PublishRefused("*", "left", LEFT)
        for waiting in (self._room, self._sent, self._settled, self._caught_up):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _check_open(self) -> None:
        if self._closed is not None:
            raise self._closed

    def _end_gathering(self) -> None:
        self._is_gathering = False
        self.flush()
