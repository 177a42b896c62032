"""Whatever a history acknowledged, a new life opens, and every format of an export holds it."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.history.engine import AppendEntry, EditEntry
from actors.history.entries.entry_export import export_entries
from actors.history.entries.entry_ids import EntryIds
from schemas.bounds import INTEGER_LIMIT, LAST_UNIX_SECOND, SECONDS_LIMIT
from schemas.history import (
    FIELDS_LIMIT,
    TEXT_LIMIT_CHARACTERS,
    HistoryAppendRequestEvent,
    HistoryEntry,
    HistoryExportRequestEvent,
    HistorySearchRequestEvent,
)
from tests.actors.shared.test_inert_text import read_cell
from tests.support.history_lab import engine_of
from tests.support.unsynced import unsynced

ODD = st.text(max_size=40) | st.sampled_from(["\0", "\r\n", "\u2028", "=1+1", "'=1", '"', "\U0010ffff"])
SHORT = ODD | st.just("x" * 200)
LONGEST = {"longest": "x", "longest of control characters": "\x01", "longest of emoji": "\U0001f600"}
"""Stand for texts that would be unwieldy in what a failing test shows."""

TEXT = st.one_of(ODD, ODD, ODD, ODD, st.sampled_from([*LONGEST]))


def limits(last: float) -> st.SearchStrategy[float]:
    return st.floats(0, last) | st.sampled_from([0.0, last, 5e-324])


REQUESTS = st.builds(
    HistoryAppendRequestEvent,
    text=TEXT,
    kind=SHORT,
    mode=SHORT,
    language=SHORT,
    duration_seconds=limits(SECONDS_LIMIT),
    model_id=SHORT,
    conversation_id=SHORT,
    role=SHORT,
    tokens=st.integers(0, INTEGER_LIMIT),
    fields=st.dictionaries(SHORT, ODD, max_size=3) | st.just({"as many": "as there may be"}),
    at=limits(LAST_UNIX_SECOND),
    id=st.integers(0, 2**62).flatmap(
        lambda bits: st.floats(0, LAST_UNIX_SECOND - 1).map(lambda at: EntryIds().next(at, bits))
    ),
)


def entry_of(request: HistoryAppendRequestEvent) -> HistoryEntry:
    """The entry of a request, as the contract sends that."""
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=HistoryAppendRequestEvent)
    known: dict[str, Any] = msgspec.structs.asdict(sent)
    if sent.text in LONGEST:
        known["text"] = LONGEST[sent.text] * TEXT_LIMIT_CHARACTERS
    if "as many" in sent.fields:
        known["fields"] = {str(number): "z" * 4000 for number in range(FIELDS_LIMIT)}
    return HistoryEntry(**known)


@pytest.mark.requirement("S0-12")
@given(st.lists(REQUESTS, min_size=1, max_size=4, unique_by=lambda one: one.id), st.booleans())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_valid_entry_is_there_in_a_new_life(
    requests: list[HistoryAppendRequestEvent], encrypts: bool
) -> None:
    entries = sorted(map(entry_of, requests), key=lambda one: one.id)
    with tempfile.TemporaryDirectory() as directory, unsynced():
        root = Path(directory)
        first = engine_of(root, encrypts=encrypts)
        assert first.commit([AppendEntry(one) for one in entries]) == entries
        edited = first.commit([EditEntry(entries[0].id, "", LAST_UNIX_SECOND)])[0]
        assert isinstance(edited, HistoryEntry)
        first.close()
        again = engine_of(root, encrypts=encrypts)
        try:
            assert again.findings == []
            found, more = again.index.oldest_first(HistoryExportRequestEvent(format="csv"))
            assert not more
            assert sorted(found, key=lambda one: one.id) == [edited, *entries[1:]]
            assert {one.conversation_id for one in again.index.conversations()} == {
                one.conversation_id for one in entries if one.conversation_id
            }
            again.index.search(HistorySearchRequestEvent(words="x"), complete=True)
            for kind in ("markdown", "jsonl"):
                export_entries(kind, found)
            check_csv(found)
        finally:
            again.close()


def check_csv(entries: list[HistoryEntry]) -> None:
    """A spreadsheet finds no formula, and a program gets every text back."""
    csv.field_size_limit(10_000_000)
    rows = list(csv.reader(io.StringIO(export_entries("csv", entries), newline="")))
    assert len(rows) == len(entries)
    for row, entry in zip(rows, entries, strict=True):
        assert [read_cell(row[at]) for at in (0, 2, 8, 11)] == [entry.id, entry.kind, entry.role, entry.text]
