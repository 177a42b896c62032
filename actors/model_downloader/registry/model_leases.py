"""Gives leases on installed models, ends them, and lets a change of a model wait until nobody holds it."""

from __future__ import annotations

import contextlib
import math
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from actors.model_downloader.registry.lease_book import LeaseBook, LeaseFile
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.clocks import steady_clock
from bus.client import Peer
from bus.error_words import in_words
from bus.errors import Refused, RequestFailed, UndercroftError
from schemas.leases import Lease, ModelLeaseRequestEvent
from schemas.operations.bus import BusStatisticsRequestEvent

LOOK_SECONDS: Final = 2.0
ReportHolders = Callable[[list[str]], Awaitable[None]]
"""Called with the names of those that hold a model."""


class ModelHeld(Refused):
    """A model cannot be changed, since it is in use.

    Attributes:
        model_id: which one.
        holders: names of those that hold it.
    """

    message: str = ""
    model_id: str = ""
    holders: tuple[str, ...] = ()

    def __str__(self) -> str:
        names = ", ".join(self.holders)
        return f"{self.model_id}: held by {names}; have it released, or wait until the lease ends"


class ModelLeases:
    """The leases on the models of one directory."""

    def __init__(self, layout: ModelsLayout, peer: Peer, now: Callable[[], float] | None = None) -> None:
        """Know of no lease yet; `load` reads those of a former life.

        Args:
            layout: of the directory that keeps them.
            peer: asks which peers are on the bus.
            now: seconds since the Unix epoch, never set; None for the system's clock as of now.
        """
        self._layout = layout
        self._peer = peer
        self._now = now or steady_clock()
        self._book = LeaseBook()
        self._turns: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._changed = anyio.Event()
        self._saving = anyio.Lock()

    async def load(self) -> None:
        """Know the leases that were given before.

        Raises:
            RecordNotRead: their file cannot be read.
        """
        self._book = LeaseBook(await anyio.to_thread.run_sync(LeaseFile(self._layout.root).read))
        self._book.expire(self._now())
        self._wake_waiting()

    def holders(self, model_id: str) -> list[str]:
        """Names of those that hold a model now."""
        return self._book.holders(model_id)

    async def lease(self, request: ModelLeaseRequestEvent, revision: Callable[[], Awaitable[str]]) -> Lease:
        """Give a lease; it is durable on return. Waits while the model is being changed.

        Args:
            request: names the model and the holder.
            revision: finds which revision is active; raises Refused if none is.

        Raises:
            Refused: the model is not installed, or the lease could not be made durable.
        """
        async with self._turns[request.model_id]:
            active = await revision()
            former = self._book.find(request.model_id, request.lease_id)
            if former is None and self._book.is_full:
                raise Refused(f"{request.model_id}: too many leases are held already; release some")
            lease = self._book.grant(request, active, secrets.token_hex(8), self._now())
            try:
                await self._save()
            except (OSError, UndercroftError) as error:
                if former is None:
                    self._book.release(lease.model_id, lease.lease_id)
                else:  # what was acknowledged before stands until its own end
                    self._book.restore(former)
                raise Refused(
                    f"{request.model_id}: the lease could not be made durable: {in_words(error)}"
                ) from error
            self._wake_waiting()
            return lease

    async def release(self, model_id: str, lease_id: str) -> bool:
        """End a lease; returns whether it stood until now."""
        was_held = self._book.release(model_id, lease_id)
        if was_held:
            await self._save_ended()
        return was_held

    async def peer_left(self, instance: str, said_bye: bool) -> list[Lease]:
        """A peer left the bus; returns the leases that ended with it."""
        return await self._ended(self._book.peer_left(instance, said_bye, self._now()))

    async def look(self) -> list[Lease]:
        """End the leases whose time is over or whose peer is gone; returns them."""
        ended = self._book.expire(self._now())
        if any(lease.instance for lease in self._book.all()):
            instances = await self._peers_on_bus()
            if instances is not None:
                ended += self._book.peers_seen(instances, self._now())
        return await self._ended(ended)

    async def next_ended(self) -> list[Lease]:
        """Wait until leases end by themselves; returns them. Asks nobody while there are no leases."""
        while True:
            changed = self._changed
            if not self._book.all():
                await changed.wait()
                continue
            with anyio.move_on_after(self._seconds_to_look()):
                await changed.wait()
            if ended := await self.look():
                return ended

    @contextlib.asynccontextmanager
    async def exclusive(
        self,
        model_id: str,
        report_holders: ReportHolders | None = None,
        wait_seconds: float | None = None,
    ) -> AsyncIterator[None]:
        """Wait until nobody holds a model; inside the block nobody is given a lease on it.

        Args:
            model_id: which one.
            report_holders: called while it waits, whenever the holders change.
            wait_seconds: how long it waits for them; None: as long as it takes.

        Raises:
            ModelHeld: it was held for all this time.
        """
        reported: list[str] = []
        deadline = math.inf if wait_seconds is None else anyio.current_time() + wait_seconds
        while True:
            changed = self._changed
            async with self._turns[model_id]:
                if not self.holders(model_id):
                    yield
                    return
            if (holders := self.holders(model_id)) != reported:
                reported = holders
                if report_holders is not None:
                    await report_holders(holders)
            with anyio.CancelScope(deadline=deadline) as waiting:
                await changed.wait()
            if waiting.cancelled_caught:
                raise ModelHeld(model_id=model_id, holders=tuple(holders))

    async def copy_to(self, models: Path) -> None:
        """Keep the leases in another directory as well, before that one serves.

        Raises:
            OSError, UndercroftError: its disk refused.
        """
        async with self._saving:
            await anyio.to_thread.run_sync(LeaseFile(models).write, self._book.all())

    async def _peers_on_bus(self) -> frozenset[str] | None:
        """The peers that are on the bus now, by instance; None if the broker does not say."""
        try:
            statistics = await self._peer.request(BusStatisticsRequestEvent())
        except RequestFailed:
            return None
        return frozenset(peer.instance for peer in statistics.peers)

    def _seconds_to_look(self) -> float:
        end = self._book.next_end()
        return LOOK_SECONDS if end is None else min(LOOK_SECONDS, max(0.01, end - self._now()))

    async def _ended(self, ended: list[Lease]) -> list[Lease]:
        if ended:
            await self._save_ended()
        return ended

    async def _save_ended(self) -> None:
        with contextlib.suppress(OSError, UndercroftError):  # the file names leases that will end again
            await self._save()
        self._wake_waiting()

    async def _save(self) -> None:
        async with self._saving:
            await anyio.to_thread.run_sync(LeaseFile(self._layout.root).write, self._book.all())

    def _wake_waiting(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
