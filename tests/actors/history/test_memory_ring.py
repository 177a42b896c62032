"""The ring keeps the newest entries, answers queries, and is rebuilt from the slots that changed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.entries.entry_ids import EntryIds
from actors.history.memory_ring import MemoryRing, SlotState, conversation_totals
from schemas.bounds import INTEGER_LIMIT
from schemas.history import HistoryEntry, HistoryQueryRequestEvent


def entry(number: int, text: str = "words", **values: object) -> HistoryEntry:
    plain = HistoryEntry(
        id=EntryIds().next(1000.0 + number, 0), at=1000.0 + number, kind="dictation", text=text
    )
    return msgspec.structs.replace(plain, **values)


def filled(count: int, limit: int = 10) -> MemoryRing:
    ring = MemoryRing(limit)
    for number in range(count):
        ring.append(entry(number, f"text {number}"))
    return ring


def texts(ring: MemoryRing) -> list[str]:
    return [kept.text for kept in ring]


@pytest.mark.requirement("S0-11")
def test_the_oldest_entry_makes_room_for_the_newest() -> None:
    assert texts(filled(13)) == [f"text {number}" for number in range(3, 13)]


def test_an_entry_that_is_appended_again_is_not_kept_twice() -> None:
    ring = filled(3)
    ring.append(entry(1, "again"))
    assert texts(ring) == ["text 0", "again", "text 2"]


def test_pages_follow_each_other_without_a_gap() -> None:
    ring = filled(10)
    first = ring.page(HistoryQueryRequestEvent(limit=4))
    second = ring.page(HistoryQueryRequestEvent(limit=4, before=first.next_before))
    third = ring.page(HistoryQueryRequestEvent(limit=4, before=second.next_before))
    assert [kept.text for page in (first, second, third) for kept in page.entries] == [
        f"text {number}" for number in range(9, -1, -1)
    ]
    assert (first.total, third.next_before) == (10, "")


def test_a_page_holds_what_was_asked_for() -> None:
    ring = MemoryRing(10)
    ring.append(entry(1, "Hello there", kind="dictation"))
    ring.append(entry(2, "hello again", kind="answer", conversation_id="c"))
    ring.append(entry(3, "goodbye", kind="answer"))
    assert [one.at for one in ring.page(HistoryQueryRequestEvent(text="HELLO")).entries] == [1002.0, 1001.0]
    assert [
        one.at
        for one in ring.page(HistoryQueryRequestEvent(kind="answer", since=1002.0, until=1003.0)).entries
    ] == [1002.0]
    assert [one.at for one in ring.page(HistoryQueryRequestEvent(conversation_id="c")).entries] == [1002.0]


def test_a_search_says_where_the_words_stand() -> None:
    ring = MemoryRing(10)
    ring.append(entry(1, "the quick brown fox"))
    ring.append(entry(2, "the Quick answer"))
    hits, _ = ring.search("quick the", "", 10)
    assert [(hit.entry.at, [(one.start, one.end) for one in hit.highlights]) for hit in hits] == [
        (1002.0, [(0, 3), (4, 9)]),
        (1001.0, [(0, 3), (4, 9)]),
    ]


def test_an_edit_keeps_the_place_and_says_when() -> None:
    ring = filled(2)
    entry_id = next(iter(ring)).id
    (changed,) = ring.edit(entry_id, "other", 5.0)
    assert changed.slot == 0
    found = ring.get(entry_id)
    assert found is not None
    assert (found.text, found.edited_at) == ("other", 5.0)
    assert ring.edit("unknown", "x", 5.0) == []


def test_totals_count_what_was_said_in_each_conversation() -> None:
    said = [
        entry(1, conversation_id="a", tokens=5),
        entry(2, conversation_id="b", tokens=1),
        entry(3, conversation_id="a", tokens=7),
        entry(4),
    ]
    assert [
        (one.conversation_id, one.entries, one.tokens, one.first_at, one.last_at)
        for one in conversation_totals(said)
    ] == [
        ("a", 2, 12, 1001.0, 1003.0),
        ("b", 1, 1, 1002.0, 1002.0),
    ]


def test_a_total_is_at_most_as_large_as_a_count_may_be() -> None:
    said = [entry(n, conversation_id="a", tokens=INTEGER_LIMIT) for n in range(3)]
    assert [one.tokens for one in conversation_totals(said)] == [INTEGER_LIMIT]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 30)),
        st.tuples(st.just("remove"), st.integers(0, 30)),
        st.tuples(st.just("edit"), st.integers(0, 30)),
        st.tuples(st.just("resize"), st.integers(1, 8)),
    ),
    max_size=60,
)


@given(STEPS)
def test_another_life_is_rebuilt_from_what_was_told_of_each_place(steps: list[tuple[str, int]]) -> None:
    ring, changed = MemoryRing(4), dict[int, HistoryEntry | None]()
    for step, number in steps:
        one = entry(number, f"text {number}")
        match step:
            case "append":
                changes = ring.append(one)
            case "remove":
                changes = ring.remove([one.id])
            case "edit":
                changes = ring.edit(one.id, "edited", 9.0)
            case _:
                changes = ring.resize(number)
        changed |= {state.slot: state.entry for state in changes}
        assert len(ring) <= ring.limit
        assert list(ring) == sorted(ring, key=lambda kept: kept.id)
        again, more = MemoryRing.restored(
            ring.limit, [SlotState(slot, kept) for slot, kept in changed.items()]
        )
        assert list(again) == list(ring)
        assert more == []
        assert len(again.append(entry(99))) == 1, "a slot is free, or is made so"


@given(st.integers(1, 10), st.integers(1, 10), st.integers(0, 15))
def test_resizing_keeps_the_newest(before: int, after: int, count: int) -> None:
    ring = filled(count, before)
    ring.resize(after)
    assert (
        texts(ring) == [f"text {number}" for number in range(count)][-min(before, count) :][-after:]
        if count
        else texts(ring) == []
    )
    again, changed = MemoryRing.restored(
        after, [SlotState(slot, one) for one, slot in zip(ring, range(100, 200), strict=False)]
    )
    assert list(again) == list(ring)
    assert len(changed) == 2 * len(ring), "slots beyond the limit move"


def test_an_entry_on_its_way_between_two_places_is_taken_once() -> None:
    one = entry(1)
    ring, changed = MemoryRing.restored(4, [SlotState(3, one), SlotState(1, one)])
    assert list(ring) == [one]
    assert changed == [SlotState(3, None)]
