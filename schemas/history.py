"""History: what was dictated and said. It is kept where the person chose, and nowhere else."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.bounds import Body, Count, Identifier, Many, Seconds, Sentence, Share, UnixSeconds, Word
from schemas.event import ONE_PER_TOPIC, Event, Request

PersistenceMode = Literal["memory", "disk"]
Storage = Literal["memory", "encrypted", "plaintext"]
ExportFormat = Literal["markdown", "csv", "jsonl"]

TEXT_LIMIT_CHARACTERS = 200_000
FIELDS_LIMIT = 50
PAGE_LIMIT = 1000

Text = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT_CHARACTERS)]
Short = Annotated[str, msgspec.Meta(max_length=200)]
Fields = Annotated[
    dict[Short, Annotated[str, msgspec.Meta(max_length=4000)]], msgspec.Meta(max_length=FIELDS_LIMIT)
]


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was dictated, said or answered.

    Attributes:
        id: UUIDv7, so ids sort by time.
        at: seconds since the Unix epoch.
        kind: the app's word for what it is, such as `dictation` or `answer`.
        duration_seconds: length of the recording; 0: there was none.
        conversation_id: groups the turns of one conversation; empty: none.
        tokens: how many a language model counted; 0: none did.
        edited_at: when the text was last edited; None: never.
        fields: further fields of the app.
    """

    id: Identifier
    at: UnixSeconds
    kind: Word
    text: Text
    mode: Word = ""
    language: Word = ""
    duration_seconds: Seconds = 0.0
    model_id: Identifier = ""
    conversation_id: Identifier = ""
    role: Word = ""
    tokens: Count = 0
    edited_at: UnixSeconds | None = None
    fields: Fields = {}


class HistoryAppendedEvent(Event, frozen=True, kw_only=True, tag="history.appended"):
    """The entry is stored: in memory it survives a crash of the actor, on disk a power cut."""

    entry: HistoryEntry
    storage: Storage


class HistoryAppendRequestEvent(
    Request[HistoryAppendedEvent], frozen=True, kw_only=True, tag="history.append"
):
    """Add an entry.

    Attributes:
        at: seconds since the Unix epoch; None: now.
        id: UUIDv7 of the entry, so that a repeated request does not add it twice; empty: the actor makes one.
    """

    text: Text
    kind: Short = "dictation"
    mode: Short = ""
    language: Short = ""
    duration_seconds: Seconds = 0.0
    model_id: Short = ""
    conversation_id: Short = ""
    role: Short = ""
    tokens: Count = 0
    fields: Fields = {}
    at: UnixSeconds | None = None
    id: Annotated[str, msgspec.Meta(max_length=36)] = ""


class HistoryPageEvent(Event, frozen=True, kw_only=True, tag="history.page"):
    """Entries, newest first.

    Attributes:
        next_before: the `before` of the next page; empty: this was the last.
        total: entries that match, on all pages.
    """

    entries: Many[HistoryEntry]
    next_before: Identifier
    total: Count


class HistoryQueryRequestEvent(Request[HistoryPageEvent], frozen=True, kw_only=True, tag="history.query"):
    """Ask for entries.

    Attributes:
        since, until: seconds since the Unix epoch; `since` is included, `until` is not.
        before: id of an entry; only older ones are returned.
        ids: only these entries; empty: any.
    """

    since: UnixSeconds | None = None
    until: UnixSeconds | None = None
    kind: Word = ""
    text: Text = ""
    conversation_id: Identifier = ""
    ids: Annotated[list[Identifier], msgspec.Meta(max_length=PAGE_LIMIT)] = []
    before: Identifier = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 50


class Highlight(msgspec.Struct, frozen=True, kw_only=True):
    """A range of a text, in characters; `end` is excluded."""

    start: Count
    end: Count


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that holds all the words, and where they are."""

    entry: HistoryEntry
    highlights: Many[Highlight]


class HistoryFoundEvent(Event, frozen=True, kw_only=True, tag="history.found"):
    """What a search found, newest first.

    Attributes:
        next_before: the `before` of the next page; empty: this was the last.
        complete: False: entries are still being loaded, so there may be more.
    """

    hits: Many[Hit]
    next_before: Identifier
    complete: bool = True


class HistorySearchRequestEvent(Request[HistoryFoundEvent], frozen=True, kw_only=True, tag="history.search"):
    """Search for entries that hold all of `words`, in any case. The last word may be the beginning of one."""

    words: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    before: Identifier = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 50


class HistoryEditedEvent(Event, frozen=True, kw_only=True, tag="history.edited"):
    """An entry has another text."""

    entry: HistoryEntry


class HistoryEditRequestEvent(Request[HistoryEditedEvent], frozen=True, kw_only=True, tag="history.edit"):
    """Replace the text of an entry."""

    id: Identifier
    text: Text


class HistoryRemovedEvent(Event, frozen=True, kw_only=True, tag="history.removed"):
    """Entries are gone, or would be with `dry_run`.

    Attributes:
        note: a sentence for people, such as what a purge removed; empty: there is nothing to add.
    """

    count: Count
    dry_run: bool
    note: Sentence = ""


class HistoryDeleteRequestEvent(
    Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.delete"
):
    """Delete single entries."""

    ids: Annotated[list[Identifier], msgspec.Meta(min_length=1, max_length=PAGE_LIMIT)]
    dry_run: bool = False


class HistoryClearRequestEvent(Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.clear"):
    """Delete all entries, or those before a moment.

    Attributes:
        before: seconds since the Unix epoch; None: all.
        purge: on disk, remove segments, index and anchor too, so that nothing remains readable.
        purge_backups: with `purge`, remove it from the backups as well.
    """

    before: UnixSeconds | None = None
    purge: bool = False
    purge_backups: bool = False
    dry_run: bool = False


class HistoryPruneRequestEvent(Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.prune"):
    """Delete what the retention rules do not keep.

    Attributes:
        keep_days, keep_entries, keep_mib: limit of each rule; 0: no limit; None: the setting of that name in
            `history`.
    """

    keep_days: Count | None = None
    keep_entries: Count | None = None
    keep_mib: Count | None = None
    dry_run: bool = False


class HistoryExportedEvent(Event, frozen=True, kw_only=True, tag="history.exported"):
    """One part of an export. Parts follow each other without a gap.

    Attributes:
        content: UTF-8 text.
        next_after: the `after` of the next part; empty: this was the last.
    """

    content: Body
    entries: Count
    next_after: Identifier


class HistoryExportRequestEvent(
    Request[HistoryExportedEvent], frozen=True, kw_only=True, tag="history.export"
):
    """Ask for entries as text, oldest first, part by part.

    Attributes:
        after: id of the last entry of the previous part; empty: the first part, which holds the head of the
            format.
    """

    format: ExportFormat
    after: Identifier = ""
    since: UnixSeconds | None = None
    until: UnixSeconds | None = None
    conversation_id: Identifier = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 500


class ConversationTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one conversation."""

    conversation_id: Identifier
    entries: Count
    tokens: Count
    first_at: UnixSeconds
    last_at: UnixSeconds


class ConversationsListedEvent(Event, frozen=True, kw_only=True, tag="history.conversations_listed"):
    """Conversations, the most recent first, and totals over all of them."""

    conversations: Many[ConversationTotals]
    total_count: Count
    total_tokens: Count
    last_updated: UnixSeconds


class ConversationsRequestEvent(
    Request[ConversationsListedEvent], frozen=True, kw_only=True, tag="history.conversations"
):
    """Ask which conversations there are."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 100


class HistoryStatusEvent(Event, frozen=True, kw_only=True, tag="history.status_reported"):
    """Where the history is kept, and how much of it there is.

    Attributes:
        mode: where the person wants it.
        storage: where it is kept now; `memory` although `mode` is `disk`, where disk is not safe.
        notice: a sentence for people about that; empty: it is kept as they chose.
        loading: share of the files that is loaded; 1.0: all.
        limit_entries: most entries that memory keeps; 0: no limit (on disk).
        findings: what the last check of the files found: torn, truncated, tampered or missing parts.
        left_on_disk_bytes: in memory mode, size of older files on disk, which are neither read nor changed.
    """

    mode: PersistenceMode
    storage: Storage
    notice: Sentence
    entries: Count
    size_bytes: Count
    limit_entries: Count
    loading: Share = 1.0
    findings: Many[Sentence] = []
    left_on_disk_bytes: Count = 0


class HistoryStatusRequestEvent(Request[HistoryStatusEvent], frozen=True, kw_only=True, tag="history.status"):
    """Ask where the history is kept."""


class HistoryKeepRequestEvent(Request[HistoryStatusEvent], frozen=True, kw_only=True, tag="history.keep"):
    """Accept what a notice reports: files left on disk in memory mode, or segments that are lost."""


class HistoryStorageChangedEvent(Event, frozen=True, kw_only=True, tag="history.storage_changed"):
    """The storage of the history changed, or the notice about it."""

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    status: HistoryStatusEvent


class HistoryChangedEvent(Event, frozen=True, kw_only=True, tag="history.changed"):
    """The history changed. In memory mode, a crashed actor recovers from the retained events.

    Attributes:
        slot: in memory mode, the slot of the entry in the ring; the broker retains the last event of each
            slot. On disk: `live`.
        entry: None: the slot is empty now.
        entry_id: the entry that changed; empty: all of them.
    """

    retained_by: ClassVar[str | None] = "slot"

    slot: Identifier
    change: Literal["added", "edited", "removed", "cleared"]
    entry: HistoryEntry | None = None
    entry_id: Identifier = ""
