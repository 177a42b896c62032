"""Entries of the history on a terminal. Pure, except for the time zone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.cli.terminal import Escape
from actors.shared.text import local_time
from schemas.history import (
    Highlight,
    HistoryChangedEvent,
    HistoryEntry,
    HistoryRemovedEvent,
    HistoryStatusEvent,
    Hit,
)

WHERE: Final = {
    "memory": "in memory only",
    "encrypted": "on disk, encrypted",
    "plaintext": "on disk, in plain text",
}


def entry_lines(entry: HistoryEntry, *, whole: bool = False) -> list[str]:
    """Return id, time, kind and text of an entry; with `whole`, everything else that is known as well."""
    facts = [entry.kind, *(fact for fact in (entry.role, entry.mode, entry.language, entry.model_id) if fact)]
    lines = [
        f"{entry.id}  {local_time(entry.at)}  {', '.join(facts)}",
        *(f"    {line}" for line in entry.text.splitlines()),
    ]
    if not whole:
        return lines
    known = {
        "conversation": entry.conversation_id,
        "duration": f"{entry.duration_seconds:g} s" if entry.duration_seconds else "",
        "tokens": str(entry.tokens or ""),
        "edited": local_time(entry.edited_at) if entry.edited_at is not None else "",
        **entry.fields,
    }
    return [*lines, *(f"  {name}: {value}" for name, value in known.items() if value)]


def hit_parts(hit: Hit, *, on_terminal: bool) -> list[str | Escape]:
    """Return an entry that was found; on a terminal, the words that were found are bold."""
    found = marked(hit.entry.text, hit.highlights if on_terminal else ())
    indented = [part.replace("\n", "\n    ") if isinstance(part, str) else part for part in found]
    return [entry_lines(hit.entry)[0], "\n    ", *indented]


def marked(text: str, highlights: Sequence[Highlight]) -> list[str | Escape]:
    """Return a text with these ranges in bold."""
    parts: list[str | Escape] = []
    at = 0
    for one in highlights:
        parts += [text[at : one.start], Escape.BOLD, text[one.start : one.end], Escape.NORMAL]
        at = one.end
    return [*parts, text[at:]]


def change_text(change: HistoryChangedEvent) -> str:
    """Return one change, with the entry that it is about."""
    if change.entry is not None:
        subject = "\n".join(entry_lines(change.entry))
    else:
        subject = change.entry_id or ("all" if change.change == "cleared" else "an entry")
    return f"{change.change}: {subject}"


def entries_text(count: int) -> str:
    """Return a number of entries in words."""
    return "1 entry" if count == 1 else f"{count} entries"


def removed_text(answer: HistoryRemovedEvent) -> str:
    """Return how many entries were deleted, or would be."""
    done = "would be deleted" if answer.dry_run else "deleted"
    note = f"; {answer.note}" if answer.note else ""
    return f"{entries_text(answer.count)} {done}{note}"


def status_lines(status: HistoryStatusEvent) -> list[str]:
    """Return where the history is kept, how much there is, and what is wrong."""
    limit = f", at most {status.limit_entries}" if status.limit_entries else ""
    count = entries_text(status.entries)
    lines = [f"{WHERE[status.storage]}: {count}, {status.size_bytes} bytes{limit}"]
    if status.loading < 1.0:
        lines.append(f"loaded so far: {status.loading:.0%}")
    if status.notice:
        lines.append(f"notice: {status.notice}")
    return [*lines, *(f"finding: {finding}" for finding in status.findings)]
