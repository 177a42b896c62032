"""The history as a process: entries in, pages, searches and exports out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, assert_never

from actors.history.export import head, part
from actors.history.identity import Identities, is_identity
from actors.history.memory import MemoryStore
from bus.actor import Actor
from bus.errors import Refused
from schemas.config import SettingsChangedEvent
from schemas.event import Event
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
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    HistoryRemovedEvent,
    HistorySearchRequestEvent,
    HistoryStatusEvent,
    HistoryStatusRequestEvent,
)

if TYPE_CHECKING:
    from actors.launch import Surroundings

EventT = TypeVar("EventT", bound=Event)

MAX_ENTRIES: Final = 100
MAX_ENTRIES_RANGE: Final = (10, 10_000)

Inbox = (
    SettingsChangedEvent
    | HistoryAppendRequestEvent
    | HistoryQueryRequestEvent
    | HistorySearchRequestEvent
    | HistoryEditRequestEvent
    | HistoryDeleteRequestEvent
    | HistoryClearRequestEvent
    | HistoryExportRequestEvent
    | HistoryStatusRequestEvent
    | ConversationsRequestEvent
)
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
    """Keeps what was said, as the person chose."""

    def __init__(self, now: Callable[[], float] = time.time, random_bits: Callable[[], int] = lambda: secrets.randbits(64)) -> None:
        """Args: now: seconds since the Unix epoch; random_bits: 64 of them."""
        self._now = now
        self._random_bits = random_bits
        self._identities = Identities()

    @classmethod
    def of(cls, surroundings: Surroundings) -> Self:
        """The history of an app."""
        return cls()

    async def prepare(self) -> None:
        """Come back from what the broker remembers of a former life."""
        settings = await self._retained(SettingsChangedEvent)
        self._store = MemoryStore(max_entries(settings[-1].settings if settings else {}), self.peer.post)
        self._store.restore(await self._retained(HistoryChangedEvent))
        if newest := self._store.newest_id():
            self._identities.seen(newest)

    async def handle(self, event: Inbox) -> Reply | None:
        """Answer one question, or take in one entry."""
        store = self._store
        match event:
            case SettingsChangedEvent():
                store.resize(max_entries(event.settings))
                return None
            case HistoryAppendRequestEvent():
                return await self._append(event)
            case HistoryQueryRequestEvent():
                return await store.page(event)
            case HistorySearchRequestEvent():
                return await store.search(event)
            case HistoryEditRequestEvent():
                edited = await store.edit(event.id, event.text, self._now())
                if edited is None:
                    raise Refused(f"there is no entry {event.id!r}; it may have been deleted, or have left the ring")
                return HistoryEditedEvent(entry=edited)
            case HistoryDeleteRequestEvent():
                return HistoryRemovedEvent(count=await store.remove(event.ids, dry_run=event.dry_run), dry_run=event.dry_run)
            case HistoryClearRequestEvent():
                return HistoryRemovedEvent(count=await store.clear(event.before, dry_run=event.dry_run), dry_run=event.dry_run)
            case HistoryExportRequestEvent():
                return await self._export(event)
            case HistoryStatusRequestEvent():
                return store.status()
            case ConversationsRequestEvent():
                return await self._conversations(event)
            case _:
                assert_never(event)

    async def _append(self, event: HistoryAppendRequestEvent) -> HistoryAppendedEvent:
        if event.id and not is_identity(event.id):
            raise Refused(f"id is {event.id!r}, expected a UUID of version 7; leave it out to have one made")
        now = self._now()
        entry = HistoryEntry(
            id=event.id or self._identities.next(now, self._random_bits()),
            at=event.at if event.at is not None else now,
            kind=event.kind,
            text=event.text,
            mode=event.mode,
            language=event.language,
            duration_seconds=event.duration_seconds,
            model_id=event.model_id,
            conversation_id=event.conversation_id,
            role=event.role,
            tokens=event.tokens,
            fields=event.fields,
        )
        return HistoryAppendedEvent(entry=await self._store.append(entry), storage=self._store.storage)

    async def _export(self, event: HistoryExportRequestEvent) -> HistoryExportedEvent:
        entries, more = await self._store.oldest_first(event)
        content = part(event.format, entries)
        return HistoryExportedEvent(
            content=content if event.after else head(event.format) + content,
            entries=len(entries),
            next_after=entries[-1].id if more else "",
        )

    async def _conversations(self, event: ConversationsRequestEvent) -> ConversationsListedEvent:
        found = await self._store.conversations()
        return ConversationsListedEvent(
            conversations=found[: event.limit],
            total_count=len(found),
            total_tokens=sum(one.tokens for one in found),
            last_updated=max((one.last_at for one in found), default=0.0),
        )

    async def _retained(self, event_type: type[EventT]) -> list[EventT]:
        """What the broker remembers of a topic now."""
        async with self.peer.subscribe(event_type) as events:
            pass
        return [event async for event in events if isinstance(event, event_type)]


def max_entries(settings: dict[str, Any]) -> int:
    """How many entries memory keeps: `history.max_entries`, within its range."""
    found = settings.get("history", {}).get("max_entries", MAX_ENTRIES)
    least, most = MAX_ENTRIES_RANGE
    return min(most, max(least, found)) if isinstance(found, int) else MAX_ENTRIES
