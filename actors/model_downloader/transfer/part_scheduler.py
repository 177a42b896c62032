"""Decides which part of which file a connection fetches next, where a part is split, and which one is too slow. Pure.

Parts are handed out from the front of the first file on, so that hashing can follow closely behind; only when
nothing else is left the part that would take longest is split. A part's end may so be lowered while it is
being fetched.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from actors.model_downloader.staging.byte_ranges import ByteRanges, gaps, union

MIB = 1 << 20
PART_LEAST_BYTES = 16 * MIB
PART_MOST_BYTES = 256 * MIB
PARTS_A_FILE = 16
"""A part is a sixteenth of its file, within these bounds: each costs a request, and hashing waits for the first of them."""

SPLIT_LEAST_BYTES = 8 * MIB
"""What is left of a part is split only if it is at least so much: tiny requests would cost more than they bring."""

SLOW_SHARE = 0.1
SLOW_AFTER_SECONDS = 5.0
SLOW_NEEDS_PARTS = 3
"""A part that runs below a tenth of the median speed is dropped and asked for again, once there are enough to compare with."""


@dataclass(eq=False)
class Part:
    """Bytes of one file that one connection fetches; `position` is the next one that is missing.

    Attributes:
        asked_end: up to where the server was asked for; more than `end` once that was lowered.
        begun_at: when it was handed out, in seconds on a steady clock.
    """

    file: int
    start: int
    end: int
    position: int
    asked_end: int
    begun_at: float

    @property
    def left(self) -> int:
        """Bytes that are still missing."""
        return max(0, self.end - self.position)

    def rate(self, now: float) -> float:
        """Bytes a second since it began."""
        return (self.position - self.start) / max(now - self.begun_at, 1e-6)


class PartScheduler:
    """The parts of all files of one attempt: each byte is in exactly one of written, active part, or gap."""

    def __init__(self, sizes: list[int], written: list[ByteRanges]) -> None:
        """Args: sizes: length of each file; written: what is there of it."""
        self._sizes = sizes
        self._written = list(written)
        self._gaps: list[ByteRanges] = [gaps(there, size) for there, size in zip(written, sizes, strict=True)]
        self._blocked: set[int] = set()
        self._sole: set[int] = set(range(len(sizes)))
        self._proved: set[int] = set()
        self.active: list[Part] = []

    def take(self, now: float, connections: int) -> Part | None:
        """What a connection that is free fetches next; None if nothing is left for it.

        Args:
            now: seconds on a steady clock.
            connections: how many are at work in all; a single one takes all that is missing in one go.
        """
        for file, missing in enumerate(self._gaps):
            if missing and self._is_free(file):
                start, end = missing[0]
                stop = (
                    end
                    if connections <= 1 or end - start < 2 * PART_LEAST_BYTES
                    else min(end, start + self.part_bytes(file))
                )
                self._gaps[file] = ((stop, end), *missing[1:]) if stop < end else missing[1:]
                return self._begin(file, start, stop, now)
        return self._split(now)

    def advance(self, part: Part, count: int) -> None:
        """So many bytes more of a part are written."""
        self._written[part.file] = union(self._written[part.file], [(part.position, part.position + count)])
        part.position += count

    def release(self, part: Part) -> None:
        """A part ends, done or not: what is missing of it is there for the next connection."""
        if part in self.active:
            self.active.remove(part)
            self._gaps[part.file] = union(self._gaps[part.file], [(part.position, part.end)])

    def block(self, file: int) -> None:
        """Hand out nothing more of a file: it cannot be fetched now."""
        self._blocked.add(file)

    def start_over(self, file: int, keep: ByteRanges = ()) -> list[Part]:
        """Nothing of a file counts any more but `keep`; returns the parts that are to end, which are active no more."""
        ended = [part for part in self.active if part.file == file]
        self.active = [part for part in self.active if part.file != file]
        self._written[file] = keep
        self._gaps[file] = gaps(keep, self._sizes[file])
        return ended

    def take_whole(self, part: Part) -> None:
        """The server sends the whole file instead of a part of it: nothing counts any more but what it sends from now on."""
        self.start_over(part.file)
        self._gaps[part.file] = ()
        part.start = part.position = 0
        part.end = part.asked_end = self._sizes[part.file]
        self.active.append(part)

    def share(self, file: int, *, proved: bool) -> None:
        """Several connections may fetch a file from now on: what it has is known to come from what the server has now.

        Until the server has given out a part (`proved`), only one more is tried.
        """
        self._sole.discard(file)
        if proved:
            self._proved.add(file)

    def is_shared(self, file: int) -> bool:
        """Whether a connection joins in at a file, instead of settling what it is."""
        return file not in self._sole

    def keep_sole(self, file: int) -> None:
        """One connection at a time fetches a file from now on, as at first; the one at work goes on to where it asked."""
        self._sole.add(file)
        self._proved.discard(file)
        mine = [part for part in self.active if part.file == file]
        for part in mine:
            for start, end in self._gaps[file]:
                if start == part.end:
                    part.end = max(part.end, min(end, part.asked_end))
        busy = union(self._written[file], [(part.position, part.end) for part in mine])
        self._gaps[file] = gaps(busy, self._sizes[file])

    def slow(self, now: float) -> list[Part]:
        """Parts that run below a tenth of the median speed."""
        rates = [part.rate(now) for part in self.active if now - part.begun_at >= SLOW_AFTER_SECONDS]
        if len(rates) < SLOW_NEEDS_PARTS:
            return []
        limit = statistics.median(rates) * SLOW_SHARE
        return [
            part
            for part in self.active
            if now - part.begun_at >= SLOW_AFTER_SECONDS and part.rate(now) < limit
        ]

    def written(self, file: int) -> ByteRanges:
        """What is there of a file."""
        return self._written[file]

    def is_complete(self, file: int) -> bool:
        """Whether every byte of a file is there."""
        return gaps(self._written[file], self._sizes[file]) == ()

    def has_work(self) -> bool:
        """Whether anything is left to hand out without splitting what others fetch."""
        return any(missing and self._is_free(file) for file, missing in enumerate(self._gaps))

    def can_split(self) -> bool:
        """Whether a part is under way that is worth splitting."""
        return bool(self._candidates())

    def missing(self, file: int) -> ByteRanges:
        """What nobody fetches now."""
        return self._gaps[file]

    def part_bytes(self, file: int) -> int:
        """How large the parts of a file are."""
        return min(PART_MOST_BYTES, max(PART_LEAST_BYTES, self._sizes[file] // PARTS_A_FILE))

    def _is_free(self, file: int) -> bool:
        if file in self._blocked:
            return False
        at_work = sum(part.file == file for part in self.active)
        if at_work == 0 or file in self._proved:
            return True
        return file not in self._sole and at_work < 2

    def _begin(self, file: int, start: int, end: int, now: float) -> Part:
        part = Part(file, start, end, start, end, now)
        self.active.append(part)
        return part

    def _split(self, now: float) -> Part | None:
        """Halve the part that would take longest, but leave its connection no more than a part's size at once."""
        candidates = self._candidates()
        if not candidates:
            return None
        victim = max(candidates, key=lambda part: part.left / max(part.rate(now), 1.0))
        size, end = self.part_bytes(victim.file), victim.end
        middle = victim.position + min(size, victim.left // 2)
        stop = min(end, middle + size) if end - middle - size >= SPLIT_LEAST_BYTES else end
        victim.end = middle
        self._gaps[victim.file] = union(self._gaps[victim.file], [(stop, end)] if stop < end else [])
        return self._begin(victim.file, middle, stop, now)

    def _candidates(self) -> list[Part]:
        return [
            part for part in self.active if part.left >= 2 * SPLIT_LEAST_BYTES and self._is_free(part.file)
        ]
