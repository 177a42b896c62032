"""The index answers as a plain look at every entry would, only sooner; on disk it leaves nothing."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.history.entry_ids import Identities
from actors.history.entry_index import CROWDED, WALKED, Index, PlaceTaken, place_of
from actors.history.memory_ring import Ring
from schemas.history import (
    HistoryEntry,
    HistoryExportRequestEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
)
from tests.support.history_lab import entry


def index_of(entries: list[HistoryEntry]) -> Index:
    index = Index()
    assert index.load(1, [msgspec.json.encode(one) for one in entries]) == set()
    return index


def ring_of(entries: list[HistoryEntry]) -> Ring:
    ring = Ring(1000)
    for one in entries:
        ring.append(one)
    return ring


TEXT = st.text(st.sampled_from("aAbBéÉe\u0301ß ſsK.-_'漢字हिन्दी1२\U0001e900\ue000\n"), max_size=12)


@given(st.lists(TEXT, max_size=8), TEXT.filter(lambda text: text.strip() != ""), st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_a_search_finds_what_looking_at_every_entry_finds(found: list[str], words: str, limit: int) -> None:
    entries = [entry(number, text) for number, text in enumerate(found)]
    answer = index_of(entries).search(HistorySearchRequestEvent(words=words, limit=limit), complete=True)
    assert answer.hits == ring_of(entries).search(words, "", limit)[:limit]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["", "c1", "c2"]), st.integers(0, 5)),
        max_size=12,
    ),
    st.builds(
        HistoryQueryRequestEvent,
        since=st.none() | st.floats(0, 6),
        until=st.none() | st.floats(0, 6),
        kind=st.sampled_from(["", "a"]),
        conversation_id=st.sampled_from(["", "c1"]),
        text=st.sampled_from(["", "TEXT 1"]),
        before=st.sampled_from(["", entry(4).id]),
        limit=st.integers(1, 4),
        ids=st.sampled_from([[], [entry(2).id, entry(3).id]]),
    ),
)
@settings(deadline=None)
def test_a_page_holds_what_the_ring_would_give(
    found: list[tuple[str, str, int]], question: HistoryQueryRequestEvent
) -> None:
    entries = [
        msgspec.structs.replace(entry(number), kind=kind, conversation_id=name, at=float(at))
        for number, (kind, name, at) in enumerate(found)
    ]
    assert index_of(entries).page(question) == ring_of(entries).page(question)


def test_pages_of_a_search_follow_each_other_without_a_gap() -> None:
    index = index_of([entry(number, f"word {number}") for number in range(300)])
    seen, before = [], ""
    while True:
        page = index.search(HistorySearchRequestEvent(words="wor", limit=70, before=before), complete=False)
        assert not page.complete
        seen += [hit.entry.text for hit in page.hits]
        before = page.next_before
        if not before:
            break
    assert seen == [f"word {number}" for number in range(299, -1, -1)]


def test_rare_words_are_found_behind_the_newest_entries_that_are_looked_at_one_by_one() -> None:
    entries = [
        entry(number, "rare oddity" if number % 500 == 3 else f"word {number}")
        for number in range(WALKED + 1500)
    ]
    index = index_of(entries)
    expected = [one.id for one in reversed(entries) if "rare" in one.text]
    found = index.search(HistorySearchRequestEvent(words="odd RARE", limit=100), complete=True)
    assert [hit.entry.id for hit in found.hits] == expected
    first = index.search(HistorySearchRequestEvent(words="rar", limit=4), complete=True)
    rest = index.search(
        HistorySearchRequestEvent(words="rar", limit=4, before=first.next_before), complete=True
    )
    assert [hit.entry.id for hit in first.hits + rest.hits] == expected[:8]


def test_an_export_goes_on_where_its_last_part_ended() -> None:
    index = index_of([entry(number) for number in range(5)])
    first, more = index.oldest_first(HistoryExportRequestEvent(format="jsonl", limit=3))
    rest, done = index.oldest_first(HistoryExportRequestEvent(format="jsonl", limit=3, after=first[-1].id))
    assert [one.text for one in first + rest] == [f"text {number}" for number in range(5)]
    assert (more, done) == (True, False)


def test_what_is_replaced_or_removed_is_found_no_more_and_tells_where_it_lay() -> None:
    index = index_of([entry(number) for number in range(3)])
    assert index.put(2, msgspec.json.encode(entry(1, "other"))) == {1}
    assert index.load(3, [msgspec.json.encode(entry(2, "third")), msgspec.json.encode(entry(5))]) == {1}
    assert index.remove(entry(0).id) == 1
    assert index.remove(entry(0).id) is None
    assert [one.text for one in index.newest_first()] == ["text 5", "third", "other"]
    assert index.search(HistorySearchRequestEvent(words="text"), complete=True).hits[0].entry == entry(5)
    assert len(index.search(HistorySearchRequestEvent(words="text"), complete=True).hits) == 1
    assert [msgspec.json.decode(body, type=HistoryEntry).text for body in index.bodies_of([2, 3])] == [
        "other",
        "third",
        "text 5",
    ]
    index.moved([2, 3], 9)
    assert len(list(index.bodies_of([9]))) == index.count == 3
    assert [row[0] for row in index.rows()] == [entry(5).id, entry(2).id, entry(1).id]
    assert index.ids_before(1002.0) == [entry(1).id]


def test_conversations_have_totals() -> None:
    entries = [
        msgspec.structs.replace(entry(n), conversation_id=name, tokens=n + 1)
        for n, name in enumerate(["a", "b", "a", ""])
    ]
    found = index_of(entries).conversations()
    assert [(one.conversation_id, one.entries, one.tokens, one.first_at, one.last_at) for one in found] == [
        ("a", 2, 4, 1000.0, 1002.0),
        ("b", 1, 2, 1001.0, 1001.0),
    ]


@given(st.lists(st.floats(0, 1e10), min_size=2, max_size=20))
def test_places_are_in_the_order_of_the_ids(times: list[float]) -> None:
    identities = Identities()
    ids = [identities.next(at, 7) for at in times]
    assert [place_of(one) for one in ids] == sorted(place_of(one) for one in ids)
    assert len({place_of(one) for one in ids}) == len(ids)
    assert place_of("ffffffff-ffff-7fff-bfff-ffffffffffff") == (1 << 63) - 1


def test_ids_that_begin_alike_are_kept_apart_until_there_are_too_many() -> None:
    base = uuid.UUID(entry(1).id).int
    ids = [str(uuid.UUID(int=base + number)) for number in range(CROWDED)]
    index = index_of([msgspec.structs.replace(entry(1), id=one) for one in ids[:100]])
    assert index.count == 100
    assert not index.is_crowded(ids[0])
    found = index.get(ids[50])
    assert found is not None
    assert found.id == ids[50]
    for one in ids[100:]:
        index.put(1, msgspec.json.encode(msgspec.structs.replace(entry(1), id=one)))
    assert index.is_crowded(ids[0])
    assert issubclass(PlaceTaken, ValueError)


@pytest.mark.parametrize("identity", ["", "x", "00000000-0000-0000-0000-00000000000"])
def test_what_is_no_id_is_not_found(identity: str) -> None:
    index = index_of([entry(1)])
    assert index.get(identity) is None
    assert index.remove(identity) is None
