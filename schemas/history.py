"""History: what was dictated and said, kept where the person wants it and nowhere else."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.event import Event, Request

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
        id: UUIDv7, so that ids sort by time.
        at: seconds since the Unix epoch.
        kind: the app's word for what it is, such as `dictation` or `answer`.
        duration_seconds: length of the sound it came from; 0 if it came from none.
        conversation_id: groups the turns of one conversation; empty for none.
        tokens: how many a language model counted in it; 0 if none did.
        edited_at: when the text was last edited; None if never.
        fields: what the app adds.
    """

    id: str
    at: float
    kind: str
    text: str
    mode: str = ""
    language: str = ""
    duration_seconds: float = 0.0
    model_id: str = ""
    conversation_id: str = ""
    role: str = ""
    tokens: int = 0
    edited_at: float | None = None
    fields: dict[str, str] = {}


class HistoryAppendedEvent(Event, frozen=True, kw_only=True, tag="history.appended"):
    """The entry is kept as safely as its storage keeps anything: memory outlives a crash of the actor, disk a power cut."""

    entry: HistoryEntry
    storage: Storage


class HistoryAppendRequestEvent(
    Request[HistoryAppendedEvent], frozen=True, kw_only=True, tag="history.append"
):
    """Add an entry.

    Attributes:
        at: None for now.
        id: UUIDv7 of the entry, if the asker wants to be able to ask again without adding it twice; empty:
            one is made.
    """

    text: Text
    kind: Short = "dictation"
    mode: Short = ""
    language: Short = ""
    duration_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    model_id: Short = ""
    conversation_id: Short = ""
    role: Short = ""
    tokens: Annotated[int, msgspec.Meta(ge=0)] = 0
    fields: Fields = {}
    at: float | None = None
    id: Annotated[str, msgspec.Meta(max_length=36)] = ""


class HistoryPageEvent(Event, frozen=True, kw_only=True, tag="history.page"):
    """Entries, newest first.

    Attributes:
        next_before: give it as `before` for the next page; empty if this was the last.
        total: entries that fit the question, on all pages.
    """

    entries: list[HistoryEntry]
    next_before: str
    total: int


class HistoryQueryRequestEvent(Request[HistoryPageEvent], frozen=True, kw_only=True, tag="history.query"):
    """Ask for entries.

    Attributes:
        since, until: seconds since the Unix epoch; `since` is included, `until` is not.
        before: id of an entry: only older ones are given.
        ids: these entries only; empty for any.
    """

    since: float | None = None
    until: float | None = None
    kind: str = ""
    text: str = ""
    conversation_id: str = ""
    ids: Annotated[list[str], msgspec.Meta(max_length=PAGE_LIMIT)] = []
    before: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 50


class Highlight(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a text, in characters; `end` is not part of it."""

    start: int
    end: int


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that holds all the words that were looked for, and where they stand."""

    entry: HistoryEntry
    highlights: list[Highlight]


class HistoryFoundEvent(Event, frozen=True, kw_only=True, tag="history.found"):
    """What a search found, newest first.

    Attributes:
        complete: False while entries are still being loaded, so that there may be more.
    """

    hits: list[Hit]
    next_before: str
    complete: bool = True


class HistorySearchRequestEvent(Request[HistoryFoundEvent], frozen=True, kw_only=True, tag="history.search"):
    """Look for entries that hold all words of `words`, whatever their case; the last word may be the beginning of one."""

    words: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    before: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 50


class HistoryEditedEvent(Event, frozen=True, kw_only=True, tag="history.edited"):
    """An entry has another text."""

    entry: HistoryEntry


class HistoryEditRequestEvent(Request[HistoryEditedEvent], frozen=True, kw_only=True, tag="history.edit"):
    """Give an entry another text."""

    id: str
    text: Text


class HistoryRemovedEvent(Event, frozen=True, kw_only=True, tag="history.removed"):
    """Entries are gone, or would be with `dry_run`.

    Attributes:
        note: what a person should know about it, such as what a purge took; empty if there is nothing.
    """

    count: int
    dry_run: bool
    note: str = ""


class HistoryDeleteRequestEvent(
    Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.delete"
):
    """Delete single entries."""

    ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=PAGE_LIMIT)]
    dry_run: bool = False


class HistoryClearRequestEvent(Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.clear"):
    """Delete all entries, or those before a moment.

    Attributes:
        before: seconds since the Unix epoch; None for all.
        purge: on disk, take away segments, index and anchor too, so that nothing remains to be read.
        purge_backups: with `purge`, take it out of the backups as well.
    """

    before: float | None = None
    purge: bool = False
    purge_backups: bool = False
    dry_run: bool = False


class HistoryPruneRequestEvent(Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.prune"):
    """Delete what the rules of retention do not keep; 0 means that a rule sets no limit, never that everything goes.

    Attributes:
        keep_days, keep_entries, keep_mib: None for what the settings of the same names in `history` say.
    """

    keep_days: Annotated[int, msgspec.Meta(ge=0)] | None = None
    keep_entries: Annotated[int, msgspec.Meta(ge=0)] | None = None
    keep_mib: Annotated[int, msgspec.Meta(ge=0)] | None = None
    dry_run: bool = False


class HistoryExportedEvent(Event, frozen=True, kw_only=True, tag="history.exported"):
    """One part of an export; parts follow each other without a gap.

    Attributes:
        content: UTF-8.
        next_after: give it as `after` for the next part; empty if this was the last.
    """

    content: str
    entries: int
    next_after: str


class HistoryExportRequestEvent(
    Request[HistoryExportedEvent], frozen=True, kw_only=True, tag="history.export"
):
    """Ask for entries as text, oldest first, part by part.

    Attributes:
        after: id of the last entry of the part before; empty for the first part, which carries the head of
            the format.
    """

    format: ExportFormat
    after: str = ""
    since: float | None = None
    until: float | None = None
    conversation_id: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 500


class ConversationTotals(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation, in numbers."""

    conversation_id: str
    entries: int
    tokens: int
    first_at: float
    last_at: float


class ConversationsListedEvent(Event, frozen=True, kw_only=True, tag="history.conversations_listed"):
    """Conversations, the one that was spoken in last first; totals over all of them."""

    conversations: list[ConversationTotals]
    total_count: int
    total_tokens: int
    last_updated: float


class ConversationsRequestEvent(
    Request[ConversationsListedEvent], frozen=True, kw_only=True, tag="history.conversations"
):
    """Ask which conversations there are."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 100


class HistoryStatusEvent(Event, frozen=True, kw_only=True, tag="history.status_reported"):
    """Where the history is kept, and how much of it there is.

    Attributes:
        storage: where it is kept now; `memory` although `mode` is `disk` if it cannot be kept there safely.
        notice: what a person should know about that; empty if all is as they chose.
        loading: share of what is on disk that is loaded; 1.0 when all is.
        limit_entries: most entries that memory keeps; 0 for no limit (on disk).
        findings: what the last check of the files found: torn, truncated, tampered or missing parts.
        left_on_disk_bytes: in memory mode, size of what lies on disk from before and is neither read nor
            changed.
    """

    mode: PersistenceMode
    storage: Storage
    notice: str
    entries: int
    size_bytes: int
    limit_entries: int
    loading: float = 1.0
    findings: list[str] = []
    left_on_disk_bytes: int = 0


class HistoryStatusRequestEvent(Request[HistoryStatusEvent], frozen=True, kw_only=True, tag="history.status"):
    """Ask where the history is kept."""


class HistoryKeepRequestEvent(Request[HistoryStatusEvent], frozen=True, kw_only=True, tag="history.keep"):
    """Accept what a notice tells of: files that stay on disk in memory mode, or segments that are missing for good."""


class HistoryStorageChangedEvent(Event, frozen=True, kw_only=True, tag="history.storage_changed"):
    """The history is kept in another way than before, or a notice about it changed."""

    retained_by: ClassVar[str | None] = ""

    status: HistoryStatusEvent


class HistoryChangedEvent(Event, frozen=True, kw_only=True, tag="history.changed"):
    """Something changed in the history: a live tail, and in memory mode the copy from which a crashed actor comes back.

    Attributes:
        slot: in memory mode, the place of the entry in the ring; the broker keeps the last event of each
            place. On disk: `live`.
        entry: None if the place is empty now.
        entry_id: which one it is about; empty if it is about all of them.
    """

    retained_by: ClassVar[str | None] = "slot"

    slot: str
    change: Literal["added", "edited", "removed", "cleared"]
    entry: HistoryEntry | None = None
    entry_id: str = ""
