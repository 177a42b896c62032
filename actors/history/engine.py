"""Segments and index together: changes are made durable, then known; what holds text that was taken out is written anew.

For threads. `commit`, `work`, `clear`, `accept`, `purge` and `close` come one at a time; `loading` may go on
beside them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from actors.history.entry_index import Index
from actors.history.segments.recovery import Finding, Loaded
from actors.history.segments.segment_records import RawOperations
from actors.history.segments.segment_store import Journal
from bus.errors import Refused
from schemas.history import HistoryEntry

RECORD_BYTES: Final = 64 * 1024
SMALL_BYTES: Final = 256 * 1024
SMALL_RUN: Final = 8
"""So many small segments in a row are merged: each start of the runtime begins one."""

LOAD_STEP_BYTES: Final = 16 * 1024 * 1024
AHEAD: Final = 64
"""So many batches are decrypted ahead of the index."""


@dataclass(frozen=True)
class Append:
    """Keep an entry; its outcome is the entry, or the one that was known by its id."""

    entry: HistoryEntry


@dataclass(frozen=True)
class Edit:
    """Give an entry another text; its outcome is the entry, or None."""

    identity: str
    text: str
    now: float


@dataclass(frozen=True)
class Remove:
    """Take entries out; its outcome are the ids of those that were there."""

    ids: tuple[str, ...]


Change = Append | Edit | Remove
Outcome = HistoryEntry | None | list[str] | Refused


class Keeper:
    """The history of one home, on disk."""

    def __init__(self, journal: Journal, *, encrypts: bool) -> None:
        """Args: journal: opened."""
        self.encrypts = encrypts
        self.index = Index()
        self.share_loaded = 0.0
        self._journal = journal
        self._dirty: set[int] = set()
        self._spoiled: set[int] = set()
        self._locked: set[int] = set()
        self._is_merged = False

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with the files."""
        return list(self._journal.findings)

    @property
    def size_bytes(self) -> int:
        """Of all segments."""
        return self._journal.size_bytes

    @property
    def has_work(self) -> bool:
        """Whether `work` has something to do."""
        return bool(self._dirty) or not self._is_merged

    # -- loading
    # ---------------------------------------------------------------------------------------------------

    def loading(self) -> Iterator[Callable[[], None]]:
        """Loads all segments, oldest first, in parts; each is a function for a thread."""
        total = max(1, len(self._journal.numbers))
        segments = self._journal.load()
        done = 0
        is_over = False

        def part() -> None:
            nonlocal done, is_over
            done_bytes = 0
            with _Indexing(self._take_in) as indexing:
                for loaded in segments:
                    self._judge(loaded)
                    indexing.take(loaded)
                    done, done_bytes = done + 1, done_bytes + loaded.size_bytes
                    if done_bytes >= LOAD_STEP_BYTES:
                        break
                else:
                    is_over = True
            self.share_loaded = min(1.0, done / total)

        while not is_over:
            yield part

    def _take_in(self, number: int, operations: RawOperations) -> None:
        if operations.put:
            self._dirty |= self.index.load(number, operations.put)
        for identity in operations.remove:
            segment = self.index.remove(identity)
            if segment is not None:
                self._dirty.add(segment)

    def _judge(self, loaded: Loaded) -> None:
        if any(finding.trouble == "locked" for finding in loaded.findings):
            self._locked.add(loaded.ref.number)
            return
        if loaded.is_spoiled:
            self._spoiled.add(loaded.ref.number)
        if loaded.is_spoiled or (loaded.is_plain and self.encrypts):
            self._dirty.add(loaded.ref.number)

    # -- changes
    # ---------------------------------------------------------------------------------------------------

    def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        """Make changes durable as one record; the outcome of each.

        Raises:
            OSError, DurableWriteFailed, KeyUnavailable: none of them is kept.
        """
        after: dict[str, HistoryEntry | None] = {}
        outcomes = [self._decide(change, after) for change in changes]
        put = [msgspec.Raw(msgspec.json.encode(entry)) for entry in after.values() if entry is not None]
        gone = [identity for identity, entry in after.items() if entry is None and self.index.get(identity)]
        if put or gone:
            number = self._journal.append(msgspec.json.encode({"put": put, "remove": gone}))
            for body in put:
                self._dirty |= self.index.put(number, bytes(body))
            self._dirty |= {
                segment for identity in gone if (segment := self.index.remove(identity)) is not None
            }
        return outcomes

    def _decide(self, change: Change, after: dict[str, HistoryEntry | None]) -> Outcome:
        def known(identity: str) -> HistoryEntry | None:
            return after[identity] if identity in after else self.index.get(identity)

        match change:
            case Append(entry):
                found = known(entry.id)
                if found is not None:
                    return found
                if self.index.is_crowded(entry.id):
                    return Refused(f"too many ids begin like {entry.id}; leave it out to have one made")
                after[entry.id] = entry
                return entry
            case Edit(identity, text, now):
                found = known(identity)
                after |= {identity: msgspec.structs.replace(found, text=text, edited_at=now)} if found else {}
                return after[identity] if found else None
            case Remove(ids):
                there = [identity for identity in ids if known(identity) is not None]
                after |= dict.fromkeys(there)
                return there

    def work(self) -> None:
        """One step of what is to be done behind a change: the oldest segment that holds what was taken out is written anew.

        The oldest first: what a later segment says is gone may be forgotten only where the text is.

        Raises:
            OSError, DurableWriteFailed, KeyUnavailable: it is still to be done.
        """
        if self._dirty:
            number = min(self._dirty)
            if number not in self._locked and number in self._journal.numbers:
                self._rewrite([number])
            self._dirty.discard(number)
            self._spoiled.discard(number)
            return
        fixed = {self._journal.open_number, *self._locked}
        run = small_run(
            {number: self._journal.sizes.get(number, SMALL_BYTES) for number in self._journal.numbers}, fixed
        )
        if run:
            self._rewrite(run)
        self._is_merged = not run

    def clear(self) -> int:
        """Delete all segments; how many entries there were.

        Raises:
            OSError, DurableWriteFailed, KeyUnavailable: all entries are still there.
        """
        self._journal.roll()
        count = self.index.count
        if self._journal.numbers:
            self._journal.rewrite(self._journal.numbers, [])
        self._forget()
        return count

    def purge(self) -> int:
        """Delete all files; how many.

        Raises:
            OSError: not all of them are gone.
        """
        count = self._journal.purge()
        self._forget()
        return count

    def accept(self) -> int:
        """Forget the segments that are missing; how many there were."""
        count = self._journal.accept()
        self._journal.findings.clear()
        return count

    def close(self) -> None:
        """Close the files in good order."""
        self._journal.close()

    def _forget(self) -> None:
        self.index = Index()  # who still asks the former one has its answer from that
        for numbers in (self._dirty, self._spoiled, self._locked):
            numbers.clear()

    def _rewrite(self, numbers: list[int]) -> None:
        if self._journal.open_number in numbers:
            self._journal.roll()
        batches = batches_of(self.index.bodies_of(numbers))
        number = self._journal.rewrite(numbers, batches, aside=not self._spoiled.isdisjoint(numbers))
        self.index.moved(numbers, number)


class _Indexing:
    """Takes segments into the index on a second thread, while the next ones are decrypted."""

    def __init__(self, take_in: Callable[[int, RawOperations], None]) -> None:
        self._take_in = take_in
        self._queue: queue.Queue[tuple[int, RawOperations] | None] = queue.Queue(AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="history index", daemon=True)
        self._decoder = msgspec.json.Decoder(RawOperations)

    def take(self, loaded: Loaded) -> None:
        """Hand over one segment."""
        for batch in loaded.batches:
            self._queue.put((loaded.ref.number, self._decoder.decode(batch)))

    def __enter__(self) -> _Indexing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (taken := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._take_in(*taken)
                except BaseException as error:  # handed over to who waits
                    self._error = error


def small_run(sizes: dict[int, int], fixed: set[int]) -> list[int]:
    """Segments in a row, none of them among the fixed ones, that are worth being merged; empty if there are none."""
    run: list[int] = []
    for number in sorted(sizes):
        if number in fixed or sizes[number] >= SMALL_BYTES:
            if len(run) >= SMALL_RUN:
                return run
            run = []
        else:
            run.append(number)
    return run if len(run) >= SMALL_RUN else []


def batches_of(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """Records of a handy size that hold these entries."""
    batch: list[msgspec.Raw] = []
    size = 0
    for body in bodies:
        batch.append(msgspec.Raw(body))
        size += len(body)
        if size >= RECORD_BYTES:
            yield msgspec.json.encode({"put": batch})
            batch, size = [], 0
    if batch:
        yield msgspec.json.encode({"put": batch})
