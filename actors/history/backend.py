"""The store in use, in memory or on disk, and the moves between them, which lose no entry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import anyio.to_thread
import msgspec

from actors.history.entries.entry_ids import EntryIds
from actors.history.history_home import HistoryHome, HistoryLocked
from actors.history.history_store import HistoryStore
from actors.history.memory_store import MemoryStore
from actors.history.storage_mode import PLAINTEXT_NOTICE, StorageMode, left_notice, locked_notice
from bus.actor import BusContext
from bus.error_words import in_words
from bus.errors import Refused, UndercroftError
from schemas.event import Event
from schemas.history import HistoryChangedEvent, HistoryStatusEvent, HistoryStorageChangedEvent

if TYPE_CHECKING:
    from actors.history.disk_store import DiskStore
    from actors.history.engine import HistoryEngine

ResultT = TypeVar("ResultT")
LOCKED: Final = "history.locked"
INTEGRITY: Final = "history.integrity"
CLOSE_SECONDS: Final = 2.0
"""Limit at the end for requests under way and rewrites that are due. The next start does the rest."""


class Backend:
    """Where the history is kept now. Requests wait while it moves.

    Exactly one store is in use: `_disk` if that is not None, else `_memory`.

    Attributes:
        is_waiting: whether it waits to be told where the history is kept.
    """

    def __init__(self, context: BusContext, home: HistoryHome | None, ids: EntryIds) -> None:
        """Begin with an empty store in memory.

        Args:
            context: connection to the bus.
            home: None where nothing may ever be on disk.
            ids: continue after the newest entry that is restored or loaded.
        """
        self._post: Callable[[Event], None] = context.peer.post
        self._alerts = context.alerts
        self._tasks = context.tasks
        self._home = home
        self._ids = ids
        self._mode = StorageMode()
        self._memory: MemoryStore | None = MemoryStore(self._mode.limit, self._post)
        self._disk: DiskStore | None = None
        self.is_waiting = False
        self._running = 0
        self._open = asyncio.Event()
        self._open.set()
        self._finished = asyncio.Event()
        self._notice = ""
        self._left_bytes = 0
        self._announced: HistoryStatusEvent | None = None

    @property
    def store(self) -> HistoryStore:
        """The store in use."""
        store = self._disk or self._memory
        assert store is not None
        return store

    @property
    def is_on_disk(self) -> bool:
        """Whether the store on disk is in use."""
        return self._disk is not None

    @property
    def answers_at_once(self) -> bool:
        """Whether requests need not wait for a disk or a move."""
        return self._disk is None and self._open.is_set()

    @property
    def is_locked_out(self) -> bool:
        """Whether the history should be on disk and is not."""
        return self._mode.mode == "disk" and self._disk is None and self._home is not None

    @contextlib.asynccontextmanager
    async def using(self) -> AsyncIterator[HistoryStore]:
        """Wait until no move is under way; the store then stays in use until the block is left."""
        while not self._open.is_set():
            await self._open.wait()
        self._running += 1
        try:
            yield self.store
        finally:
            self._running -= 1
            self._finished.set()

    def status(self) -> HistoryStatusEvent:
        """Return where the history is kept, and what the user should know about that."""
        return msgspec.structs.replace(
            self.store.status(),
            mode=self._mode.mode,
            notice=self._notice,
            left_on_disk_bytes=self._left_bytes,
        )

    # -- moves

    async def start(self, mode: StorageMode | None, changes: list[HistoryChangedEvent]) -> None:
        """Rebuild the entries that the broker retains, then follow the settings.

        Args:
            mode: what the settings say; None: they are not known yet. Requests then wait for them if there
                are files, since those may be the history: it must not look empty.
            changes: that the broker retains.
        """
        assert self._memory is not None
        self._memory.restore(changes, mode.limit if mode else self._mode.limit)
        if newest := self._memory.newest_id():
            self._ids.continue_after(newest)
        if (
            mode is None
            and self._home is not None
            and await anyio.to_thread.run_sync(self._home.left_bytes) > 0
        ):
            self._open.clear()
            self.is_waiting = True
        else:
            await self.follow(mode or self._mode)

    async def follow(self, mode: StorageMode) -> None:
        """Move to where the settings want the history; if that is impossible, say why in the status."""
        self._mode = mode
        if self._memory is not None:
            self._memory.resize(mode.limit)
        if self._home is None:
            return
        if mode.mode == "memory":
            if self._disk is not None:
                await self._move_to_memory(self._disk)
            await self._look_for_files(self._home)
        elif self._disk is None or (self._disk.storage == "encrypted") != mode.encrypts:
            await self._move_to_disk(self._home)
        if self.is_waiting:
            self.is_waiting = False
            self._open.set()
        await self.announce()

    async def keep(self) -> None:
        """Accept what the notice or the findings say."""
        if self._disk is not None:
            await self._disk.accept_loss()
            await self._alerts.clear(INTEGRITY)
        elif self._home is not None:
            await _on_disk(self._home.keep)
            await self._look_for_files(self._home)
        await self.announce()

    async def purge(self) -> int:
        """Delete all files and return their number."""
        if self._disk is not None:
            files = await self._disk.purge()
        else:
            files = await _on_disk(self._home.purge) if self._home is not None else 0
            self._left_bytes, self._notice = 0, self._notice if self.is_locked_out else ""
        await self._alerts.clear(INTEGRITY)
        await self.announce()
        return files

    async def announce(self) -> None:
        """Publish where the history is kept, if that changed."""
        status = self.status()
        shown = msgspec.structs.replace(status, entries=0, size_bytes=0)
        if shown != self._announced:
            self._announced = shown
            self._post(HistoryStorageChangedEvent(status=status))

    async def close(self) -> None:
        """Finish the requests under way, and rewrites if that is short; then seal and close the files."""
        with anyio.move_on_after(CLOSE_SECONDS):
            async with self._paused():
                if self._disk is not None and self._disk.is_loaded:
                    await self._disk.settled()
        self._open.clear()
        if self._disk is not None:
            await self._leave(self._disk)

    async def _move_to_disk(self, home: HistoryHome) -> None:
        if self._disk is None:
            engine = await self._open_engine(home)
            if engine is not None:
                disk = self._start_disk(engine)
                async with self._paused():
                    await self._take_entries_along(home, disk)
            return
        async with self._paused():  # encryption was switched on or off
            await self._leave(self._disk)
            self._disk, self._memory = None, MemoryStore(self._mode.limit, self._post)
            engine = await self._open_engine(home)
            if engine is not None:
                await self._take_entries_along(home, self._start_disk(engine))

    async def _open_engine(self, home: HistoryHome) -> HistoryEngine | None:
        try:
            engine = await anyio.to_thread.run_sync(lambda: home.open(encrypts=self._mode.encrypts))
        except HistoryLocked as error:
            reason = error.reason
        except (OSError, UndercroftError) as error:
            reason = in_words(error)
        else:
            await self._alerts.clear(LOCKED)
            return engine
        self._notice = locked_notice(reason)
        advice = "unlock the keychain, or see 'undercroft keys status'; another attempt follows by itself"
        await self._alerts.raise_alert(LOCKED, severity="warning", message=self._notice, advice=advice)
        return None

    def _start_disk(self, engine: HistoryEngine) -> DiskStore:
        from actors.history.disk_store import DiskStore

        disk = DiskStore(engine, self._post, self._alerts)
        self._tasks.start_soon(self._run_disk, disk)
        return disk

    async def _take_entries_along(self, home: HistoryHome, disk: DiskStore) -> None:
        """Append what is in memory and put the store on disk in use; stay in memory if that is refused."""
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
        self._notice = "" if self._mode.encrypts else PLAINTEXT_NOTICE
        await anyio.to_thread.run_sync(home.forget_kept)

    async def _move_to_memory(self, disk: DiskStore) -> None:
        async with self._paused():
            memory = MemoryStore(self._mode.limit, self._post)
            for entry in reversed(await disk.newest(self._mode.limit)):
                await memory.append(entry)
            await self._leave(disk)
            self._disk, self._memory = None, memory

    async def _look_for_files(self, home: HistoryHome) -> None:
        left_bytes, is_kept = await anyio.to_thread.run_sync(lambda: (home.left_bytes(), home.is_kept))
        self._left_bytes = left_bytes
        self._notice = left_notice(left_bytes) if left_bytes and not is_kept else ""
        await self._alerts.clear(LOCKED)

    async def _run_disk(self, disk: DiskStore) -> None:
        """Load and write until this store is closed."""
        with disk.scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._load, disk)
                tasks.start_soon(disk.write)

    async def _load(self, disk: DiskStore) -> None:
        while await disk.load_next():
            await self.announce()
        await self.announce()
        for newest in await disk.newest(1):
            self._ids.continue_after(newest.id)
        await self._report_findings(disk)

    async def _leave(self, disk: DiskStore) -> None:
        await disk.drained()
        await disk.close()

    async def _report_findings(self, disk: DiskStore) -> None:
        status = disk.status()
        if not status.findings:
            await self._alerts.clear(INTEGRITY)
            return
        advice = (
            "readable entries are kept and damaged files are quarantined: see 'undercroft history status'; "
            "restore what is missing from a backup"
        )
        await self._alerts.raise_alert(
            INTEGRITY, severity=disk.severity, message="; ".join(status.findings[:5]), advice=advice
        )

    @contextlib.asynccontextmanager
    async def _paused(self) -> AsyncIterator[None]:
        """Start no requests, and wait until those under way are done."""
        self._open.clear()
        try:
            while self._running:
                self._finished.clear()
                await self._finished.wait()
            yield
        finally:
            self._open.set()


async def _on_disk(work: Callable[[], ResultT]) -> ResultT:
    """Change files that no store has in use. A failure is an answer, not the end of the actor."""
    try:
        return await anyio.to_thread.run_sync(work)
    except (OSError, UndercroftError) as error:
        raise Refused(f"the files of the history cannot be changed: {in_words(error)}") from error
