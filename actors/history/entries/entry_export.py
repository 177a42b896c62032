"""Entries as text for people and programs: Markdown, CSV, JSON Lines. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from actors.shared.inert_text import inert_cell, inert_markdown
from schemas.history import ExportFormat, HistoryEntry

BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it, spreadsheets read a CSV file in the code page of the machine."""

COLUMNS: Final = (
    "id", "at", "kind", "mode", "language", "duration_seconds", "model_id", "conversation_id", "role",
    "tokens", "edited_at", "text", "fields",
)  # fmt: skip


def export_head(kind: ExportFormat) -> str:
    """Return what comes before the first entry."""
    match kind:
        case "markdown":
            return "# History\n"
        case "csv":
            return BYTE_ORDER_MARK + _row(COLUMNS)
        case "jsonl":
            return ""


def export_entries(kind: ExportFormat, entries: Sequence[HistoryEntry]) -> str:
    """Return entries as text, in the given order."""
    match kind:
        case "markdown":
            return "".join(map(_section, entries))
        case "csv":
            return "".join(_row(_cells(entry)) for entry in entries)
        case "jsonl":
            return "".join(msgspec.json.encode(entry).decode() + "\n" for entry in entries)


def _section(entry: HistoryEntry) -> str:
    words = (entry.kind, entry.role, entry.mode, entry.language, entry.model_id)
    facts = [inert_markdown(" ".join(word.split())) for word in words]
    if entry.duration_seconds:
        facts.append(f"{entry.duration_seconds:.1f} s")
    if entry.edited_at is not None:
        facts.append(f"edited {_time(entry.edited_at)}")
    lines = inert_markdown(entry.text).splitlines()
    quoted = "\n".join(f"> {line}".rstrip() for line in lines or [""])
    return f"\n## {_time(entry.at)}\n\n{', '.join(fact for fact in facts if fact)}\n\n{quoted}\n"


def _cells(entry: HistoryEntry) -> list[str]:
    plain = msgspec.to_builtins(entry)
    plain["at"] = _time(entry.at)
    plain["edited_at"] = "" if entry.edited_at is None else _time(entry.edited_at)
    plain["fields"] = msgspec.json.encode(entry.fields).decode() if entry.fields else ""
    return [inert_cell(str(plain[name])) for name in COLUMNS]


def _row(cells: Sequence[str]) -> str:
    """Return one record in the form of RFC 4180, with CRLF and every cell in quotes."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    return out.getvalue()


def _time(at: float) -> str:
    """Return a moment in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
