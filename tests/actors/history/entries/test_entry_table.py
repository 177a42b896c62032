"""Entries lie in the order of their ids, and those whose ids begin alike are kept apart."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.entries.entry_ids import EntryIds
from actors.history.entries.entry_table import CROWDED, EntryTable, PositionTaken
from actors.history.entries.stored.stored_entry import LAST_POSITION, position_of
from tests.support.history_lab import entry, table_of


@given(st.lists(st.floats(0, 1e10), min_size=2, max_size=20))
def test_positions_are_in_the_order_of_the_ids(times: list[float]) -> None:
    entry_ids = EntryIds()
    ids = [entry_ids.next(at, 7) for at in times]
    assert [position_of(one) for one in ids] == sorted(position_of(one) for one in ids)
    assert len({position_of(one) for one in ids}) == len(ids)
    assert position_of("ffffffff-ffff-7fff-bfff-ffffffffffff") == LAST_POSITION


def test_ids_that_begin_alike_are_kept_apart_until_there_are_too_many() -> None:
    base = uuid.UUID(entry(1).id).int
    ids = [str(uuid.UUID(int=base + number)) for number in range(CROWDED)]
    table = table_of([msgspec.structs.replace(entry(1), id=one) for one in ids[:100]])
    assert table.count == 100
    assert not table.is_crowded(ids[0])
    found = table.get(ids[50])
    assert found is not None
    assert found.id == ids[50]
    for one in ids[100:]:
        table.put(1, msgspec.json.encode(msgspec.structs.replace(entry(1), id=one)))
    assert table.is_crowded(ids[0])
    assert issubclass(PositionTaken, ValueError)


@pytest.mark.parametrize("entry_id", ["", "x", "00000000-0000-0000-0000-00000000000"])
def test_what_is_no_id_is_not_found(entry_id: str) -> None:
    table = table_of([entry(1)])
    assert table.get(entry_id) is None
    assert table.remove(entry_id) is None


def test_an_id_that_is_not_there_has_the_position_that_it_would_have() -> None:
    table = EntryTable()
    assert table.position(entry(1).id) == position_of(entry(1).id)
    assert table.position("x") == -1


def test_an_index_is_created_when_a_query_first_needs_it() -> None:
    table = table_of([entry(1)])
    statement = "SELECT count(*) FROM sqlite_master WHERE name = 'by_time'"
    assert table.select(statement) == [(0,)]
    for _ in range(2):
        assert table.select(statement, index="at") == [(1,)]
