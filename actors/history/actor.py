"""The history as an actor: takes entries in, answers queries and searches, exports, deletes."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, assert_never

import anyio
import anyio.to_thread
import msgspec

from actors.history.backend import Backend
from actors.history.entries.entry_export import export_entries, export_head
from actors.history.entries.entry_ids import EntryIds, is_entry_id
from actors.history.entries.entry_retention import expired_ids
from actors.history.history_store import HistoryStore
from actors.history.storage_mode import StorageMode
from actors.shared.clocks import careful_clock, elapsed_beside
from bus.actor import Actor, BusContext, Later
from bus.client import asker
from bus.error_words import in_words
from bus.errors import Refused, UndercroftError
from schemas.bounds import sum_of_counts
from schemas.config import SettingsChangedEvent
from schemas.history import (
    ConversationsListedEvent,
    ConversationsRequestEvent,
    HistoryAppendedEvent,
    HistoryAppendRequestEvent,
    HistoryChangedEvent,
    HistoryClearRequestEvent,
    HistoryDeleteRequestEvent,
    HistoryEditedEvent,
    HistoryEditRequestEvent,
    HistoryEntry,
    HistoryExportedEvent,
    HistoryExportRequestEvent,
    HistoryFoundEvent,
    HistoryKeepRequestEvent,
    HistoryPageEvent,
    HistoryPruneRequestEvent,
    HistoryQueryRequestEvent,
    HistoryRemovedEvent,
    HistorySearchRequestEvent,
    HistoryStatusEvent,
    HistoryStatusRequestEvent,
)

if TYPE_CHECKING:
    from actors.history.history_home import HistoryHome

UNLOCK_RETRY_SECONDS: Final = 15.0
"""Pause between attempts to reach a locked keychain."""

PRUNE_SECONDS: Final = 3600.0
SETTINGS_SECONDS: Final = 10.0
"""How long a history with files waits for settings that nobody has published yet."""

HistoryRequest = (
    HistoryAppendRequestEvent
    | HistoryQueryRequestEvent
    | HistorySearchRequestEvent
    | HistoryEditRequestEvent
    | HistoryDeleteRequestEvent
    | HistoryClearRequestEvent
    | HistoryExportRequestEvent
    | HistoryStatusRequestEvent
    | HistoryPruneRequestEvent
    | HistoryKeepRequestEvent
    | ConversationsRequestEvent
)
Inbox = SettingsChangedEvent | HistoryRequest
Reply = (
    HistoryAppendedEvent
    | HistoryPageEvent
    | HistoryFoundEvent
    | HistoryEditedEvent
    | HistoryRemovedEvent
    | HistoryExportedEvent
    | HistoryStatusEvent
    | ConversationsListedEvent
)


class History(Actor[Inbox]):
    """Keeps entries as the user chose."""

    def __init__(
        self,
        context: BusContext,
        home: HistoryHome | None = None,
        now: Callable[[], float] = time.time,
        age: Callable[[], float] | None = None,
        random_bits: Callable[[], int] = lambda: secrets.randbits(64),
    ) -> None:
        """Build the history, empty and in memory.

        Args:
            context: connection to the bus.
            home: None where nothing may ever be on disk.
            now: seconds since the Unix epoch.
            age: the same, never more than have passed; None for the system's clock.
            random_bits: 64 random bits.
        """
        super().__init__(context)
        self._home = home
        self._now = now
        self._age = age or careful_clock(now, elapsed_beside(now))
        self._random_bits = random_bits
        self._ids = EntryIds()
        self._mode = StorageMode()
        self._mode_changed = anyio.Event()
        self._backend = Backend(context, home, self._ids)

    async def prepare(self) -> None:
        """Restore the entries that the broker retains, and go to disk if the settings want that."""
        settings = await self.peer.retained(SettingsChangedEvent)
        if settings:
            self._mode = StorageMode.of(settings[-1].settings)
        changes = await self.peer.retained(HistoryChangedEvent)
        await self._backend.start(self._mode if settings else None, changes)
        self.tasks.start_soon(self._maintain)

    async def close(self) -> None:
        """Make durable what is under way."""
        await self._backend.close()

    async def handle(self, event: Inbox) -> Reply | Later | None:
        """Answer one request. What waits for a disk or a move is answered beside the inbox."""
        if isinstance(event, SettingsChangedEvent):
            self._mode = StorageMode.of(event.settings)
            self._mode_changed.set()
            return None
        touches_files = isinstance(event, HistoryKeepRequestEvent | HistoryClearRequestEvent)
        if self._backend.answers_at_once and not touches_files:
            return await self._answer(event, self._backend.store)
        return Later(lambda: self._answer_in_turn(event))

    async def _answer_in_turn(self, request: HistoryRequest) -> Reply:
        async with self._backend.using() as store:
            return await self._answer(request, store)

    async def _answer(self, request: HistoryRequest, store: HistoryStore) -> Reply:
        match request:
            case HistoryAppendRequestEvent():
                return await self._append(request, store)
            case HistoryQueryRequestEvent():
                return await store.page(request)
            case HistorySearchRequestEvent():
                return await store.search(request)
            case HistoryEditRequestEvent():
                return await self._edit(request, store)
            case HistoryDeleteRequestEvent():
                count = await store.remove(request.ids, dry_run=request.dry_run)
                return await self._removed("delete", count, request.dry_run, ", ".join(request.ids[:20]))
            case HistoryClearRequestEvent():
                return await self._clear(request, store)
            case HistoryPruneRequestEvent():
                return await self._prune(request, store)
            case HistoryKeepRequestEvent():
                await self._backend.keep()
                return self._backend.status()
            case HistoryExportRequestEvent():
                return await self._export(request, store)
            case HistoryStatusRequestEvent():
                return self._backend.status()
            case ConversationsRequestEvent():
                return await self._conversations(request, store)
            case _:
                assert_never(request)

    async def _append(self, request: HistoryAppendRequestEvent, store: HistoryStore) -> HistoryAppendedEvent:
        if request.id and not is_entry_id(request.id):
            raise Refused(
                f"the id is {request.id!r}, expected a UUID of version 7 before the year 3000; "
                "leave it out, and the history makes one"
            )
        now = self._now()
        entry = HistoryEntry(
            id=request.id or self._ids.next(now, self._random_bits()),
            at=request.at if request.at is not None else now,
            kind=request.kind,
            text=request.text,
            mode=request.mode,
            language=request.language,
            duration_seconds=request.duration_seconds,
            model_id=request.model_id,
            conversation_id=request.conversation_id,
            role=request.role,
            tokens=request.tokens,
            fields=request.fields,
        )
        return HistoryAppendedEvent(entry=await store.append(entry), storage=store.storage)

    async def _edit(self, request: HistoryEditRequestEvent, store: HistoryStore) -> HistoryEditedEvent:
        edited = await store.edit(request.id, request.text, self._now())
        if edited is None:
            raise Refused(
                f"there is no entry {request.id!r}; it was deleted, or newer entries took its place in memory"
            )
        await self._audit("edit", request.id)
        return HistoryEditedEvent(entry=edited)

    async def _clear(self, request: HistoryClearRequestEvent, store: HistoryStore) -> HistoryRemovedEvent:
        if request.purge and request.before is not None:
            raise Refused("a purge deletes everything; leave out 'before' or 'purge'")
        count = await store.clear(request.before, dry_run=request.dry_run)
        if not request.purge:
            detail = "" if request.before is None else f"before {request.before}"
            return await self._removed("clear", count, request.dry_run, detail)
        backups = "; there are no backups of the history" if request.purge_backups else ""
        if request.dry_run:
            return HistoryRemovedEvent(
                count=count, dry_run=True, note=f"all files of the history would be deleted too{backups}"
            )
        files = await self._backend.purge()
        removed = await self._removed("purge", count, False, f"{files} files", force=files > 0)
        return msgspec.structs.replace(removed, note=f"{files} files were deleted{backups}")

    async def _prune(self, request: HistoryPruneRequestEvent, store: HistoryStore) -> HistoryRemovedEvent:
        given = {"days": request.keep_days, "entries": request.keep_entries, "mib": request.keep_mib}
        rules = dataclasses.replace(
            self._mode.rules, **{name: value for name, value in given.items() if value is not None}
        )
        if rules.limit_nothing:
            return HistoryRemovedEvent(
                count=0, dry_run=request.dry_run, note="no rule sets a limit: all entries are kept"
            )
        sizes = await store.sizes()
        expired = await anyio.to_thread.run_sync(lambda: expired_ids(sizes, rules, self._age()))
        if not expired or request.dry_run:
            return HistoryRemovedEvent(count=len(expired), dry_run=request.dry_run)
        count = await store.remove(expired, dry_run=False)
        detail = f"days={rules.days}, entries={rules.entries}, mib={rules.mib}"
        return await self._removed("prune", count, False, detail)

    async def _export(self, request: HistoryExportRequestEvent, store: HistoryStore) -> HistoryExportedEvent:
        entries, more = await store.oldest_first(request)
        head = "" if request.after else export_head(request.format)
        return HistoryExportedEvent(
            content=head + export_entries(request.format, entries),
            entries=len(entries),
            next_after=entries[-1].id if more else "",
        )

    async def _conversations(
        self, request: ConversationsRequestEvent, store: HistoryStore
    ) -> ConversationsListedEvent:
        found = await store.conversations()
        return ConversationsListedEvent(
            conversations=found[: request.limit],
            total_count=len(found),
            total_tokens=sum_of_counts(one.tokens for one in found),
            last_updated=max((one.last_at for one in found), default=0.0),
        )

    async def _removed(
        self, did: str, count: int, dry_run: bool, detail: str, *, force: bool = False
    ) -> HistoryRemovedEvent:
        if not dry_run and (count or force):
            await self._audit(did, f"{count} entries {detail}".strip(), force=force)
        return HistoryRemovedEvent(count=count, dry_run=dry_run)

    async def _audit(self, did: str, outcome: str, *, force: bool = False) -> None:
        """Record in the audit log what was removed from disk. In memory mode nothing is written."""
        home = self._home
        if home is None or not (force or self._backend.is_on_disk):
            return
        who = asker.get() or self.peer.name
        try:
            await anyio.to_thread.run_sync(lambda: home.audit(who, did, outcome))
        except (OSError, UndercroftError) as error:
            await self.alerts.raise_alert(
                "history.audit",
                severity="warning",
                message=in_words(error),
                advice="free some space, or check the disk",
            )

    @property
    def _pause_seconds(self) -> float:
        if self._backend.is_waiting:
            return SETTINGS_SECONDS
        return UNLOCK_RETRY_SECONDS if self._backend.is_locked_out else PRUNE_SECONDS

    async def _maintain(self) -> None:
        """Follow the settings, retry a locked keychain, and delete what the rules do not keep."""
        while True:
            if not (
                self._mode.rules.limit_nothing or self._backend.is_locked_out or self._backend.is_waiting
            ):
                await self._answer_in_turn(HistoryPruneRequestEvent())
            with anyio.move_on_after(self._pause_seconds):
                await self._mode_changed.wait()
            self._mode_changed = anyio.Event()
            await self._backend.follow(self._mode)
