"""Decides which part of which file a connection fetches next, where a part is split, and which is too slow.

Hands out parts from the front of the first file on, so that hashing can follow closely behind. Only when
nothing else is left, it splits the part that would take longest. So the end of a part may be lowered while a
connection fetches it.
"""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges, gaps, total_bytes, union
from actors.model_downloader.staging.watermarks import NO_MARK

MIB = 1 << 20
PART_LEAST_BYTES = 16 * MIB
PART_MOST_BYTES = 256 * MIB
PARTS_A_FILE = 16
"""A part is a sixteenth of its file, within these bounds. Each costs a request."""

SPLIT_LEAST_BYTES = 8 * MIB
"""Both halves of a split part have at least this size: tiny requests would cost more than they bring."""

SLOW_SHARE = 0.1
SLOW_AFTER_SECONDS = 5.0
SLOW_NEEDS_PARTS = 3
"""A part below a tenth of the median speed is dropped and asked for again, if there are enough to compare."""


@dataclass(eq=False)
class Part:
    """A range of one file that one connection fetches.

    Attributes:
        file: place of the file in the manifest.
        position: the next byte that is missing; only the connection that has the part moves it.
        asked_end: where the range of the request ends; more than `end` once that was lowered.
        begun_at: when it was handed out, in seconds on a steady clock.
        mark: number of its watermark.
    """

    file: int
    start: int
    end: int
    position: int
    asked_end: int
    begun_at: float
    mark: int = NO_MARK

    @property
    def left_bytes(self) -> int:
        """How much is still missing."""
        return max(0, self.end - self.position)

    def rate(self, now: float) -> float:
        """Bytes a second since it began."""
        return (self.position - self.start) / max(now - self.begun_at, 1e-6)


class PartScheduler:
    """The parts of all files of one attempt. Each byte is written, in an active part, or in a gap.

    Safe to use from several threads: it owns its lock, and no method waits while it has it, except `wait`.
    """

    def __init__(self, sizes: list[int], written: list[ByteRanges]) -> None:
        """Begin with the files as they are.

        Args:
            sizes: length of each file.
            written: what is there of each file.
        """
        self._sizes = sizes
        self._written = list(written)
        self._gaps: list[ByteRanges] = [gaps(there, size) for there, size in zip(written, sizes, strict=True)]
        self._active: list[Part] = []
        self._given_up: set[int] = set()
        self._sole: set[int] = set(range(len(sizes)))
        self._proved: set[int] = set()
        self._changed = threading.Condition()
        self._changes = 0

    # -- for workers
    # -----------------------------------------------------------------------------------------------

    def take(self, now: float, connections: int) -> Part | None:
        """Hand out the next part; None if nothing is left for this connection.

        Args:
            now: seconds on a steady clock.
            connections: how many are at work in all; a single one takes a whole gap at once.
        """
        with self._changed:
            for file, missing in enumerate(self._gaps):
                if missing and self._is_free(file):
                    start, end = missing[0]
                    stop = end
                    if connections > 1 and end - start >= 2 * PART_LEAST_BYTES:
                        stop = min(end, start + self._part_bytes(file))
                    self._gaps[file] = ((stop, end), *missing[1:]) if stop < end else missing[1:]
                    return self._begin(file, start, stop, now)
            return self._split(now)

    def release(self, part: Part) -> None:
        """Take a part back, fetched or not: what is missing of it is there for the next connection."""
        with self._changed:
            if part in self._active:
                self._active.remove(part)
                self._gaps[part.file] = union(self._gaps[part.file], [(part.position, part.end)])
            self._note_change()

    def give_up(self, file: int) -> bool:
        """Hand out nothing more of a file, unless other connections fetch it.

        Returns:
            Whether it was given up.
        """
        with self._changed:
            if any(part.file == file for part in self._active):
                return False
            self._given_up.add(file)
            return True

    def has_work(self) -> bool:
        """Whether one more connection would get a part."""
        with self._changed:
            return any(missing and self._is_free(file) for file, missing in enumerate(self._gaps)) or bool(
                self._worth_splitting()
            )

    def slow_parts(self, now: float) -> list[Part]:
        """Active parts that run below a tenth of the median speed."""
        with self._changed:
            rates = {
                part: part.rate(now) for part in self._active if now - part.begun_at >= SLOW_AFTER_SECONDS
            }
        if len(rates) < SLOW_NEEDS_PARTS:
            return []
        limit = statistics.median(rates.values()) * SLOW_SHARE
        return [part for part, rate in rates.items() if rate < limit]

    @property
    def active_parts(self) -> list[Part]:
        """The parts that are being fetched now."""
        with self._changed:
            return list(self._active)

    @property
    def changes(self) -> int:
        """Counts the changes that may mean work for another connection, for `wait`."""
        return self._changes

    def wait(self, changes: int, timeout_seconds: float) -> None:
        """Wait until there were more changes than these, or until the time is up."""
        with self._changed:
            if self._changes == changes:
                self._changed.wait(timeout_seconds)

    def wake(self) -> None:
        """Let `wait` return: something changed outside of the schedule."""
        with self._changed:
            self._note_change()

    # -- for writers
    # -----------------------------------------------------------------------------------------------

    def advance(self, part: Part, count: int) -> None:
        """Note that this many bytes more of a part are written."""
        with self._changed:
            self._written[part.file] = union(
                self._written[part.file], [(part.position, part.position + count)]
            )
            part.position += count

    def start_over(self, file: int, keep: ByteRanges = NO_BYTES) -> list[Part]:
        """Let nothing of a file count but what to keep; returns the parts that this ends."""
        with self._changed:
            ended = [part for part in self._active if part.file == file]
            self._active = [part for part in self._active if part.file != file]
            self._written[file] = keep
            self._gaps[file] = gaps(keep, self._sizes[file])
            return ended

    def written(self, file: int) -> ByteRanges:
        """What is written of a file."""
        with self._changed:
            return self._written[file]

    def is_complete(self, file: int) -> bool:
        """Whether every byte of a file is written."""
        return gaps(self.written(file), self._sizes[file]) == ()

    def gaps(self, file: int) -> ByteRanges:
        """What is neither written nor fetched now."""
        with self._changed:
            return self._gaps[file]

    @property
    def missing_bytes(self) -> list[int]:
        """How much of each file is not written yet."""
        with self._changed:
            return [size - total_bytes(there) for size, there in zip(self._sizes, self._written, strict=True)]

    # -- for fetchers, which learn what the server does
    # -----------------------------------------------------------------------------------------------

    def is_shared(self, file: int) -> bool:
        """Whether several connections may fetch a file; until then the first one finds out what it is."""
        with self._changed:
            return file not in self._sole

    def share(self, file: int, *, proved: bool) -> None:
        """Let several connections fetch a file: what is written of it comes from what the server has now.

        Args:
            file: which file.
            proved: the server has given out a part; until then only one more connection is tried.
        """
        with self._changed:
            self._sole.discard(file)
            if proved:
                self._proved.add(file)
            self._note_change()

    def keep_sole(self, file: int) -> None:
        """Let one connection at a time fetch a file; the one at work goes on to where it asked."""
        with self._changed:
            self._sole.add(file)
            self._proved.discard(file)
            mine = [part for part in self._active if part.file == file]
            for part in mine:
                for start, end in self._gaps[file]:
                    if start == part.end:
                        part.end = max(part.end, min(end, part.asked_end))
            busy = union(self._written[file], [(part.position, part.end) for part in mine])
            self._gaps[file] = gaps(busy, self._sizes[file])

    def take_whole(self, part: Part) -> None:
        """Turn a part into the whole file, which the server sends instead: only what comes now counts."""
        with self._changed:
            self.start_over(part.file)
            self._gaps[part.file] = ()
            part.start = part.position = 0
            part.end = part.asked_end = self._sizes[part.file]
            self._active.append(part)

    # -- with the lock held
    # -----------------------------------------------------------------------------------------------

    def _note_change(self) -> None:
        self._changes += 1
        self._changed.notify_all()

    def _part_bytes(self, file: int) -> int:
        return min(PART_MOST_BYTES, max(PART_LEAST_BYTES, self._sizes[file] // PARTS_A_FILE))

    def _is_free(self, file: int) -> bool:
        if file in self._given_up:
            return False
        at_work = sum(part.file == file for part in self._active)
        if at_work == 0 or file in self._proved:
            return True
        return file not in self._sole and at_work < 2

    def _begin(self, file: int, start: int, end: int, now: float) -> Part:
        part = Part(file, start, end, start, end, now)
        self._active.append(part)
        return part

    def _split(self, now: float) -> Part | None:
        """Halve the part that would take longest, but leave its connection at most the size of a part."""
        candidates = self._worth_splitting()
        if not candidates:
            return None
        slowest = max(candidates, key=lambda part: part.left_bytes / max(part.rate(now), 1.0))
        size, end = self._part_bytes(slowest.file), slowest.end
        middle = slowest.position + min(size, slowest.left_bytes // 2)
        stop = min(end, middle + size) if end - middle - size >= SPLIT_LEAST_BYTES else end
        slowest.end = middle
        self._gaps[slowest.file] = union(self._gaps[slowest.file], [(stop, end)] if stop < end else [])
        return self._begin(slowest.file, middle, stop, now)

    def _worth_splitting(self) -> list[Part]:
        return [
            part
            for part in self._active
            if part.left_bytes >= 2 * SPLIT_LEAST_BYTES and self._is_free(part.file)
        ]
