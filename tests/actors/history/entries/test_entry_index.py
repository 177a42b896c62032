"""The index answers as a plain look at every entry would, only sooner; on disk it leaves nothing."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.history.entries.entry_index import WALKED, EntryIndex
from actors.history.entries.entry_table import EntryTable
from actors.history.entries.stored.stored_entry import read_batch
from actors.history.memory_ring import MemoryRing
from schemas.bounds import INTEGER_LIMIT
from schemas.history import (
    HistoryEntry,
    HistoryExportRequestEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
)
from tests.support.history_lab import entry, table_of


def index_of(entries: list[HistoryEntry]) -> EntryIndex:
    return EntryIndex(table_of(entries))


def ring_of(entries: list[HistoryEntry]) -> MemoryRing:
    ring = MemoryRing(1000)
    for one in entries:
        ring.append(one)
    return ring


TEXT = st.text(st.sampled_from("aAbBéÉe\u0301ß ſsK.-_'漢字हिन्दी1२\U0001e900\ue000\n"), max_size=12)


@given(st.lists(TEXT, max_size=8), TEXT.filter(lambda text: text.strip() != ""), st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_a_search_finds_what_looking_at_every_entry_finds(found: list[str], words: str, limit: int) -> None:
    entries = [entry(number, text) for number, text in enumerate(found)]
    answer = index_of(entries).search(HistorySearchRequestEvent(words=words, limit=limit), complete=True)
    assert answer.hits == ring_of(entries).search(words, "", limit)[0]


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
    found: list[tuple[str, str, int]], query: HistoryQueryRequestEvent
) -> None:
    entries = [
        msgspec.structs.replace(entry(number), kind=kind, conversation_id=name, at=float(at))
        for number, (kind, name, at) in enumerate(found)
    ]
    assert index_of(entries).page(query) == ring_of(entries).page(query)


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


def test_what_is_replaced_or_removed_is_no_longer_found_and_its_segment_is_known() -> None:
    table = table_of([entry(number) for number in range(3)])
    index = EntryIndex(table)
    assert table.put(2, msgspec.json.encode(entry(1, "other"))) == {1}
    found = read_batch(msgspec.json.encode({"put": [entry(2, "third"), entry(5)]}))
    assert table.load(3, found.put) == ({1}, [])
    assert table.remove(entry(0).id) == 1
    assert table.remove(entry(0).id) is None
    assert [one.text for one in index.newest_first()] == ["text 5", "third", "other"]
    assert index.search(HistorySearchRequestEvent(words="text"), complete=True).hits[0].entry == entry(5)
    assert len(index.search(HistorySearchRequestEvent(words="text"), complete=True).hits) == 1
    assert [msgspec.json.decode(body, type=HistoryEntry).text for body in table.bodies_of([2, 3])] == [
        "other",
        "third",
        "text 5",
    ]
    table.move([2, 3], 9)
    assert len(list(table.bodies_of([9]))) == index.count == 3
    assert [row[0] for row in index.sizes()] == [entry(5).id, entry(2).id, entry(1).id]
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


def test_a_total_is_at_most_as_large_as_a_count_may_be() -> None:
    entries = [
        msgspec.structs.replace(entry(n), conversation_id="a", tokens=INTEGER_LIMIT) for n in range(1100)
    ]
    (found,) = index_of(entries).conversations()
    assert (found.entries, found.tokens) == (1100, INTEGER_LIMIT)


def test_known_ids_are_counted() -> None:
    index = EntryIndex(EntryTable())
    assert (index.count, index.count_known([entry(1).id])) == (0, 0)
    assert index_of([entry(1), entry(2)]).count_known([entry(1).id, entry(3).id, "x"]) == 1
