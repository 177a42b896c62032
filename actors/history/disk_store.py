"""The history on disk: what waits together becomes one record, and is answered once that is durable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

import anyio
import anyio.to_thread

from actors.history.engine import Append, Change, Edit, Keeper, Remove
from actors.history.entry_index import Index
from bus.errors import Refused
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

LIVE: Final = "live"
"""The slot of what happens on disk: only the last change is retained by the broker."""

BATCH_LIMIT: Final = 1000
REMOVE_AT_ONCE: Final = 10_000
TOLD_LIMIT: Final = 1000
"""If more than so many go at once, that is told as one."""

COMMITS_BEFORE_REWRITE: Final = 8
RETRY_SECONDS: Final = 5.0
ResultT = TypeVar("ResultT")


@dataclass
class _Waiting:
    change: Change
    outcome: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class DiskStore:
    """Keeps entries in files, encrypted or not, and answers from memory."""

    def __init__(
        self,
        keeper: Keeper,
        post: Callable[[Event], None],
        troubled: Callable[[Exception | None], Awaitable[None]],
    ) -> None:
        """Args: troubled: told when something cannot be saved, and (None) when that is over."""
        self._keeper = keeper
        self._post = post
        self._troubled = troubled
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._loaded = asyncio.Event()
        self._turn = asyncio.Lock()
        self._commits = 0
        self._is_troubled = False

    @property
    def storage(self) -> Storage:
        """See `Store`."""
        return "encrypted" if self._keeper.encrypts else "plaintext"

    @property
    def index(self) -> Index:
        """What is known by now."""
        return self._keeper.index

    @property
    def is_loaded(self) -> bool:
        """Whether all entries are there."""
        return self._loaded.is_set()

    async def wait_loaded(self) -> None:
        """Wait until all entries are there."""
        await self._loaded.wait()

    async def load(self, progressed: Callable[[], Awaitable[None]]) -> None:
        """Load what lies on disk; entries are taken in meanwhile."""
        for part in self._keeper.loading():
            await anyio.to_thread.run_sync(part)
            await progressed()
        self._loaded.set()
        self._wake.set()
        await progressed()

    async def write(self) -> None:
        """Write what waits, and rewrite what holds text that was taken out, until cancelled."""
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
        """Wait until nothing waits to be written; texts that are still to be taken out of old segments are left to another time."""
        while self._waiting:
            await asyncio.wait([self._waiting[-1].outcome])

    @property
    def severity(self) -> Literal["warning", "error"]:
        """How bad it is what was found."""
        return "error" if any(finding.is_loss for finding in self._keeper.findings) else "warning"

    async def settled(self) -> None:
        """Wait until nothing waits to be written or rewritten."""
        await self.wait_loaded()
        self._wake.set()
        self._idle.clear()
        await self._idle.wait()

    async def close(self) -> None:
        """Close the files in good order; nobody may be writing any more."""
        async with self._turn:
            await anyio.to_thread.run_sync(self._keeper.close)
        for waiting in self._waiting:
            if not waiting.outcome.done():
                waiting.outcome.set_exception(Refused("the history is being closed; ask again"))

    # -- changes
    # ---------------------------------------------------------------------------------------------------

    async def append(self, entry: HistoryEntry) -> HistoryEntry:
        """See `Store`; durable once it returns."""
        kept: HistoryEntry = await self._changed(Append(entry))
        return kept

    async def edit(self, identity: str, text: str, now: float) -> HistoryEntry | None:
        """See `Store`; the former text is nowhere on disk a moment later."""
        await self.wait_loaded()
        edited: HistoryEntry | None = await self._changed(Edit(identity, text, now))
        return edited

    async def remove(self, ids: Iterable[str], *, dry_run: bool) -> int:
        """See `Store`; the text is nowhere on disk a moment later."""
        await self.wait_loaded()
        wanted = list(dict.fromkeys(ids))
        if dry_run:
            return await _in_thread(lambda: sum(self.index.get(identity) is not None for identity in wanted))
        count = 0
        for start in range(0, len(wanted), REMOVE_AT_ONCE):
            count += len(await self._changed(Remove(tuple(wanted[start : start + REMOVE_AT_ONCE]))))
        return count

    async def clear(self, before: float | None, *, dry_run: bool) -> int:
        """See `Store`; to clear all deletes all segments before it returns."""
        await self.wait_loaded()
        if dry_run or before is not None:
            ids = await _in_thread(lambda: self.index.ids_before(before))
            return len(ids) if dry_run else await self.remove(ids, dry_run=False)
        async with self._turn:
            count = await self._saving(self._keeper.clear)
        self._post(HistoryChangedEvent(slot=LIVE, change="cleared"))
        return count

    async def accept(self) -> int:
        """Forget the segments that are missing; how many there were."""
        await self.wait_loaded()
        async with self._turn:
            return await self._saving(self._keeper.accept)

    async def purge(self) -> int:
        """Delete all files; how many. Nothing is kept here afterwards."""
        await self.wait_loaded()
        async with self._turn:
            return await self._saving(self._keeper.purge)

    # -- questions
    # -------------------------------------------------------------------------------------------------

    async def page(self, question: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """See `Store`; waits until all entries are there, since the newest come last."""
        await self.wait_loaded()
        return await _in_thread(lambda: self.index.page(question))

    async def search(self, question: HistorySearchRequestEvent) -> HistoryFoundEvent:
        """See `Store`; while entries are being loaded, among those that are there."""
        complete = self.is_loaded
        return await _in_thread(lambda: self.index.search(question, complete=complete))

    async def oldest_first(self, question: HistoryExportRequestEvent) -> tuple[list[HistoryEntry], bool]:
        """See `Store`."""
        await self.wait_loaded()
        return await _in_thread(lambda: self.index.oldest_first(question))

    async def conversations(self) -> list[ConversationTotals]:
        """See `Store`."""
        await self.wait_loaded()
        return await _in_thread(self.index.conversations)

    async def sizes(self) -> list[tuple[str, float, int]]:
        """See `Store`."""
        await self.wait_loaded()
        return await _in_thread(self.index.rows)

    def status(self) -> HistoryStatusEvent:
        """See `Store`."""
        return HistoryStatusEvent(
            mode="disk",
            storage=self.storage,
            notice="",
            entries=self.index.count,
            size_bytes=self._keeper.size_bytes,
            limit_entries=0,
            loading=1.0 if self.is_loaded else self._keeper.share_loaded,
            findings=[str(finding) for finding in self._keeper.findings],
        )

    # -- writing
    # ---------------------------------------------------------------------------------------------------

    @property
    def _has_work(self) -> bool:
        return self.is_loaded and self._keeper.has_work

    async def _changed(self, change: Change) -> Any:
        waiting = _Waiting(change)
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.outcome

    async def _commit(self) -> None:
        taken = [self._waiting.popleft() for _ in range(min(BATCH_LIMIT, len(self._waiting)))]
        self._commits += 1
        try:
            async with self._turn:
                outcomes = await self._saving(
                    lambda: self._keeper.commit([waiting.change for waiting in taken])
                )
        except Refused as refused:
            for waiting in taken:
                if not waiting.outcome.done():
                    waiting.outcome.set_exception(Refused(str(refused)))
            return
        for waiting, outcome in zip(taken, outcomes, strict=True):
            self._tell(waiting.change, outcome)
            if waiting.outcome.done():
                continue
            if isinstance(outcome, Refused):
                waiting.outcome.set_exception(outcome)
            else:
                waiting.outcome.set_result(outcome)

    async def _rewrite(self) -> None:
        self._commits = 0
        try:
            async with self._turn:
                await self._saving(self._keeper.work)
        except Refused:
            with anyio.move_on_after(RETRY_SECONDS):
                self._wake.clear()
                await self._wake.wait()

    async def _saving(self, work: Callable[[], ResultT]) -> ResultT:
        """Carry out what changes files; what fails is refused, and told."""
        from actors.shared.crypto.envelope_errors import KeyUnavailable
        from actors.shared.durable.durable_write import DurableWriteFailed

        try:
            done = await _in_thread(work)
        except (OSError, DurableWriteFailed, KeyUnavailable) as error:
            self._is_troubled = True
            await self._troubled(error)
            raise Refused(f"the history was not saved, nothing was changed: {error}") from error
        if self._is_troubled:
            self._is_troubled = False
            await self._troubled(None)
        return done

    def _tell(self, change: Change, outcome: Any) -> None:
        match change:
            case Append() if outcome is change.entry:
                self._post(HistoryChangedEvent(slot=LIVE, change="added", entry=outcome, entry_id=outcome.id))
            case Edit() if isinstance(outcome, HistoryEntry):
                self._post(
                    HistoryChangedEvent(slot=LIVE, change="edited", entry=outcome, entry_id=outcome.id)
                )
            case Remove() if len(outcome) > TOLD_LIMIT:
                self._post(HistoryChangedEvent(slot=LIVE, change="cleared"))
            case Remove():
                for identity in outcome:
                    self._post(HistoryChangedEvent(slot=LIVE, change="removed", entry_id=identity))
            case _:
                pass


async def _in_thread(work: Callable[[], ResultT]) -> ResultT:
    return await anyio.to_thread.run_sync(work)
