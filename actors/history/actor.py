"""The history as a process: entries in, pages, searches and exports out."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self, assert_never

import anyio
import anyio.to_thread
import msgspec

from actors.history.backend import Residence
from actors.history.entry_export import head, part
from actors.history.entry_ids import Identities, is_identity
from actors.history.entry_retention import doomed
from actors.history.history_store import Store
from actors.history.memory_store import MemoryStore
from actors.history.storage_mode import Wanted, wanted_of
from bus.actor import Actor, Later
from bus.client import asker
from bus.errors import Refused, UndercroftError
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
    from actors.history.history_home import Home
    from actors.shared.context import ActorContext


AGAIN_SECONDS: Final = 15.0
"""So often the keychain is asked again while it is locked."""

PRUNE_SECONDS: Final = 3600.0

Question = (
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
Inbox = SettingsChangedEvent | Question
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

    def __init__(
        self,
        home: Home | None = None,
        now: Callable[[], float] = time.time,
        random_bits: Callable[[], int] = lambda: secrets.randbits(64),
    ) -> None:
        """Args: home: None where nothing may ever be on disk; now: seconds since the Unix epoch; random_bits: 64 of them."""
        self._home = home
        self._now = now
        self._random_bits = random_bits
        self._identities = Identities()
        self._wanted = Wanted()
        self._changed = anyio.Event()

    @classmethod
    def of(cls, surroundings: ActorContext) -> Self:
        """The history of an app."""
        from actors.history.history_home import Home

        return cls(Home(surroundings.locations.state))

    async def prepare(self) -> None:
        """Come back from what the broker remembers of a former life, and go to disk if that is wanted."""
        settings = await self.peer.retained(SettingsChangedEvent)
        self._wanted = wanted_of(settings[-1].settings if settings else {})
        memory = MemoryStore(self._wanted.limit, self.peer.post)
        memory.restore(await self.peer.retained(HistoryChangedEvent))
        if newest := memory.newest_id():
            self._identities.seen(newest)
        self._residence = Residence(
            self._home, memory, self.peer.post, self._identities.seen, self.alerts, self.tasks
        )
        await self._residence.follow(self._wanted)
        self.tasks.start_soon(self._keep_house)

    async def close(self) -> None:
        """Let what is under way become durable."""
        await self._residence.close()

    async def handle(self, event: Inbox) -> Reply | Later | None:
        """Answer one question, or take in one entry; what waits for the disk is answered beside the inbox."""
        if isinstance(event, SettingsChangedEvent):
            self._wanted = wanted_of(event.settings)
            self._changed.set()
            return None
        if self._residence.is_prompt and not isinstance(
            event, HistoryKeepRequestEvent | HistoryClearRequestEvent
        ):
            return await self._answer(event, self._residence.store)
        return Later(lambda: self._answer_in_turn(event))

    async def _answer_in_turn(self, event: Question) -> Reply:
        async with self._residence.using() as store:
            return await self._answer(event, store)

    async def _answer(self, event: Question, store: Store) -> Reply:
        match event:
            case HistoryAppendRequestEvent():
                return await self._append(event, store)
            case HistoryQueryRequestEvent():
                return await store.page(event)
            case HistorySearchRequestEvent():
                return await store.search(event)
            case HistoryEditRequestEvent():
                return await self._edit(event, store)
            case HistoryDeleteRequestEvent():
                count = await store.remove(event.ids, dry_run=event.dry_run)
                return await self._removed("delete", count, event.dry_run, ", ".join(event.ids[:20]))
            case HistoryClearRequestEvent():
                return await self._clear(event, store)
            case HistoryPruneRequestEvent():
                return await self._prune(event, store)
            case HistoryKeepRequestEvent():
                await self._residence.keep()
                return self._residence.status()
            case HistoryExportRequestEvent():
                return await self._export(event, store)
            case HistoryStatusRequestEvent():
                return self._residence.status()
            case ConversationsRequestEvent():
                return await self._conversations(event, store)
            case _:
                assert_never(event)

    async def _edit(self, event: HistoryEditRequestEvent, store: Store) -> HistoryEditedEvent:
        edited = await store.edit(event.id, event.text, self._now())
        if edited is None:
            raise Refused(f"there is no entry {event.id!r}; it may have been deleted, or have left the ring")
        await self._note("edit", event.id)
        return HistoryEditedEvent(entry=edited)

    async def _clear(self, event: HistoryClearRequestEvent, store: Store) -> HistoryRemovedEvent:
        if event.purge and event.before is not None:
            raise Refused("a purge takes everything; leave out 'before', or 'purge'")
        count = await store.clear(event.before, dry_run=event.dry_run)
        if not event.purge:
            return await self._removed(
                "clear", count, event.dry_run, "" if event.before is None else f"before {event.before}"
            )
        backups = "; there are no backups of the history" if event.purge_backups else ""
        if event.dry_run:
            return HistoryRemovedEvent(
                count=count, dry_run=True, note=f"all files of the history would go as well{backups}"
            )
        files = await self._residence.purge()
        await self._residence.tell()
        removed = await self._removed("purge", count, False, f"{files} files", force=files > 0)
        return msgspec.structs.replace(removed, note=f"{files} files are gone{backups}")

    async def _prune(self, event: HistoryPruneRequestEvent, store: Store) -> HistoryRemovedEvent:
        rules = self._wanted.rules
        given = {"days": event.keep_days, "entries": event.keep_entries, "mib": event.keep_mib}
        rules = dataclasses.replace(
            rules, **{name: value for name, value in given.items() if value is not None}
        )
        if rules.limit_nothing:
            return HistoryRemovedEvent(
                count=0, dry_run=event.dry_run, note="no rule sets a limit: all entries are kept"
            )
        rows = await store.sizes()
        going = await anyio.to_thread.run_sync(lambda: doomed(rows, rules, self._now()))
        if not going or event.dry_run:
            return HistoryRemovedEvent(count=len(going), dry_run=event.dry_run)
        return await self._removed("prune", await store.remove(going, dry_run=False), False, f"{rules}")

    async def _removed(
        self, did: str, count: int, dry_run: bool, detail: str, *, force: bool = False
    ) -> HistoryRemovedEvent:
        if not dry_run and (count or force):
            await self._note(did, f"{count} entries {detail}".strip(), force=force)
        return HistoryRemovedEvent(count=count, dry_run=dry_run)

    async def _note(self, did: str, outcome: str, *, force: bool = False) -> None:
        """Note in the audit log what was taken from disk; in memory mode nothing is written anywhere."""
        home = self._home
        if home is None or not (force or self._residence.disk is not None):
            return
        who = asker.get() or self.peer.name
        try:
            await anyio.to_thread.run_sync(lambda: home.note(who, did, outcome))
        except (OSError, UndercroftError) as error:
            await self.alerts.raise_alert(
                "history.audit",
                severity="warning",
                message=str(error),
                advice="free some space, or check the disk",
            )

    async def _keep_house(self) -> None:
        """Follow the settings, try again what could not be done, and delete what is too old."""
        while True:
            pause = AGAIN_SECONDS if self._residence.is_locked_out else PRUNE_SECONDS
            if not self._wanted.rules.limit_nothing and not self._residence.is_locked_out:
                await self._answer_in_turn(HistoryPruneRequestEvent())
            with anyio.move_on_after(pause):
                await self._changed.wait()
            self._changed = anyio.Event()
            await self._residence.follow(self._wanted)

    async def _append(self, event: HistoryAppendRequestEvent, store: Store) -> HistoryAppendedEvent:
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
        return HistoryAppendedEvent(entry=await store.append(entry), storage=store.storage)

    async def _export(self, event: HistoryExportRequestEvent, store: Store) -> HistoryExportedEvent:
        entries, more = await store.oldest_first(event)
        content = part(event.format, entries)
        return HistoryExportedEvent(
            content=content if event.after else head(event.format) + content,
            entries=len(entries),
            next_after=entries[-1].id if more else "",
        )

    async def _conversations(
        self, event: ConversationsRequestEvent, store: Store
    ) -> ConversationsListedEvent:
        found = await store.conversations()
        return ConversationsListedEvent(
            conversations=found[: event.limit],
            total_count=len(found),
            total_tokens=sum(one.tokens for one in found),
            last_updated=max((one.last_at for one in found), default=0.0),
        )
