"""Exports can be read by what they are for."""

from __future__ import annotations

import csv
import io

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.history.entries.entry_export import BYTE_ORDER_MARK, COLUMNS, export_entries, export_head
from schemas.history import HistoryEntry

ENTRY = HistoryEntry(
    id="i",
    at=1_700_000_000.5,
    kind="dictation",
    text="one\ntwo",
    mode="hold",
    duration_seconds=1.25,
    fields={"app": "mail"},
)


def test_markdown_quotes_the_text_under_its_time() -> None:
    assert (
        export_head("markdown") + export_entries("markdown", [ENTRY])
        == "# History\n\n## 2023-11-14T22:13:20.500Z\n\ndictation, hold, 1.2 s\n\n> one\n> two\n"
    )


def test_csv_begins_with_a_byte_order_mark_and_is_read_back() -> None:
    text = export_head("csv") + export_entries("csv", [ENTRY])
    assert text.startswith(BYTE_ORDER_MARK)
    (row,) = csv.DictReader(io.StringIO(text[1:], newline=""))
    assert (row["text"], row["duration_seconds"], row["fields"], row["edited_at"]) == (
        "one\ntwo",
        "1.25",
        '{"app":"mail"}',
        "",
    )
    assert tuple(row) == COLUMNS


def test_a_cell_is_not_carried_out_by_a_spreadsheet() -> None:
    (row,) = csv.reader(
        io.StringIO(export_entries("csv", [msgspec.structs.replace(ENTRY, text="=HYPERLINK(1)")]), newline="")
    )
    assert row[COLUMNS.index("text")] == "'=HYPERLINK(1)"


@given(st.text(max_size=50), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_json_lines_give_back_every_entry(text: str, fields: dict[str, str]) -> None:
    entry = msgspec.structs.replace(ENTRY, text=text, fields=fields)
    lines = export_entries("jsonl", [entry, ENTRY]).removesuffix("\n").split("\n")
    assert [msgspec.json.decode(line, type=HistoryEntry) for line in lines] == [entry, ENTRY]
