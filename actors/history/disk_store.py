"""The history on disk: changes that wait together become one batch, and are answered once it is durable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal, TypeVar

import anyio
import anyio.to_thread

from actors.history.engine import (
    AppendEntry,
    EditEntry,
    EntryChange,
    HistoryEngine,
    RemoveEntries,
    characters_of,
)
from bus.error_words import in_words
from bus.errors import Refused
from bus.telemetry.alert_book import Alerts
from schemas.event import Event
from schemas.history import (
    ConversationTotals,
    HistoryChangedEvent,
    HistoryEntry,
    HistoryExportRequestEvent,
    HistoryFoundEvent,
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    HistoryStatusEvent,
    Storage,
)

NOT_SAVED: Final = "history.not_saved"
LIVE: Final = "live"
"""Slot of the events about changes on disk: the broker retains only the last of them."""

BATCH_LIMIT: Final = 1000
BATCH_CHARACTERS: Final = 1_000_000
"""Of text, after which a batch is full. A character takes at most six bytes as JSON, and eight encrypted."""

REMOVE_AT_ONCE: Final = 10_000
EVENTS_LIMIT: Final = 1000
"""If more entries than this are removed at once, one event says so."""

COMMITS_BEFORE_REWRITE: Final = 8
RETRY_SECONDS: Final = 5.0
ResultT = TypeVar("ResultT")


@dataclass
class _Waiting:
    change: EntryChange
    outcome: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class DiskStore:
    """Keeps entries in files, encrypted or plain, and answers queries from memory.

    `load_next`, until it returns False, and `write` run in tasks beside the requests.

    Attributes:
        scope: surrounds these tasks, and is cancelled by `close`.
    """

    def __init__(self, engine: HistoryEngine, post: Callable[[Event], None], alerts: Alerts) -> None:
        """Take over an opened history.

        Args:
            engine: opened, not loaded.
            post: publishes an event without waiting.
            alerts: raises `history.not_saved`.
        """
        self.scope = anyio.CancelScope()
        self._engine = engine
        self._loading = engine.loading()
        self._post = post
        self._alerts = alerts
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._begun = asyncio.Event()
        self._loaded = asyncio.Event()
        self._turn = asyncio.Lock()
        self._commits = 0
        self._has_alert = False

    @property
    def storage(self) -> Storage:
        """See `HistoryStore`."""
        return "encrypted" if self._engine.encrypts else "plaintext"

    @property
    def is_loaded(self) -> bool:
        """Whether all entries are loaded."""
        return self._loaded.is_set()

    async def wait_loaded(self) -> None:
        """Wait until all entries are loaded."""
        await self._loaded.wait()

    async def load_next(self) -> bool:
        """Load the next part of what is on disk; False once all is loaded.

        Entries may be appended meanwhile.
        """
        step = next(self._loading, None)
        if step is not None:
            await anyio.to_thread.run_sync(step)
            self._begun.set()
            return True
        self._begun.set()
        self._loaded.set()
        self._wake.set()
        return False

    async def write(self) -> None:
        """Write what waits and rewrite segments with removed text, until cancelled."""
        while True:
            if self._waiting and (self._commits < COMMITS_BEFORE_REWRITE or not self._has_work):
                await self._commit()
            elif self._has_work:
                await self._rewrite()
            else:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
                self._idle.clear()

    async def drained(self) -> None:
        """Wait until no change waits. Rewrites that are still due are left to the next start."""
        while self._waiting:
            await asyncio.wait([self._waiting[-1].outcome])

    async def settled(self) -> None:
        """Wait until no change and no rewrite is due."""
        await self.wait_loaded()
        self._wake.set()
        self._idle.clear()
        await self._idle.wait()

    async def close(self) -> None:
        """End the tasks, then seal and close the files."""
        self.scope.cancel()
        async with self._turn:
            await anyio.to_thread.run_sync(self._engine.close)
        for waiting in self._waiting:
            if not waiting.outcome.done():
                waiting.outcome.set_exception(Refused("the history is being closed; ask again"))

    # -- changes

    async def append(self, entry: HistoryEntry) -> HistoryEntry:
        """See `HistoryStore`; durable when it returns."""
        kept: HistoryEntry = await self._change(AppendEntry(entry))
        return kept

    async def edit(self, entry_id: str, text: str, now: float) -> HistoryEntry | None:
        """See `HistoryStore`; the former text leaves the disk shortly after."""
        await self.wait_loaded()
        edited: HistoryEntry | None = await self._change(EditEntry(entry_id, text, now))
        return edited

    async def remove(self, ids: Iterable[str], *, dry_run: bool) -> int:
        """See `HistoryStore`; the text leaves the disk shortly after."""
        await self.wait_loaded()
        wanted = list(dict.fromkeys(ids))
        if dry_run:
            return await _in_thread(lambda: self._engine.index.count_known(wanted))
        count = 0
        for start in range(0, len(wanted), REMOVE_AT_ONCE):
            count += len(await self._change(RemoveEntries(tuple(wanted[start : start + REMOVE_AT_ONCE]))))
        return count

    async def clear(self, before: float | None, *, dry_run: bool) -> int:
        """See `HistoryStore`; without `before` it deletes all segments before it returns."""
        await self.wait_loaded()
        if dry_run or before is not None:
            ids = await _in_thread(lambda: self._engine.index.ids_before(before))
            return len(ids) if dry_run else await self.remove(ids, dry_run=False)
        async with self._turn:
            count = await self._saving(self._engine.clear)
        self._post(HistoryChangedEvent(slot=LIVE, change="cleared"))
        return count

    async def accept_loss(self) -> int:
        """Forget the segments that are missing and return their number."""
        await self.wait_loaded()
        async with self._turn:
            return await self._saving(self._engine.accept_loss)

    async def purge(self) -> int:
        """Delete all files and return their number."""
        await self.wait_loaded()
        async with self._turn:
            return await self._saving(self._engine.purge)

    # -- queries

    async def page(self, query: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """See `HistoryStore`; waits until all entries are loaded, because the newest are loaded last."""
        await self.wait_loaded()
        return await _in_thread(lambda: self._engine.index.page(query))

    async def search(self, request: HistorySearchRequestEvent) -> HistoryFoundEvent:
        """See `HistoryStore`; while entries are being loaded, it searches the loaded ones.

        It waits for the first step, which loads all of a history of ordinary size: one that is there does not
        look empty.
        """
        await self._begun.wait()
        complete = self._engine.share_loaded >= 1.0
        return await _in_thread(lambda: self._engine.index.search(request, complete=complete))

    async def oldest_first(self, request: HistoryExportRequestEvent) -> tuple[list[HistoryEntry], bool]:
        """See `HistoryStore`."""
        await self.wait_loaded()
        return await _in_thread(lambda: self._engine.index.oldest_first(request))

    async def conversations(self) -> list[ConversationTotals]:
        """See `HistoryStore`."""
        await self.wait_loaded()
        return await _in_thread(lambda: self._engine.index.conversations())

    async def sizes(self) -> list[tuple[str, float, int]]:
        """See `HistoryStore`."""
        await self.wait_loaded()
        return await _in_thread(lambda: self._engine.index.sizes())

    async def newest(self, count: int) -> list[HistoryEntry]:
        """Return the newest entries, newest first."""
        await self.wait_loaded()
        return await _in_thread(lambda: list(islice(self._engine.index.newest_first(), count)))

    def status(self) -> HistoryStatusEvent:
        """See `HistoryStore`."""
        return HistoryStatusEvent(
            mode="disk",
            storage=self.storage,
            notice="",
            entries=self._engine.index.count,
            size_bytes=self._engine.size_bytes,
            limit_entries=0,
            loading=1.0 if self.is_loaded else self._engine.share_loaded,
            findings=[str(finding) for finding in self._engine.findings],
        )

    @property
    def severity(self) -> Literal["warning", "error"]:
        """How bad the findings are."""
        return "error" if any(finding.is_loss for finding in self._engine.findings) else "warning"

    # -- writing

    @property
    def _has_work(self) -> bool:
        return self.is_loaded and self._engine.has_work

    async def _change(self, change: EntryChange) -> Any:
        waiting = _Waiting(change)
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.outcome

    async def _commit(self) -> None:
        taken = self._next_batch()
        self._commits += 1
        try:
            async with self._turn:
                outcomes = await self._saving(
                    lambda: self._engine.commit([waiting.change for waiting in taken])
                )
        except Refused as refused:
            for waiting in taken:
                if not waiting.outcome.done():
                    waiting.outcome.set_exception(Refused(str(refused)))
            return
        for waiting, outcome in zip(taken, outcomes, strict=True):
            self._post_change(waiting.change, outcome)
            if waiting.outcome.done():
                continue
            if isinstance(outcome, Refused):
                waiting.outcome.set_exception(outcome)
            else:
                waiting.outcome.set_result(outcome)

    def _next_batch(self) -> list[_Waiting]:
        """The changes that are written as one line: never more than a line that can be read back."""
        taken: list[_Waiting] = []
        characters = 0
        while self._waiting and len(taken) < BATCH_LIMIT and characters < BATCH_CHARACTERS:
            taken.append(self._waiting.popleft())
            characters += characters_of(taken[-1].change)
        return taken

    async def _rewrite(self) -> None:
        self._commits = 0
        try:
            async with self._turn:
                await self._saving(self._engine.work)
        except Refused:
            with anyio.move_on_after(RETRY_SECONDS):
                self._wake.clear()
                await self._wake.wait()

    async def _saving(self, work: Callable[[], ResultT]) -> ResultT:
        """Run work that changes files. A failure raises the alert, and Refused."""
        from actors.shared.crypto.envelope_errors import KeyUnavailable
        from actors.shared.durable.durable_write import DurableWriteFailed

        try:
            done = await _in_thread(work)
        except (OSError, DurableWriteFailed, KeyUnavailable) as error:
            self._has_alert = True
            await self._alerts.raise_alert(
                NOT_SAVED,
                severity="error",
                message=in_words(error),
                advice="free some space, or check the disk and the keychain",
            )
            raise Refused(f"the history was not saved, nothing was changed: {in_words(error)}") from error
        if self._has_alert:
            self._has_alert = False
            await self._alerts.clear(NOT_SAVED)
        return done

    def _post_change(self, change: EntryChange, outcome: Any) -> None:
        match change:
            case AppendEntry() if outcome is change.entry:
                self._post(HistoryChangedEvent(slot=LIVE, change="added", entry=outcome, entry_id=outcome.id))
            case EditEntry() if isinstance(outcome, HistoryEntry):
                self._post(
                    HistoryChangedEvent(slot=LIVE, change="edited", entry=outcome, entry_id=outcome.id)
                )
            case RemoveEntries() if len(outcome) > EVENTS_LIMIT:
                self._post(HistoryChangedEvent(slot=LIVE, change="cleared"))
            case RemoveEntries():
                for entry_id in outcome:
                    self._post(HistoryChangedEvent(slot=LIVE, change="removed", entry_id=entry_id))
            case _:
                pass


async def _in_thread(work: Callable[[], ResultT]) -> ResultT:
    return await anyio.to_thread.run_sync(work)
