"""The segments of a history and the table of its entries, together.

A change is made durable first and visible then. Segments with removed text are rewritten without it. For
threads: `commit`, `work`, `clear`, `accept_loss`, `purge` and `close` come one at a time; `loading` may run
beside them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from actors.history.entries.entry_index import EntryIndex
from actors.history.entries.entry_table import EntryTable
from actors.history.entries.stored.stored_entry import StoredBatch, UnfitEntry, read_batch
from actors.history.entries.stored.unfit_entries import UnfitEntries
from actors.history.segments.segment_findings import SegmentFinding
from actors.history.segments.segment_reader import LoadedSegment
from actors.history.segments.segment_store import SegmentStore
from bus.errors import Refused
from schemas.history import HistoryEntry

BATCH_BYTES: Final = 64 * 1024
SMALL_BYTES: Final = 256 * 1024
SMALL_RUN: Final = 8
"""This many small segments in a row are merged, because each start of the runtime begins one."""

LOAD_STEP_BYTES: Final = 16 * 1024 * 1024
QUEUE_BATCHES: Final = 64
"""Number of decrypted batches that may wait for the table."""


FIELDS_CHARACTERS: Final = 10_000
CROWDED_IDS: Final = "too many ids begin alike"


@dataclass(frozen=True)
class AppendEntry:
    """Add an entry. The outcome is the entry, or the one that has its id already."""

    entry: HistoryEntry


@dataclass(frozen=True)
class EditEntry:
    """Give an entry another text. The outcome is the entry, or None if it does not exist."""

    entry_id: str
    text: str
    now: float


@dataclass(frozen=True)
class RemoveEntries:
    """Remove entries. The outcome is the list of ids that existed."""

    ids: tuple[str, ...]


EntryChange = AppendEntry | EditEntry | RemoveEntries
ChangeOutcome = HistoryEntry | None | list[str] | Refused


class HistoryEngine:
    """The history of one home on disk.

    Attributes:
        encrypts: whether new segments are encrypted.
        index: answers queries.
        share_loaded: share of the segments that are loaded, from 0.0 to 1.0.
    """

    def __init__(self, segments: SegmentStore, *, encrypts: bool) -> None:
        """Take over the segments of a history.

        Args:
            segments: opened.
            encrypts: see the attribute.
        """
        self.encrypts = encrypts
        self.share_loaded = 0.0
        self._segments = segments
        self._table = EntryTable()
        self.index = EntryIndex(self._table)
        self._to_rewrite: set[int] = set()
        self._damaged: set[int] = set()
        self._locked: set[int] = set()
        self._unfit = UnfitEntries()
        self._is_merged = False

    @property
    def findings(self) -> list[SegmentFinding]:
        """What is wrong with the files."""
        return list(self._segments.findings)

    @property
    def size_bytes(self) -> int:
        """Size of all segments."""
        return self._segments.size_bytes

    @property
    def has_work(self) -> bool:
        """Whether `work` has something to do."""
        return bool(self._to_rewrite) or not self._is_merged

    # -- loading

    def loading(self) -> Iterator[Callable[[], None]]:
        """Yield the steps that load all segments, oldest first; each is a function for a thread."""
        total = max(1, len(self._segments.numbers))
        segments = self._segments.load()
        done = 0
        is_over = False

        def step() -> None:
            nonlocal done, is_over
            done_bytes = 0
            with _TableLoader(self._take_in) as loader:
                for loaded in segments:
                    self._classify(loaded)
                    loader.load(loaded)
                    done, done_bytes = done + 1, done_bytes + loaded.size_bytes
                    if done_bytes >= LOAD_STEP_BYTES:
                        break
                else:
                    is_over = True
            self.share_loaded = 1.0 if is_over else min(1.0, done / total)
            if is_over:
                self._report_unfit()

        while not is_over:
            yield step

    def _take_in(self, number: int, batch: StoredBatch) -> None:
        """Take in what one line holds. What is no entry of today costs only itself."""
        if batch.put:
            replaced, crowded = self._table.load(number, batch.put)
            self._to_rewrite |= replaced | self._unfit.forget([row.id for _, row, _ in batch.put])
            batch.unfit.extend(UnfitEntry(row.id, body, CROWDED_IDS) for _, row, body in crowded)
        self._unfit.add(number, batch.unfit)
        self._remove_from_table(batch.remove)
        self._to_rewrite |= self._unfit.forget(batch.remove)

    def _report_unfit(self) -> None:
        """What does not fit is told, and leaves the segments with the next rewrite."""
        for number in self._unfit.numbers:
            self._to_rewrite.add(number)
            unfit = self._unfit.of(number)
            aside = f"kept in {self._segments.name_aside(number)}"
            detail = f"{len(unfit)}, the first: {unfit[0].problem}; {aside}"
            self._segments.findings.append(SegmentFinding("unfit", self._segments.name(number), detail))

    def _classify(self, loaded: LoadedSegment) -> None:
        number = loaded.ref.number
        if any(finding.trouble in ("locked", "unreadable") for finding in loaded.findings):
            self._locked.add(number)
            return
        if loaded.is_damaged:
            self._damaged.add(number)
        if loaded.is_damaged or (loaded.is_plain and self.encrypts):
            self._to_rewrite.add(number)

    # -- changes

    def commit(self, changes: Sequence[EntryChange]) -> list[ChangeOutcome]:
        """Make changes durable as one batch and return the outcome of each.

        Raises:
            OSError, DurableWriteFailed, KeyUnavailable: none of them is kept.
        """
        after: dict[str, HistoryEntry | None] = {}
        outcomes = [self._decide(change, after) for change in changes]
        put = [msgspec.Raw(msgspec.json.encode(entry)) for entry in after.values() if entry is not None]
        removed = [
            entry_id for entry_id, entry in after.items() if entry is None and self._table.get(entry_id)
        ]
        if put or removed:
            number = self._segments.append(msgspec.json.encode({"put": put, "remove": removed}))
            for body in put:
                self._to_rewrite |= self._table.put(number, bytes(body))
            self._remove_from_table(removed)
        return outcomes

    def _decide(self, change: EntryChange, after: dict[str, HistoryEntry | None]) -> ChangeOutcome:
        """Decide one change, given what the changes before it made of the entries, and add to that."""

        def known(entry_id: str) -> HistoryEntry | None:
            return after[entry_id] if entry_id in after else self._table.get(entry_id)

        match change:
            case AppendEntry(entry):
                found = known(entry.id)
                if found is not None:
                    return found
                if self._table.is_crowded(entry.id):
                    return Refused(
                        f"too many ids begin like {entry.id}; leave out the id, and the history makes one"
                    )
                after[entry.id] = entry
                return entry
            case EditEntry(entry_id, text, now):
                found = known(entry_id)
                if found is None:
                    return None
                after[entry_id] = msgspec.structs.replace(found, text=text, edited_at=now)
                return after[entry_id]
            case RemoveEntries(ids):
                existing = [entry_id for entry_id in ids if known(entry_id) is not None]
                after |= dict.fromkeys(existing)
                return existing

    def _remove_from_table(self, ids: Iterable[str]) -> None:
        for entry_id in ids:
            segment = self._table.remove(entry_id)
            if segment is not None:
                self._to_rewrite.add(segment)

    # -- work behind the changes

    def work(self) -> None:
        """Do one step of background work: rewrite the oldest segment with removed text, or merge small ones.

        The oldest comes first: a removal in a later segment may be forgotten only once the text is gone.

        Raises:
            OSError, DurableWriteFailed, KeyUnavailable: the step is still to be done.
        """
        if self._to_rewrite:
            number = min(self._to_rewrite)
            if number not in self._locked and number in self._segments.numbers:
                self._rewrite([number])
            self._to_rewrite.discard(number)
            self._damaged.discard(number)
            return
        fixed = {self._segments.open_number, *self._locked}
        sizes = {number: self._segments.sizes.get(number, SMALL_BYTES) for number in self._segments.numbers}
        run = small_run(sizes, fixed)
        if run:
            self._rewrite(run)
        self._is_merged = not run

    def clear(self) -> int:
        """Delete all segments and return the number of entries that existed.

        Raises:
            OSError, DurableWriteFailed, KeyUnavailable: all entries still exist.
        """
        self._segments.roll()
        count = self._table.count
        if self._segments.numbers:
            self._segments.rewrite(self._segments.numbers, [])
        self._forget_all()
        return count

    def purge(self) -> int:
        """Delete all files and return their number.

        Raises:
            OSError: some files are left.
        """
        count = self._segments.purge()
        self._forget_all()
        return count

    def accept_loss(self) -> int:
        """Forget the segments that are missing and return their number.

        Raises:
            DurableWriteFailed: they are not forgotten.
        """
        count = self._segments.accept_loss()
        self._segments.findings.clear()
        return count

    def close(self) -> None:
        """Seal the open segment and close all files."""
        self._segments.close()

    def _forget_all(self) -> None:
        self._table = EntryTable()
        self.index = EntryIndex(self._table)  # running queries finish with the former one
        for numbers in (self._to_rewrite, self._damaged, self._locked, self._unfit):
            numbers.clear()

    def _rewrite(self, numbers: list[int]) -> None:
        if self._segments.open_number in numbers:
            self._segments.roll()
        for unfit in numbers:
            if found := self._unfit.of(unfit):
                self._segments.put_aside(unfit, batches_of(one.body for one in found))
        batches = batches_of(self._table.bodies_of(numbers))
        quarantines = not self._damaged.isdisjoint(numbers)
        number = self._segments.rewrite(numbers, batches, quarantines=quarantines)
        self._table.move(numbers, number)
        self._unfit.drop(numbers)


class _TableLoader:
    """Takes batches into the table on a second thread, while the caller decrypts the next ones."""

    def __init__(self, take_in: Callable[[int, StoredBatch], None]) -> None:
        self._take_in = take_in
        self._queue: queue.Queue[tuple[int, StoredBatch] | None] = queue.Queue(QUEUE_BATCHES)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="history index", daemon=True)

    def load(self, loaded: LoadedSegment) -> None:
        """Take in one segment."""
        for batch in loaded.batches:
            self._queue.put((loaded.ref.number, read_batch(batch)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._take_in(*item)
                except BaseException as error:  # raised by __exit__ in the caller's thread
                    self._error = error


def small_run(sizes: dict[int, int], fixed: set[int]) -> list[int]:
    """Return small segments in a row that are worth merging; empty if there are none.

    Args:
        sizes: bytes of each segment by its number.
        fixed: numbers of segments that may not be merged.
    """
    run: list[int] = []
    for number in sorted(sizes):
        if number in fixed or sizes[number] >= SMALL_BYTES:
            if len(run) >= SMALL_RUN:
                return run
            run = []
        else:
            run.append(number)
    return run if len(run) >= SMALL_RUN else []


def characters_of(change: EntryChange) -> int:
    """About how much text a change writes: of an edited entry also its fields, at most."""
    match change:
        case AppendEntry(entry):
            return len(entry.text) + sum(map(len, entry.fields)) + sum(map(len, entry.fields.values()))
        case EditEntry():
            return len(change.text) + FIELDS_CHARACTERS
        case RemoveEntries(ids):
            return sum(map(len, ids))


def batches_of(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """Yield batches of moderate size with these entries."""
    batch: list[msgspec.Raw] = []
    size = 0
    for body in bodies:
        batch.append(msgspec.Raw(body))
        size += len(body)
        if size >= BATCH_BYTES:
            yield msgspec.json.encode({"put": batch})
            batch, size = [], 0
    if batch:
        yield msgspec.json.encode({"put": batch})
