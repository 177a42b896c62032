"""How entries of the history look on a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from schemas.history import Highlight, HistoryEntry, HistoryStatusEvent, Hit

BOLD: Final = "\x1b[1m"
NORMAL: Final = "\x1b[0m"
WHERE: Final = {
    "memory": "in memory only",
    "encrypted": "on disk, encrypted",
    "plaintext": "on disk, in plain text",
}


def printable(text: str) -> str:
    """A text without signs that would steer the terminal."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def entry_lines(entry: HistoryEntry, *, whole: bool = False) -> list[str]:
    """An entry: id, time and kind, then its text, and with `whole` all else that is known."""
    facts = [entry.kind, *(fact for fact in (entry.role, entry.mode, entry.language, entry.model_id) if fact)]
    lines = [
        f"{entry.id}  {_local(entry.at)}  {printable(', '.join(facts))}",
        *(f"    {line}" for line in printable(entry.text).splitlines()),
    ]
    if not whole:
        return lines
    known = {
        "conversation": entry.conversation_id,
        "duration": f"{entry.duration_seconds:g} s" if entry.duration_seconds else "",
        "tokens": str(entry.tokens or ""),
        "edited": _local(entry.edited_at) if entry.edited_at is not None else "",
        **entry.fields,
    }
    return [*lines, *(f"  {printable(name)}: {printable(value)}" for name, value in known.items() if value)]


def hit_lines(hit: Hit, *, on_terminal: bool) -> list[str]:
    """An entry that was found; what it was found for stands out on a terminal."""
    head = entry_lines(hit.entry)[0]
    text = marked(hit.entry.text, hit.highlights) if on_terminal else printable(hit.entry.text)
    return [head, *(f"    {line}" for line in text.splitlines())]


def marked(text: str, places: Sequence[Highlight]) -> str:
    """A text with these places in bold."""
    parts, at = [], 0
    for place in places:
        parts += [printable(text[at : place.start]), BOLD, printable(text[place.start : place.end]), NORMAL]
        at = place.end
    return "".join([*parts, printable(text[at:])])


def status_lines(status: HistoryStatusEvent) -> list[str]:
    """Where the history is, how much of it, and what is wrong."""
    limit = f", at most {status.limit_entries}" if status.limit_entries else ""
    lines = [f"{WHERE[status.storage]}: {status.entries} entries, {status.size_bytes} bytes{limit}"]
    if status.loading < 1.0:
        lines.append(f"being loaded: {status.loading:.0%}")
    if status.notice:
        lines.append(f"notice: {status.notice}")
    return [*lines, *(f"found: {finding}" for finding in status.findings)]


def _local(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
