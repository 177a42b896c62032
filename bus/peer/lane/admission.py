"""Whether the broker has admitted a peer on its present connection, and waiting until it has."""

from __future__ import annotations

import asyncio

from bus.errors import HelloRefused


class Admission:
    """The state between HELLO and WELCOME, shared by all halves of one peer.

    Attributes:
        epoch: the life of the broker that admitted the peer last; empty before the first time.
        public_instance: id of this life of the peer as everybody sees it; empty before the first time.
        role: `named` or `guest`.
        is_displaced: another peer has the name now, and this one has left for good.
        welcomes: how often a broker admitted it.
        is_admitted: whether the lane may be used now.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.public_instance = ""
        self.role = "guest"
        self.welcomes = 0
        self.is_displaced = False
        self.is_admitted = False
        self._loop = asyncio.get_running_loop()
        self._outcome: asyncio.Future[None] = self._loop.create_future()
        self._is_lost = asyncio.Event()

    async def wait(self) -> None:
        """Wait until the broker admits the peer.

        Raises:
            HelloRefused: it refuses.
        """
        await asyncio.shield(self._outcome)

    async def wait_until_lost(self) -> None:
        """Wait until the lane has no connection to a broker that admits the peer."""
        await self._is_lost.wait()

    def admit(self, epoch: str, public_instance: str = "", role: str = "guest") -> None:
        """The broker said WELCOME."""
        self.welcomes += 1
        self.epoch = epoch
        self.public_instance = public_instance
        self.role = role
        self.is_admitted = True
        self._is_lost.clear()
        if self._outcome.done() and self._outcome.exception() is not None:
            self._outcome = self._loop.create_future()  # what stood against it is gone
        if not self._outcome.done():
            self._outcome.set_result(None)

    def refuse(self, refusal: HelloRefused) -> None:
        """The broker refused. Everything that waits gets the refusal."""
        self._is_lost.set()
        if not self._outcome.done():
            self._outcome.set_exception(refusal)
            self._outcome.exception()  # marks it as retrieved: nobody need be waiting

    def displace(self, refusal: HelloRefused) -> None:
        """Another peer has proved that the name is its own. Everything that waits, now or later, is told."""
        self.is_displaced = True
        self.is_admitted = False
        self._outcome = self._loop.create_future()
        self.refuse(refusal)

    def lose(self) -> bool:
        """The connection is gone; returns whether the peer was admitted on it."""
        self._is_lost.set()
        was_admitted, self.is_admitted = self.is_admitted, False
        if was_admitted:
            self._outcome = self._loop.create_future()
        return was_admitted

    def start_over(self) -> None:
        """Another broker will be asked; a former refusal counts no longer."""
        if self._outcome.done():
            self._outcome = self._loop.create_future()

    def end(self) -> None:
        """The peer leaves."""
        self.is_admitted = False
