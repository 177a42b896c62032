"""The history in memory: a ring of slots, in which the newest entry takes the slot of the oldest. Pure.

The broker retains the last event about each slot. A restarted actor rebuilds the ring from these events.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import msgspec

from actors.history.entries.reply_room import ReplyRoom, taken
from actors.history.entries.word_search import highlights, hit_of, words_of
from schemas.bounds import sum_of_counts
from schemas.history import (
    ConversationTotals,
    HistoryEntry,
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    Hit,
)


@dataclass(frozen=True)
class SlotState:
    """What a slot contains now; None: nothing."""

    slot: int
    entry: HistoryEntry | None


class MemoryRing:
    """At most `limit` entries, in the order of their ids."""

    def __init__(self, limit: int) -> None:
        """Make an empty ring.

        Args:
            limit: most entries, at least 1.
        """
        self._limit = limit
        self._ids: list[str] = []
        self._entries: dict[str, tuple[int, HistoryEntry]] = {}
        self._free = list(range(limit - 1, -1, -1))

    @property
    def limit(self) -> int:
        """Most entries that the ring keeps."""
        return self._limit

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[HistoryEntry]:
        return (self._entries[entry_id][1] for entry_id in self._ids)

    @property
    def size_bytes(self) -> int:
        """Size of the texts as UTF-8."""
        return sum(len(entry.text.encode()) for entry in self)

    def get(self, entry_id: str) -> HistoryEntry | None:
        """Return the entry with this id."""
        found = self._entries.get(entry_id)
        return found[1] if found else None

    # -- changes: each returns the slots that changed

    def append(self, entry: HistoryEntry) -> list[SlotState]:
        """Add an entry, in the slot of the oldest if no other is free. A known id is replaced."""
        if entry.id in self._entries:
            return self.replace(entry)
        if not self._free:
            self._free.append(self._take(self._ids[0]))
        slot = self._free.pop()
        self._entries[entry.id] = (slot, entry)
        bisect.insort(self._ids, entry.id)
        return [SlotState(slot, entry)]

    def replace(self, entry: HistoryEntry) -> list[SlotState]:
        """Put an entry into the slot of the one with its id. Does nothing if there is none."""
        if entry.id not in self._entries:
            return []
        slot, _ = self._entries[entry.id]
        self._entries[entry.id] = (slot, entry)
        return [SlotState(slot, entry)]

    def edit(self, entry_id: str, text: str, now: float) -> list[SlotState]:
        """Give an entry another text."""
        found = self.get(entry_id)
        return self.replace(msgspec.structs.replace(found, text=text, edited_at=now)) if found else []

    def remove(self, ids: Iterable[str]) -> list[SlotState]:
        """Remove entries, ignoring unknown ids."""
        slots = [self._take(entry_id) for entry_id in dict.fromkeys(ids) if entry_id in self._entries]
        self._free += [slot for slot in reversed(slots) if slot < self._limit]
        return [SlotState(slot, None) for slot in slots]

    def resize(self, limit: int) -> list[SlotState]:
        """Change the limit: remove the oldest entries, and move those whose slots no longer exist."""
        excess = self._ids[: max(0, len(self._ids) - limit)]
        changed = self.remove(excess)
        outside = [
            (entry_id, slot, entry) for entry_id, (slot, entry) in self._entries.items() if slot >= limit
        ]
        taken = {slot for slot, _ in self._entries.values()}
        self._limit = limit
        self._free = [slot for slot in range(limit - 1, -1, -1) if slot not in taken]
        for entry_id, slot, entry in outside:
            other = self._free.pop()
            self._entries[entry_id] = (other, entry)
            changed += [SlotState(other, entry), SlotState(slot, None)]
        return changed

    @classmethod
    def restored(cls, limit: int, states: Iterable[SlotState]) -> tuple[Self, list[SlotState]]:
        """Rebuild a ring from the last state of each slot; also return the slots that change by that.

        An entry in two slots was being moved: it is taken once, and the other slot is emptied.
        """
        known = {state.slot: state.entry for state in states}
        ring = cls(max([limit, *(slot + 1 for slot in known)]))
        changed: list[SlotState] = []
        for slot in sorted(known):
            entry = known[slot]
            if entry is None:
                continue
            if entry.id in ring._entries:
                changed.append(SlotState(slot, None))
                continue
            ring._entries[entry.id] = (slot, entry)
        ring._ids = sorted(ring._entries)
        taken = {slot for slot, _ in ring._entries.values()}
        ring._free = [slot for slot in range(ring._limit - 1, -1, -1) if slot not in taken]
        return ring, changed + ring.resize(limit)

    def _take(self, entry_id: str) -> int:
        slot, _ = self._entries.pop(entry_id)
        del self._ids[bisect.bisect_left(self._ids, entry_id)]
        return slot

    # -- queries

    def newest_first(self, before: str = "") -> Iterator[HistoryEntry]:
        """Return entries from the newest on, or from the one before this id on."""
        end = bisect.bisect_left(self._ids, before) if before else len(self._ids)
        return (self._entries[self._ids[at]][1] for at in range(end - 1, -1, -1))

    def page(self, query: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """Return the entries that fit a query, newest first."""
        fitting = [entry for entry in self.newest_first() if fits(query, entry)]
        page, more = taken(
            (entry for entry in fitting if not query.before or entry.id < query.before),
            ReplyRoom(query.limit),
        )
        return HistoryPageEvent(entries=page, next_before=page[-1].id if more else "", total=len(fitting))

    def search(self, words: str, before: str, limit: int) -> tuple[list[Hit], bool]:
        """Return the entries with all the words, newest first, and whether there are more."""
        wanted, room = words_of(words), ReplyRoom(limit)
        hits: list[Hit] = []
        for entry in self.newest_first(before):
            if (found := highlights(entry.text, wanted)) is not None:
                if not room.takes(entry):
                    return hits, True
                hits.append(hit_of(entry, found))
        return hits, False


def fits(query: HistoryQueryRequestEvent, entry: HistoryEntry) -> bool:
    """Whether an entry is among those that a query asks for, leaving aside its page."""
    return (
        (query.since is None or entry.at >= query.since)
        and (query.until is None or entry.at < query.until)
        and (not query.kind or entry.kind == query.kind)
        and (not query.conversation_id or entry.conversation_id == query.conversation_id)
        and (not query.ids or entry.id in query.ids)
        and (not query.text or query.text.casefold() in entry.text.casefold())
    )


def conversation_totals(entries: Iterable[HistoryEntry]) -> list[ConversationTotals]:
    """Return the conversations in numbers, the most recent one first."""
    found: dict[str, ConversationTotals] = {}
    for entry in entries:
        if not entry.conversation_id:
            continue
        known = found.get(entry.conversation_id)
        found[entry.conversation_id] = ConversationTotals(
            conversation_id=entry.conversation_id,
            entries=(known.entries if known else 0) + 1,
            tokens=sum_of_counts([known.tokens if known else 0, entry.tokens]),
            first_at=min(known.first_at, entry.at) if known else entry.at,
            last_at=max(known.last_at, entry.at) if known else entry.at,
        )
    return sorted(found.values(), key=lambda one: one.last_at, reverse=True)
