"""Gives leases on installed models, sees when they end, and lets whoever changes a model wait for that."""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread

from actors.model_downloader.lease_book import LeaseBook, read_leases, write_leases
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.errors import Refused
from schemas.leases import Lease, ModelLeaseRequestEvent

LOOK_SECONDS = 2.0
Instances = Callable[[], Awaitable[frozenset[str] | None]]
Tell = Callable[[list[str]], Awaitable[None]]


class Held(Refused):
    """A model cannot be changed, since it is in use.

    Attributes:
        model_id: which one.
        holders: who holds it.
    """

    def __init__(self, model_id: str, holders: list[str]) -> None:
        super().__init__(
            f"{model_id}: held by {', '.join(holders)}; have it released, or wait until the lease ends"
        )
        self.args = (model_id, holders)
        self.model_id = model_id
        self.holders = holders


async def _nobody_knows() -> frozenset[str] | None:
    return None


async def _tell_nobody(holders: list[str]) -> None:
    """For those who have nobody to tell."""


class ModelLeases:
    """The leases of one downloader."""

    def __init__(
        self, root: ModelsLayout, instances: Instances = _nobody_knows, now: Callable[[], float] = time.time
    ) -> None:
        """Args: instances: of the peers that are on the bus now; None if that cannot be known now."""
        self._root = root
        self._instances = instances
        self._now = now
        self._book = LeaseBook()
        self._turns: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._changed = anyio.Event()
        self._saving = anyio.Lock()

    def load(self) -> Path | None:
        """Know the leases that were given before; returns the name of their file if it could not be read and was put aside."""
        leases, aside = read_leases(self._root.path)
        self._book = LeaseBook(leases)
        self._book.expire(self._now())
        return aside

    def holders(self, model_id: str) -> list[str]:
        """Who holds a model now."""
        return self._book.holders(model_id)

    async def lease(self, request: ModelLeaseRequestEvent, revision: Callable[[], str]) -> Lease:
        """Give a lease; it is durable on return. Waits while the model is being changed.

        Args:
            request: who asks for which model.
            revision: says which revision is active; raises Refused if none is.

        Raises:
            Refused: the model is not installed, or the lease could not be made durable.
        """
        async with self._turns[request.model_id]:
            active = revision()
            if self._book.is_full:
                raise Refused(f"{request.model_id}: too many leases are held already; release some")
            lease = self._book.grant(request, active, secrets.token_hex(8), self._now())
            try:
                await self._save()
            except (OSError, DurableWriteFailed) as error:
                self._book.release(lease.model_id, lease.lease_id)
                raise Refused(f"{request.model_id}: the lease could not be made durable: {error}") from error
            self._tell_waiting()
            return lease

    async def release(self, model_id: str, lease_id: str) -> bool:
        """End a lease; returns whether it stood until now."""
        was_held = self._book.release(model_id, lease_id)
        if was_held:
            await self._ended()
        return was_held

    async def peer_left(self, instance: str, said_bye: bool) -> list[Lease]:
        """A peer left the bus; returns the leases that ended with it."""
        return await self._ended(self._book.peer_left(instance, said_bye, self._now()))

    async def look(self) -> list[Lease]:
        """End the leases whose time is over, or whose peer is gone; returns them."""
        now = self._now()
        ended = self._book.expire(now)
        if (
            any(lease.instance for lease in self._book.all())
            and (instances := await self._instances()) is not None
        ):
            ended += self._book.peers_seen(instances, self._now())
        return await self._ended(ended)

    async def keep_looking(self, told: Callable[[list[Lease]], Awaitable[None]]) -> None:
        """Look again and again for as long as there are leases; `told` of those that ended. Runs until cancelled."""
        while True:
            changed = self._changed
            if not self._book.all():
                await changed.wait()
                continue
            with anyio.move_on_after(self._seconds_to_look()):
                await changed.wait()
            if ended := await self.look():
                await told(ended)

    @contextlib.asynccontextmanager
    async def alone(
        self, model_id: str, tell: Tell = _tell_nobody, wait_seconds: float | None = None
    ) -> AsyncIterator[None]:
        """Be the only one who has to do with a model: nobody holds it, and until this is left nobody is given a lease.

        Args:
            model_id: which one.
            tell: told for whom it waits, whenever that changes.
            wait_seconds: for so long it waits for those who hold it; None: for as long as it takes.

        Raises:
            Held: it was held for all this time.
        """
        told: list[str] = []
        deadline = math.inf if wait_seconds is None else anyio.current_time() + wait_seconds
        while True:
            changed = self._changed
            async with self._turns[model_id]:
                if not self.holders(model_id):
                    yield
                    return
            if (holders := self.holders(model_id)) != told:
                told = holders
                await tell(holders)
            with anyio.CancelScope(deadline=deadline) as waiting:
                await changed.wait()
            if waiting.cancelled_caught:
                raise Held(model_id, holders)

    async def go_along(self, root: Path) -> None:
        """Keep the leases in another directory of models, too, before that one serves.

        Raises:
            OSError, DurableWriteFailed: its disk does not take them.
        """
        async with self._saving:
            await anyio.to_thread.run_sync(write_leases, root, self._book.all())

    def _seconds_to_look(self) -> float:
        end = self._book.next_end()
        return LOOK_SECONDS if end is None else min(LOOK_SECONDS, max(0.01, end - self._now()))

    async def _ended(self, ended: list[Lease] | None = None) -> list[Lease]:
        if ended is None or ended:
            with contextlib.suppress(
                OSError, DurableWriteFailed
            ):  # the file then names leases that end again at the next start
                await self._save()
            self._tell_waiting()
        return ended or []

    async def _save(self) -> None:
        async with self._saving:
            await anyio.to_thread.run_sync(write_leases, self._root.path, self._book.all())

    def _tell_waiting(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
