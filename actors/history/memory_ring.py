"""The history in memory: a ring of places, of which the oldest entry makes room for the newest. Pure.

Each entry has a place (slot). The actor tells what becomes of each place, the broker keeps the last word
about it, and from these words another life of the actor is rebuilt.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from actors.history.word_search import highlights, words_of
from schemas.history import (
    ConversationTotals,
    Highlight,
    HistoryEntry,
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    Hit,
)


@dataclass(frozen=True)
class Placed:
    """What a place holds now; None: nothing."""

    slot: int
    entry: HistoryEntry | None


class Ring:
    """At most `limit` entries, in the order of their ids."""

    def __init__(self, limit: int) -> None:
        """Args: limit: most entries, at least 1."""
        self._limit = limit
        self._ids: list[str] = []
        self._entries: dict[str, tuple[int, HistoryEntry]] = {}
        self._free = list(range(limit - 1, -1, -1))

    @property
    def limit(self) -> int:
        """Most entries that it holds."""
        return self._limit

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[HistoryEntry]:
        return (self._entries[identity][1] for identity in self._ids)

    @property
    def size_bytes(self) -> int:
        """Size of the texts, as UTF-8."""
        return sum(len(entry.text.encode()) for entry in self)

    def get(self, identity: str) -> HistoryEntry | None:
        """The entry with this id."""
        found = self._entries.get(identity)
        return found[1] if found else None

    # -- changes: each says what is to be told of which place
    # -------------------------------------------------------

    def append(self, entry: HistoryEntry) -> list[Placed]:
        """Add an entry; the oldest one leaves its place to it if there is no other. One with a known id replaces that one."""
        if entry.id in self._entries:
            return self.replace(entry)
        if not self._free:
            self._free.append(self._take(self._ids[0]))
        slot = self._free.pop()
        self._entries[entry.id] = (slot, entry)
        bisect.insort(self._ids, entry.id)
        return [Placed(slot, entry)]

    def replace(self, entry: HistoryEntry) -> list[Placed]:
        """Put an entry in the place of the one with its id; nothing happens if there is none."""
        if entry.id not in self._entries:
            return []
        slot, _ = self._entries[entry.id]
        self._entries[entry.id] = (slot, entry)
        return [Placed(slot, entry)]

    def edit(self, identity: str, text: str, now: float) -> list[Placed]:
        """Give an entry another text."""
        found = self.get(identity)
        return self.replace(msgspec.structs.replace(found, text=text, edited_at=now)) if found else []

    def remove(self, ids: Iterable[str]) -> list[Placed]:
        """Take entries out; unknown ids are passed over."""
        slots = [self._take(identity) for identity in dict.fromkeys(ids) if identity in self._entries]
        self._free += [slot for slot in reversed(slots) if slot < self._limit]
        return [Placed(slot, None) for slot in slots]

    def resize(self, limit: int) -> list[Placed]:
        """Hold at most so many from now on: the oldest ones leave, and those in places that are no more move to others."""
        leaving = self._ids[: max(0, len(self._ids) - limit)]
        told = self.remove(leaving)
        outside = [
            (identity, slot, entry) for identity, (slot, entry) in self._entries.items() if slot >= limit
        ]
        taken = {slot for slot, _ in self._entries.values()}
        self._limit = limit
        self._free = [slot for slot in range(limit - 1, -1, -1) if slot not in taken]
        for identity, slot, entry in outside:
            other = self._free.pop()
            self._entries[identity] = (other, entry)
            told += [Placed(other, entry), Placed(slot, None)]
        return told

    @classmethod
    def restored(cls, limit: int, places: Iterable[Placed]) -> tuple[Ring, list[Placed]]:
        """The ring of a former life, from the last word about each place; and what is to be told if it has to shrink.

        An entry that is said to be in two places was on its way to another one: it is taken once, and the
        other place is emptied.
        """
        known = {placed.slot: placed.entry for placed in places}
        ring = cls(max([limit, *(slot + 1 for slot in known)]))
        told: list[Placed] = []
        for slot in sorted(known):
            entry = known[slot]
            if entry is None:
                continue
            if entry.id in ring._entries:
                told.append(Placed(slot, None))
                continue
            ring._entries[entry.id] = (slot, entry)
        ring._ids = sorted(ring._entries)
        taken = {slot for slot, _ in ring._entries.values()}
        ring._free = [slot for slot in range(ring._limit - 1, -1, -1) if slot not in taken]
        return ring, told + ring.resize(limit)

    def _take(self, identity: str) -> int:
        slot, _ = self._entries.pop(identity)
        del self._ids[bisect.bisect_left(self._ids, identity)]
        return slot

    # -- questions
    # -------------------------------------------------------------------------------------------------

    def newest_first(self, before: str = "") -> Iterator[HistoryEntry]:
        """Entries from the newest on, or from the one before this id on."""
        end = bisect.bisect_left(self._ids, before) if before else len(self._ids)
        return (self._entries[self._ids[at]][1] for at in range(end - 1, -1, -1))

    def page(self, question: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """Entries that fit a question, newest first."""
        fitting = [entry for entry in self.newest_first() if fits(question, entry)]
        left = [entry for entry in fitting if not question.before or entry.id < question.before]
        page = left[: question.limit]
        return HistoryPageEvent(
            entries=page, next_before=page[-1].id if len(left) > len(page) else "", total=len(fitting)
        )

    def search(self, words: str, before: str, limit: int) -> list[Hit]:
        """Entries that hold all the words, newest first; one more than `limit` if there are more."""
        wanted, hits = words_of(words), []
        for entry in self.newest_first(before):
            if (found := highlights(entry.text, wanted)) is not None:
                hits.append(
                    Hit(entry=entry, highlights=[Highlight(start=start, end=end) for start, end in found])
                )
                if len(hits) > limit:
                    break
        return hits


def fits(question: HistoryQueryRequestEvent, entry: HistoryEntry) -> bool:
    """Whether an entry is one of those that are asked for; the page is not looked at."""
    return (
        (question.since is None or entry.at >= question.since)
        and (question.until is None or entry.at < question.until)
        and (not question.kind or entry.kind == question.kind)
        and (not question.conversation_id or entry.conversation_id == question.conversation_id)
        and (not question.ids or entry.id in question.ids)
        and (not question.text or question.text.casefold() in entry.text.casefold())
    )


def totals(entries: Iterable[HistoryEntry]) -> list[ConversationTotals]:
    """Conversations in numbers, the one that was spoken in last first."""
    found: dict[str, ConversationTotals] = {}
    for entry in entries:
        if not entry.conversation_id:
            continue
        known = found.get(entry.conversation_id)
        found[entry.conversation_id] = ConversationTotals(
            conversation_id=entry.conversation_id,
            entries=(known.entries if known else 0) + 1,
            tokens=(known.tokens if known else 0) + entry.tokens,
            first_at=min(known.first_at, entry.at) if known else entry.at,
            last_at=max(known.last_at, entry.at) if known else entry.at,
        )
    return sorted(found.values(), key=lambda one: one.last_at, reverse=True)
