"""Entries on a terminal: complete. The terminal cleans what is shown."""

from __future__ import annotations

from actors.cli.terminal import Escape
from actors.cli.views.history_view import (
    change_text,
    entry_lines,
    hit_parts,
    marked,
    removed_text,
    status_lines,
)
from schemas.history import (
    Highlight,
    HistoryChangedEvent,
    HistoryEntry,
    HistoryRemovedEvent,
    HistoryStatusEvent,
    Hit,
)

ENTRY = HistoryEntry(
    id="i1",
    at=0.0,
    kind="answer",
    text="two\nlines",
    role="user",
    conversation_id="c",
    tokens=3,
    duration_seconds=1.5,
    edited_at=1.0,
    fields={"a": "b\x1b"},
)


def test_all_that_is_known_is_shown_when_it_is_asked_for() -> None:
    assert entry_lines(ENTRY)[1:] == ["    two", "    lines"]
    whole = "\n".join(entry_lines(ENTRY, whole=True))
    assert all(
        word in whole
        for word in (
            "answer, user",
            "conversation: c",
            "duration: 1.5 s",
            "tokens: 3",
            "edited: ",
            "a: b\x1b",
        )
    )


def test_what_was_looked_for_stands_out_on_a_terminal_only() -> None:
    hit = Hit(entry=ENTRY, highlights=[Highlight(start=0, end=3)])
    on_terminal = hit_parts(hit, on_terminal=True)
    assert on_terminal[1:] == ["\n    ", "", Escape.BOLD, "two", Escape.NORMAL, "\n    lines"]
    assert hit_parts(hit, on_terminal=False)[1:] == ["\n    ", "two\n    lines"]
    found = marked("ab\x07cd", [Highlight(start=1, end=3)])
    assert found == ["a", Escape.BOLD, "b\x07", Escape.NORMAL, "cd"]


def test_a_change_is_shown_with_what_it_is_about() -> None:
    added = HistoryChangedEvent(slot="live", change="added", entry=ENTRY, entry_id="i1")
    assert change_text(added) == "added: " + "\n".join(entry_lines(ENTRY))
    removed = HistoryChangedEvent(slot="live", change="removed", entry_id="i1")
    assert change_text(removed) == "removed: i1"
    assert change_text(HistoryChangedEvent(slot="live", change="cleared")) == "cleared: all"
    assert change_text(HistoryChangedEvent(slot="3", change="removed")) == "removed: an entry"


def test_a_removal_says_how_many_and_whether_it_was_one() -> None:
    assert removed_text(HistoryRemovedEvent(count=1, dry_run=False, note="x")) == "1 entry deleted; x"
    assert removed_text(HistoryRemovedEvent(count=2, dry_run=True)) == "2 entries would be deleted"


def test_the_status_says_where_how_much_and_what_is_wrong() -> None:
    found = HistoryStatusEvent(
        mode="disk",
        storage="memory",
        notice="locked",
        entries=2,
        size_bytes=9,
        limit_entries=100,
        loading=0.5,
        findings=["f: torn"],
    )
    assert status_lines(found) == [
        "in memory only: 2 entries, 9 bytes, at most 100",
        "loaded so far: 50%",
        "notice: locked",
        "finding: f: torn",
    ]
