"""Where the history lives now: in memory or on disk, and how it moves from one to the other without losing an entry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from itertools import islice
from typing import TYPE_CHECKING, Final

import anyio
import anyio.abc
import anyio.to_thread
import msgspec

from actors.history.history_store import Store
from actors.history.memory_store import MemoryStore
from actors.history.storage_mode import PLAINTEXT_NOTICE, Wanted, left_notice, locked_notice
from bus.alert_book import Alerts
from bus.errors import Refused, UndercroftError
from schemas.event import Event
from schemas.history import HistoryStatusEvent, HistoryStorageChangedEvent

if TYPE_CHECKING:
    from actors.history.disk_store import DiskStore
    from actors.history.engine import Keeper
    from actors.history.history_home import Home

LOCKED: Final = "history.locked"
INTEGRITY: Final = "history.integrity"
NOT_SAVED: Final = "history.not_saved"
CLOSE_SECONDS: Final = 2.0
"""So long at the end what is under way may take, and what is still to be taken out of old segments; the next life does the rest."""


class Residence:
    """The store that is in use, and the moves between stores. Requests wait while a move is under way."""

    def __init__(
        self,
        home: Home | None,
        memory: MemoryStore,
        post: Callable[[Event], None],
        seen: Callable[[str], None],
        alerts: Alerts,
        tasks: anyio.abc.TaskGroup,
    ) -> None:
        """Args: home: None where nothing may ever be on disk; seen: told the newest id that was loaded."""
        self._seen = seen
        self._home = home
        self._post = post
        self._alerts = alerts
        self._tasks = tasks
        self._memory: MemoryStore | None = memory
        self._disk: DiskStore | None = None
        self._scope: anyio.CancelScope | None = None
        self._running = 0
        self._open = asyncio.Event()
        self._open.set()
        self._finished = asyncio.Event()
        self._wanted = Wanted()
        self._notice = ""
        self._left_bytes = 0
        self._told: HistoryStatusEvent | None = None

    @property
    def store(self) -> Store:
        """What is in use now."""
        store = self._disk or self._memory
        assert store is not None
        return store

    @property
    def disk(self) -> DiskStore | None:
        """The store on disk, if that is in use."""
        return self._disk

    @property
    def is_prompt(self) -> bool:
        """Whether answers come at once."""
        return self._disk is None and self._open.is_set()

    @property
    def is_locked_out(self) -> bool:
        """Whether it should be on disk and is not."""
        return self._wanted.mode == "disk" and self._disk is None and self._home is not None

    @contextlib.asynccontextmanager
    async def using(self) -> AsyncIterator[Store]:
        """The store, which stays in use meanwhile."""
        while not self._open.is_set():
            await self._open.wait()
        self._running += 1
        try:
            yield self.store
        finally:
            self._running -= 1
            self._finished.set()

    def status(self) -> HistoryStatusEvent:
        """Where it is kept, and what is to be known about that."""
        status = self.store.status()
        return msgspec.structs.replace(
            status, mode=self._wanted.mode, notice=self._notice, left_on_disk_bytes=self._left_bytes
        )

    # -- moves
    # -----------------------------------------------------------------------------------------------------

    async def follow(self, wanted: Wanted) -> None:
        """Move to where the settings want it; where that cannot be, say why."""
        self._wanted = wanted
        if self._memory is not None:
            self._memory.resize(wanted.limit)
        if self._home is None:
            return
        if wanted.mode == "disk" and (
            self._disk is None or (self._disk.storage == "encrypted") != wanted.encrypts
        ):
            await self._to_disk(self._home)
        elif wanted.mode == "memory":
            if self._disk is not None:
                await self._to_memory(self._disk)
            await self._look_for_files(self._home)
        await self.tell()

    async def keep(self) -> None:
        """Accept what a notice tells of."""
        if self._disk is not None:
            await self._disk.accept()
            await self._alerts.clear(INTEGRITY)
        elif self._home is not None:
            await anyio.to_thread.run_sync(self._home.keep)
            await self._look_for_files(self._home)
        await self.tell()

    async def purge(self) -> int:
        """Delete all files; how many there were."""
        if self._disk is not None:
            files = await self._disk.purge()
        else:
            files = await anyio.to_thread.run_sync(self._home.purge) if self._home is not None else 0
            self._left_bytes, self._notice = 0, self._notice if self.is_locked_out else ""
        await self._alerts.clear(INTEGRITY)
        return files

    async def tell(self) -> None:
        """Tell where it is kept, if that changed."""
        status = self.status()
        shown = msgspec.structs.replace(status, entries=0, size_bytes=0)
        if shown != self._told:
            self._told = shown
            self._post(HistoryStorageChangedEvent(status=status))

    async def close(self) -> None:
        """Close the files in good order, once what is under way is done; what was deleted is gone from disk by then, if that is short."""
        with anyio.move_on_after(CLOSE_SECONDS):
            async with self._pause_if(is_wanted=True):
                if self._disk is not None and self._disk.is_loaded:
                    await self._disk.settled()
        self._open.clear()
        if self._disk is not None:
            await self._leave(self._disk)

    async def _to_disk(self, home: Home) -> None:
        async with self._pause_if(is_wanted=self._disk is not None):
            if self._disk is not None:  # encrypted from now on, or no longer
                await self._leave(self._disk)
                self._disk, self._memory = None, MemoryStore(self._wanted.limit, self._post)
            keeper = await self._opened(home)
            if keeper is None:
                return
            await self._move_in(home, keeper)

    async def _opened(self, home: Home) -> Keeper | None:
        try:
            found = await anyio.to_thread.run_sync(lambda: home.open(encrypts=self._wanted.encrypts))
        except (OSError, UndercroftError) as error:
            found = f"{type(error).__name__}: {error}"
        if not isinstance(found, str):
            await self._alerts.clear(LOCKED)
            return found
        self._notice = locked_notice(found)
        advice = "unlock the keychain, or see 'undercroft keys status'; it is tried again by itself"
        await self._alerts.raise_alert(LOCKED, severity="warning", message=self._notice, advice=advice)
        return None

    async def _move_in(self, home: Home, keeper: Keeper) -> None:
        from actors.history.disk_store import DiskStore

        disk = DiskStore(keeper, self._post, self._troubled)
        self._scope = anyio.CancelScope()
        self._tasks.start_soon(self._live, disk, self._scope)
        async with self._pause_if(is_wanted=self._open.is_set()):
            memory = self._memory
            assert memory is not None
            try:
                for entry in memory.entries():
                    await disk.append(entry)
            except Refused as refused:
                self._notice = locked_notice(str(refused))
                await self._leave(disk)
                return
            self._disk, self._memory, self._left_bytes = disk, None, 0
            await memory.clear(None, dry_run=False)
        self._notice = "" if self._wanted.encrypts else PLAINTEXT_NOTICE
        await anyio.to_thread.run_sync(home.forget_kept)

    async def _to_memory(self, disk: DiskStore) -> None:
        async with self._pause_if(is_wanted=True):
            await disk.wait_loaded()
            memory = MemoryStore(self._wanted.limit, self._post)
            newest = await anyio.to_thread.run_sync(
                lambda: list(islice(disk.index.newest_first(), self._wanted.limit))
            )
            for entry in reversed(newest):
                await memory.append(entry)
            await self._leave(disk)
            self._disk, self._memory = None, memory

    async def _look_for_files(self, home: Home) -> None:
        self._left_bytes = await anyio.to_thread.run_sync(home.left_bytes)
        self._notice = left_notice(self._left_bytes) if self._left_bytes and not home.is_kept else ""
        await self._alerts.clear(LOCKED)

    async def _live(self, disk: DiskStore, scope: anyio.CancelScope) -> None:
        """Load and write for as long as the store is in use."""

        async def load() -> None:
            await disk.load(self.tell)
            for newest in await anyio.to_thread.run_sync(lambda: list(islice(disk.index.newest_first(), 1))):
                self._seen(newest.id)
            await self._tell_findings(disk)

        with scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(load)
                tasks.start_soon(disk.write)

    async def _leave(self, disk: DiskStore) -> None:
        await disk.drained()
        if self._scope is not None:
            self._scope.cancel()
        await disk.close()

    async def _tell_findings(self, disk: DiskStore) -> None:
        status = disk.status()
        if not status.findings:
            await self._alerts.clear(INTEGRITY)
            return
        severity = disk.severity
        advice = "what can be read is kept, damaged files are put aside: see 'undercroft history status'; bring back what is missing from a backup"
        await self._alerts.raise_alert(
            INTEGRITY, severity=severity, message="; ".join(status.findings[:5]), advice=advice
        )

    async def _troubled(self, error: Exception | None) -> None:
        if error is None:
            await self._alerts.clear(NOT_SAVED)
        else:
            await self._alerts.raise_alert(
                NOT_SAVED,
                severity="error",
                message=str(error),
                advice="free some space, or check the disk and the keychain",
            )

    @contextlib.asynccontextmanager
    async def _pause_if(self, *, is_wanted: bool) -> AsyncIterator[None]:
        """Let nobody begin anything, and wait until what was begun is done."""
        if not is_wanted:
            yield
            return
        self._open.clear()
        try:
            while self._running:
                self._finished.clear()
                await self._finished.wait()
            yield
        finally:
            self._open.set()
