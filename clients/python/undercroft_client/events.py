"""Every event of the contract. Written by `undercroft contract --clients`; edits are overwritten."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from undercroft_client.event import Event, Request

CONTRACT_VERSION = "1.0.0"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person can choose.

    Attributes:
        value: what an input starts with: the current path, for `change_path`.
        request: topic of the request that carries it out.
    """

    name: Literal["change_path", "report", "retry"]
    title: str
    value: str = ""
    request: str = ""


class ActorCrashedEvent(Event, frozen=True, kw_only=True, tag="crashes.actor_crashed"):
    """An actor ended that was not meant to. Says nothing of what it wrote.

    Attributes:
        at: seconds since the Unix epoch.
        restarts: how often it had been started again before.
        record: name of the file in `<state>/crashes/`; empty if it could not be written.
    """

    actor: str
    kind: Literal["exception", "exit", "fatal_signal", "hang", "killed", "lifeline", "memory_limit", "not_started", "out_of_memory", "refused", "start_timeout"]
    at: float
    pid: int | None = None
    exit_code: int | None = None
    signal: str = ""
    uptime_seconds: float = 0.0
    restarts: int = 0
    record: str = ""


class ActorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one actor fares.

    Attributes:
        pid: None while it has no process.
        restarts: how often it was started again since the supervisor began.
        since: when it entered this state, seconds since the Unix epoch.
        reason: why it is in this state: exit code, signal, missed heartbeats, a dependency.
        last_words: the tail of what it wrote to stderr before it last ended.
        retry_seconds: delay before the next start or probe; None if none is due.
    """

    actor: str
    state: Literal["backoff", "failed", "ready", "starting", "stopped", "stopping", "waiting"]
    pid: int | None = None
    restarts: int = 0
    since: float = 0.0
    reason: str = ""
    last_words: str = ""
    retry_seconds: float | None = None


class ActorRestartAcceptedEvent(Event, frozen=True, kw_only=True, tag="supervision.restart_accepted"):
    """The actor is being stopped and will be started again."""

    status: ActorStatus


class ActorRestartRequestEvent(Request[ActorRestartAcceptedEvent], frozen=True, kw_only=True, tag="supervision.restart"):
    """Ask for one actor to be stopped in good order and started again; closes an open circuit."""

    actor: str


class ActorStateChangedEvent(Event, frozen=True, kw_only=True, tag="supervision.actor_state_changed"):
    """An actor is in another state."""

    retained_by: ClassVar[str | None] = "actor"

    actor: str
    status: ActorStatus


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or was.

    Attributes:
        name: what kind of thing, such as `state_persistence.quota_exceeded`.
        subject: which one of its kind, such as a key or a model id; empty if there is only one.
        source: name of the actor that raised it.
        is_active: False once it was cleared.
        since: when it was first raised, seconds since the Unix epoch.
        last_at: when it was last raised.
        count: how often it was raised since then.
        message: one sentence with what was found and what was expected; holds no secret.
        advice: what to do.
    """

    name: str
    subject: str
    source: str
    severity: Literal["critical", "error", "info", "warning"]
    is_active: bool
    since: float
    last_at: float
    count: int
    message: str
    advice: str


class AlertChangedEvent(Event, frozen=True, kw_only=True, tag="alerts.changed"):
    """An alert was raised, raised again, or cleared.

    Attributes:
        key: `<source>/<name>/<subject>`.
    """

    retained_by: ClassVar[str | None] = "key"

    key: str
    alert: Alert


class BackupInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One backup.

    Attributes:
        id: time (UTC), kind, name and format; also the name of its directory.
        name: as it was given; empty for none.
        created_at: seconds since the Unix epoch.
        size_bytes: on disk; `content_bytes`: of the documents in it.
        documents: how many keys and typed documents it holds.
        compressed: it is.
        encrypted: it holds encrypted documents, which need the keys of their home.
        revision: of the store, when it was made.
        format: of backups.
    """

    id: str
    name: str
    kind: Literal["before_import", "before_migration", "before_restore", "imported", "manual", "scheduled"]
    created_at: float
    size_bytes: int
    content_bytes: int
    documents: int
    compressed: bool
    encrypted: bool
    revision: int
    format: int


class BackupCreatedEvent(Event, frozen=True, kw_only=True, tag="backups.created"):
    """A backup is on disk, and was read back."""

    backup: BackupInfo


class BackupCreateRequestEvent(Request[BackupCreatedEvent], frozen=True, kw_only=True, tag="backups.create"):
    """Make a full backup; with or without a name, rotation never removes it."""

    name: str = ""


class BackupFault(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a backup; `key` is empty if it is not about one document."""

    id: str
    key: str
    problem: str


class BackupKept(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that stays, and why."""

    id: str
    reasons: list[str]


class BackupProgressedEvent(Event, frozen=True, kw_only=True, tag="backups.progressed"):
    """Something that takes long goes on; `total` is 0 while it is not known."""

    doing: Literal["check", "create", "restore", "verify"]
    done: int
    total: int


class BackupRestoredEvent(Event, frozen=True, kw_only=True, tag="backups.restored"):
    """What a backup holds is what the store holds.

    Attributes:
        saved_as: id of the backup of what was there before; empty for a dry run.
        changed: how many keys have another value now, new ones included; `removed`: how many are gone.
        left_out: keys that are not restored, as nobody declares their namespace any more, or as they are damaged in the
            backup.
        settings: whether `config.json` was replaced.
    """

    id: str
    saved_as: str
    changed: int
    removed: int
    unchanged: int
    left_out: list[str] = []
    settings: bool = False


class BackupRestoreRequestEvent(Request[BackupRestoredEvent], frozen=True, kw_only=True, tag="backups.restore"):
    """Bring back what a backup holds, all or nothing; what is there now is backed up first.

    Attributes:
        keys: only these; empty: everything, and keys that came later go. A typed document is `document.<type>`.
        settings: also replace `config.json` by the one of the backup.
        without_damaged: leave out documents that were damaged when the backup was made, instead of refusing.
        dry_run: only tell what would change.
    """

    id: str
    keys: list[str] = []
    settings: bool = False
    without_damaged: bool = False
    dry_run: bool = False


class BackupsListedEvent(Event, frozen=True, kw_only=True, tag="backups.listed"):
    """All backups, the newest first, and what is there and cannot be used."""

    backups: list[BackupInfo]
    faults: list[BackupFault] = []


class BackupsListRequestEvent(Request[BackupsListedEvent], frozen=True, kw_only=True, tag="backups.list"):
    """List the backups."""


class BackupsPrunedEvent(Event, frozen=True, kw_only=True, tag="backups.pruned"):
    """What stays and what went; `former_values` counts single former values (`backup` of a save) that went."""

    kept: list[BackupKept]
    removed: list[str]
    former_values: int
    dry_run: bool


class BackupsPruneRequestEvent(Request[BackupsPrunedEvent], frozen=True, kw_only=True, tag="backups.prune"):
    """Remove what the retention of the profile does not keep."""

    dry_run: bool = False


class BackupsVerifiedEvent(Event, frozen=True, kw_only=True, tag="backups.verified"):
    """Backups were read from end to end; `faults` is empty if all is as it was written."""

    verified: list[str]
    faults: list[BackupFault]


class BackupsVerifyRequestEvent(Request[BackupsVerifiedEvent], frozen=True, kw_only=True, tag="backups.verify"):
    """Read a backup from end to end: every digest and every envelope. An empty id means all of them."""

    id: str = ""


class BatchOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a batch; fields as in StateSaveRequestEvent."""

    type: Literal["delete", "save"]
    key: str
    value: Any = None
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: int | None = None


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """How many observations were at most `limit`; cumulative, as in Prometheus."""

    limit: float
    count: int


class BundleModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the bundle that is confirmed once.

    Attributes:
        missing_bytes: so many of `size_bytes` are not on disk yet.
        licence_due: its licence has to be accepted with the bundle.
    """

    model_id: str
    name: str
    category: str
    licence: str
    size_bytes: int
    missing_bytes: int
    licence_due: bool = False
    licence_url: str = ""


class PeerStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One peer as the broker sees it; `in_hand` counts the requests that it has yet to answer."""

    peer: str
    instance: str
    in_hand: int
    serves: list[str]


class BusStatisticsEvent(Event, frozen=True, kw_only=True, tag="bus.statistics_reported"):
    """What the broker counted since its epoch began.

    Attributes:
        refused: reason to count, for messages that were refused or ignored.
        topics: newest number of each topic.
    """

    epoch: str
    sequence: int
    uptime_seconds: float
    messages: int
    duplicates: int
    requests: int
    undeliverable: int
    refused: dict[str, int]
    ring_events: int
    ring_bytes: int
    retained_keys: int
    retained_bytes: int
    pending_requests: int
    peers: list[PeerStatistics]
    topics: dict[str, int]


class BusStatisticsRequestEvent(Request[BusStatisticsEvent], frozen=True, kw_only=True, tag="bus.statistics"):
    """Ask the broker what it counted; it answers itself."""


class CachedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The cache of one type.

    Attributes:
        is_fresh: a read would be answered from the cache now.
        age_seconds: since it was read or written; 0 if nothing is cached.
        hits: reads answered from the cache, and from disk.
        misses: reads answered from the cache, and from disk.
    """

    type_name: str
    is_fresh: bool
    age_seconds: float
    hits: int
    misses: int


class Pieces(msgspec.Struct, frozen=True, kw_only=True):
    """Digests of the consecutive pieces of a file, so that damage can be found and mended piece by piece.

    Attributes:
        size_bytes: length of each piece; the last one may be shorter.
        sha256: one digest a piece, in order.
    """

    size_bytes: int
    sha256: list[str]


class Unpack(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is an archive: once it is verified, its content takes its place in the model's directory.

    Attributes:
        into: directory below the model's, where the content goes; empty for the model's directory itself.
        strip: so many leading directories of each member's path are dropped.
    """

    format: Literal["tar", "tar.bz2", "tar.gz", "tar.xz", "zip"]
    into: str = ""
    strip: int = 0


class FilePromise(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifest promises of one file.

    Attributes:
        path: where the file lies below the model's directory; relative, with forward slashes, without `..`.
        size_bytes: exact length.
        sha256: digest of the whole file, 64 lower-case hex digits.
        urls: where it can be fetched; the first is tried first, the others are its mirrors.
        pieces: digests of its pieces, where they are known.
        unpack: how it is unpacked, if it is an archive.
    """

    path: str
    size_bytes: int
    sha256: str
    urls: list[str]
    pieces: Pieces | None = None
    unpack: Unpack | None = None


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One model: what it is for, its licence, its files.

    Attributes:
        revision: tells this content from what the same id meant before; empty: the digest of its promises stands in.
        licence_url: where the licence can be read.
        accept_licence: whether a person has to accept the licence before the model may be fetched.
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty for any.
    """

    id: str
    name: str
    category: str
    licence: str
    revision: str = ""
    licence_url: str = ""
    accept_licence: bool = False
    minimum_runtime: str = ""
    files: list[FilePromise]


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One model that the app knows, and why it knows it.

    Attributes:
        where: the manifest's file or URL, or the name that a person added, with its revision pinned.
    """

    entry: ModelEntry
    source: Literal["added", "bundled", "remote"]
    where: str


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


class ConversationsRequestEvent(Request[ConversationsListedEvent], frozen=True, kw_only=True, tag="history.conversations"):
    """Ask which conversations there are."""

    limit: int = 100


class DataKeyReport(msgspec.Struct, frozen=True, kw_only=True):
    """One key that encrypts documents.

    Attributes:
        id: its name in envelopes.
        created_at: seconds since the Unix epoch.
        retired_at: since when it only decrypts; 0 if it is the one that encrypts.
    """

    id: str
    created_at: float
    retired_at: float = 0.0


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a report.

    Attributes:
        content: UTF-8 text.
        size_bytes: of the content.
        sha256: of the content, in hex.
        redactions: how often each kind of private thing was taken out of it, such as `home`, `secret` or `host`.
    """

    name: str
    content: str
    size_bytes: int
    sha256: str
    redactions: dict[str, int] = {}


class ReportFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Attributes:
        name: what kind of thing, such as `disk_full`.
        sentence: what was found.
        advice: what to do.
        subject: which one of its kind, such as an actor or a model; empty if there is only one.
    """

    name: str
    severity: Literal["critical", "error", "info", "warning"]
    sentence: str
    advice: str
    subject: str = ""


class MissingPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the report that could not be had, and why."""

    part: str
    reason: str


class DiagnosticsGeneratedEvent(Event, frozen=True, kw_only=True, tag="diagnostics.generated"):
    """The report. Nothing was written to disk.

    Attributes:
        made_at: seconds since the Unix epoch.
        files: `SUMMARY.md` first; put into a zip by whoever wants one, with the manifest that they make up.
        findings: what is wrong, the cause first.
        summary: one page in Markdown, the content of `SUMMARY.md`.
        redactions: how often each kind was taken out, over all files.
        seconds: how long it took.
    """

    made_at: float
    files: list[ReportFile]
    findings: list[ReportFinding]
    missing: list[MissingPart]
    summary: str
    redactions: dict[str, int]
    seconds: float


class DiagnosticsGenerateRequestEvent(Request[DiagnosticsGeneratedEvent], frozen=True, kw_only=True, tag="diagnostics.generate"):
    """Ask for a report; it comes within two seconds, whoever of the others answers.

    Attributes:
        log_records: the newest of the log ring.
    """

    log_records: int = 500


class DocumentCacheReportedEvent(Event, frozen=True, kw_only=True, tag="documents.cache_reported"):
    """The cache, after what was asked for."""

    ttl_seconds: float
    types: list[CachedDocument]


class DocumentCacheRequestEvent(Request[DocumentCacheReportedEvent], frozen=True, kw_only=True, tag="documents.cache"):
    """Ask for the statistics of the cache. `clear`: forget what is cached of `type_name`, or of all types if that is empty."""

    clear: bool = False
    type_name: str = ""


class DocumentChangedEvent(Event, frozen=True, kw_only=True, tag="documents.changed"):
    """A document has another value, durably; the value itself is not told. `source` names the peer that asked for it."""

    type_name: str
    revision: int
    source: str = ""


class DocumentReadEvent(Event, frozen=True, kw_only=True, tag="documents.read_reported"):
    """A whole document.

    Attributes:
        value: as its type says it; the defaults of the type if there is none yet.
        revision: 0 if there is none yet.
        read_only: a later version wrote it; it cannot be replaced.
        repaired_from: where the value was taken from because the document itself was damaged; empty otherwise.
        evidence: where a damaged document was put; empty if it was not damaged.
    """

    type_name: str
    value: dict[str, Any]
    revision: int = 0
    read_only: bool = False
    repaired_from: str = ""
    evidence: str = ""


class DocumentReadRequestEvent(Request[DocumentReadEvent], frozen=True, kw_only=True, tag="documents.read"):
    """Read the document of a type, from the cache while that is fresh."""

    type_name: str


class DocumentType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of documents: `schema` is JSON Schema, `version` that of the type."""

    type_name: str
    version: int
    schema: dict[str, Any]


class DocumentTypesReportedEvent(Event, frozen=True, kw_only=True, tag="documents.types_reported"):
    """All types that the profile declares."""

    types: list[DocumentType]


class DocumentTypesRequestEvent(Request[DocumentTypesReportedEvent], frozen=True, kw_only=True, tag="documents.types"):
    """Ask which types of documents there are."""


class DocumentWrittenEvent(Event, frozen=True, kw_only=True, tag="documents.written"):
    """A document is on disk, and a power cut cannot take it back."""

    type_name: str
    revision: int


class DocumentWriteRequestEvent(Request[DocumentWrittenEvent], frozen=True, kw_only=True, tag="documents.write"):
    """Replace the document of a type.

    Attributes:
        value: the whole document; there are no partial updates.
        expected_revision: refuse unless the document has this revision now; 0 means that there must be none; None: whatever
            it is.
    """

    type_name: str
    value: dict[str, Any]
    expected_revision: int | None = None


class FileProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one file is durable.

    Attributes:
        durable_bytes: over all its ranges.
        prefix_bytes: so many of them follow each other from the start of the file, and can be hashed; None if all do.
    """

    path: str
    durable_bytes: int
    size_bytes: int
    prefix_bytes: int | None = None


class VerificationFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One broken promise: where, what was found, what was expected.

    Attributes:
        pieces: numbers of the bad pieces, from 0, where the promise knows the digests of pieces: only these have to be
            fetched again. Empty: nothing is known of pieces, so that the whole file is bad.
    """

    path: str
    aspect: Literal["missing", "sha256", "size", "unreadable"]
    found: str
    expected: str
    pieces: list[int] = []


class FilesVerifiedEvent(Event, frozen=True, kw_only=True, tag="models.files_verified"):
    """Verdict over a directory: no findings means that every file keeps its promise.

    Attributes:
        hashed_behind_bytes: bytes that were hashed while the download still ran.
        verified_at: when the file that was read longest ago was read, seconds since the Unix epoch; None with findings.
    """

    model_id: str
    findings: list[VerificationFinding]
    hashed_bytes: int
    hashed_behind_bytes: int
    seconds: float
    verified_at: float | None = None


class FilesVerifyRequestEvent(Request[FilesVerifiedEvent], frozen=True, kw_only=True, tag="models.verify_files"):
    """Ask the verifier to compare files with what the manifest promised of them.

    Attributes:
        trust_records: files that look as they did when they were verified need not be read again.
        idle: there is time: read only while nothing else wants the disk, and not while a download runs.
    """

    model_id: str
    directory: str
    files: list[FilePromise]
    trust_records: bool = False
    idle: bool = False


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the check found.

    Attributes:
        path: relative to the store, with slashes.
        key: empty if it is no key's.
        repair: what was done about it; empty if nothing was.
        evidence: where the damaged file lies now; empty if it was not moved.
    """

    kind: Literal["backup", "damaged", "evidence", "journal", "locked", "missing", "restore", "schema", "temporary", "too_new", "unknown_file", "unlisted", "unreadable"]
    path: str
    key: str
    problem: str
    repair: str = ""
    evidence: str = ""


class GapEvent(Event, frozen=True, kw_only=True, tag="bus.gap"):
    """Events of a topic are lost to this subscriber for good. Made by the client, never sent over the wire.

    Attributes:
        lost_topic: topic of the lost events.
        count: how many are lost.
        reason: `ring_exceeded`: the subscriber was too slow or away too long. `broker_restarted`: the former broker took them
            along and their publisher no longer had them.
    """

    lost_topic: str
    count: int
    reason: Literal["broker_restarted", "ring_exceeded"]


class Highlight(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a text, in characters; `end` is not part of it."""

    start: int
    end: int


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
    storage: Literal["encrypted", "memory", "plaintext"]


class HistoryAppendRequestEvent(Request[HistoryAppendedEvent], frozen=True, kw_only=True, tag="history.append"):
    """Add an entry.

    Attributes:
        at: None for now.
        id: UUIDv7 of the entry, if the asker wants to be able to ask again without adding it twice; empty: one is made.
    """

    text: str
    kind: str = "dictation"
    mode: str = ""
    language: str = ""
    duration_seconds: float = 0.0
    model_id: str = ""
    conversation_id: str = ""
    role: str = ""
    tokens: int = 0
    fields: dict[str, str] = {}
    at: float | None = None
    id: str = ""


class HistoryChangedEvent(Event, frozen=True, kw_only=True, tag="history.changed"):
    """Something changed in the history: a live tail, and in memory mode the copy from which a crashed actor comes back.

    Attributes:
        slot: in memory mode, the place of the entry in the ring; the broker keeps the last event of each place. On disk:
            `live`.
        entry: None if the place is empty now.
        entry_id: which one it is about; empty if it is about all of them.
    """

    retained_by: ClassVar[str | None] = "slot"

    slot: str
    change: Literal["added", "cleared", "edited", "removed"]
    entry: HistoryEntry | None = None
    entry_id: str = ""


class HistoryRemovedEvent(Event, frozen=True, kw_only=True, tag="history.removed"):
    """Entries are gone, or would be with `dry_run`.

    Attributes:
        note: what a person should know about it, such as what a purge took; empty if there is nothing.
    """

    count: int
    dry_run: bool
    note: str = ""


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


class HistoryDeleteRequestEvent(Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.delete"):
    """Delete single entries."""

    ids: list[str]
    dry_run: bool = False


class HistoryEditedEvent(Event, frozen=True, kw_only=True, tag="history.edited"):
    """An entry has another text."""

    entry: HistoryEntry


class HistoryEditRequestEvent(Request[HistoryEditedEvent], frozen=True, kw_only=True, tag="history.edit"):
    """Give an entry another text."""

    id: str
    text: str


class HistoryExportedEvent(Event, frozen=True, kw_only=True, tag="history.exported"):
    """One part of an export; parts follow each other without a gap.

    Attributes:
        content: UTF-8.
        next_after: give it as `after` for the next part; empty if this was the last.
    """

    content: str
    entries: int
    next_after: str


class HistoryExportRequestEvent(Request[HistoryExportedEvent], frozen=True, kw_only=True, tag="history.export"):
    """Ask for entries as text, oldest first, part by part.

    Attributes:
        after: id of the last entry of the part before; empty for the first part, which carries the head of the format.
    """

    format: Literal["csv", "jsonl", "markdown"]
    after: str = ""
    since: float | None = None
    until: float | None = None
    conversation_id: str = ""
    limit: int = 500


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


class HistoryStatusEvent(Event, frozen=True, kw_only=True, tag="history.status_reported"):
    """Where the history is kept, and how much of it there is.

    Attributes:
        storage: where it is kept now; `memory` although `mode` is `disk` if it cannot be kept there safely.
        notice: what a person should know about that; empty if all is as they chose.
        limit_entries: most entries that memory keeps; 0 for no limit (on disk).
        loading: share of what is on disk that is loaded; 1.0 when all is.
        findings: what the last check of the files found: torn, truncated, tampered or missing parts.
        left_on_disk_bytes: in memory mode, size of what lies on disk from before and is neither read nor changed.
    """

    mode: Literal["disk", "memory"]
    storage: Literal["encrypted", "memory", "plaintext"]
    notice: str
    entries: int
    size_bytes: int
    limit_entries: int
    loading: float = 1.0
    findings: list[str] = []
    left_on_disk_bytes: int = 0


class HistoryKeepRequestEvent(Request[HistoryStatusEvent], frozen=True, kw_only=True, tag="history.keep"):
    """Accept what a notice tells of: files that stay on disk in memory mode, or segments that are missing for good."""


class HistoryPageEvent(Event, frozen=True, kw_only=True, tag="history.page"):
    """Entries, newest first.

    Attributes:
        next_before: give it as `before` for the next page; empty if this was the last.
        total: entries that fit the question, on all pages.
    """

    entries: list[HistoryEntry]
    next_before: str
    total: int


class HistoryPruneRequestEvent(Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.prune"):
    """Delete what the rules of retention do not keep; 0 means that a rule sets no limit, never that everything goes.

    Attributes:
        keep_days: None for what the settings of the same names in `history` say.
        keep_entries: None for what the settings of the same names in `history` say.
        keep_mib: None for what the settings of the same names in `history` say.
    """

    keep_days: int | None = None
    keep_entries: int | None = None
    keep_mib: int | None = None
    dry_run: bool = False


class HistoryQueryRequestEvent(Request[HistoryPageEvent], frozen=True, kw_only=True, tag="history.query"):
    """Ask for entries.

    Attributes:
        since: seconds since the Unix epoch; `since` is included, `until` is not.
        until: seconds since the Unix epoch; `since` is included, `until` is not.
        ids: these entries only; empty for any.
        before: id of an entry: only older ones are given.
    """

    since: float | None = None
    until: float | None = None
    kind: str = ""
    text: str = ""
    conversation_id: str = ""
    ids: list[str] = []
    before: str = ""
    limit: int = 50


class HistorySearchRequestEvent(Request[HistoryFoundEvent], frozen=True, kw_only=True, tag="history.search"):
    """Look for entries that hold all words of `words`, whatever their case; the last word may be the beginning of one."""

    words: str
    before: str = ""
    limit: int = 50


class HistoryStatusRequestEvent(Request[HistoryStatusEvent], frozen=True, kw_only=True, tag="history.status"):
    """Ask where the history is kept."""


class HistoryStorageChangedEvent(Event, frozen=True, kw_only=True, tag="history.storage_changed"):
    """The history is kept in another way than before, or a notice about it changed."""

    retained_by: ClassVar[str | None] = ""

    status: HistoryStatusEvent


class KeysReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the keys of a home fare.

    Attributes:
        reason: why they are locked; None if they are not.
        detail: the same in a sentence; holds no secret.
        advice: what to do; empty if nothing.
        keychain: which one is asked.
        kept_in: which one the key-encryption key was put into, where that is known.
        has_recovery_code: whether a recovery code can bring them back.
    """

    state: Literal["absent", "locked", "unlocked"]
    reason: Literal["entry_missing", "keychain_locked", "keychain_refused", "keys_damaged", "keys_missing", "keys_not_saved", "keys_too_new", "keys_unreadable", "no_keychain", "not_asked", "timed_out", "wrong_key"] | None = None
    detail: str = ""
    advice: str = ""
    keychain: str = ""
    kept_in: str = ""
    key_encryption_key: str = ""
    data_keys: list[DataKeyReport] = []
    has_recovery_code: bool = False


class KeysStateChangedEvent(Event, frozen=True, kw_only=True, tag="keys.state_changed"):
    """The keys of an actor were unlocked, locked, or rotated.

    Attributes:
        source: name of the actor that uses them.
    """

    retained_by: ClassVar[str | None] = "source"

    source: str
    report: KeysReport


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One holder's claim on the revision of a model that was active when it was given.

    Attributes:
        holder: its name, as a person should read it.
        instance: of the peer whose life ends it; empty if only time does.
        since: seconds since the Unix epoch.
        until: when it ends unless it is renewed, seconds since the Unix epoch; None: with its peer.
    """

    lease_id: str
    model_id: str
    holder: str
    instance: str
    revision: str
    since: float
    until: float | None


class LicenceAcceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A person accepted the licence of a model as it read then.

    Attributes:
        digest: SHA-256 over licence, licence URL and revision of the entry; for another one the licence is due again.
        accepted_at: seconds since the Unix epoch.
        accepted_by: name of the account on this machine.
    """

    model_id: str
    licence: str
    revision: str
    digest: str
    accepted_at: float
    accepted_by: str


class LicenceAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.licence_accepted"):
    """The acceptance is on disk."""

    acceptance: LicenceAcceptance


class LicenceAcceptRequestEvent(Request[LicenceAcceptedEvent], frozen=True, kw_only=True, tag="models.accept_licence"):
    """Say that a person read and accepted the licence of a model."""

    model_id: str


class LogLevelChangedEvent(Event, frozen=True, kw_only=True, tag="logs.level_changed"):
    """From now on an actor notes what is at least of this level. The level of one actor wins over that of all (`*`)."""

    retained_by: ClassVar[str | None] = "actor"

    actor: str
    level: Literal["critical", "debug", "error", "info", "warning"] | None


class LogLevelRequestEvent(Request[LogLevelChangedEvent], frozen=True, kw_only=True, tag="logs.set_level"):
    """Ask for another level, of one actor or of all (`*`)."""

    actor: str = "*"
    level: Literal["critical", "debug", "error", "info", "warning"] | None = None


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a process wrote to stdout or stderr, redacted.

    Attributes:
        at: seconds since the Unix epoch.
        recorded: it repeats a record that went to the bus as well (`logs.recorded`).
    """

    actor: str
    at: float
    text: str
    recorded: bool = False


class LogLinesWrittenEvent(Event, frozen=True, kw_only=True, tag="supervision.log_lines_written"):
    """Processes wrote to their logs."""

    lines: list[LogLine]


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was noted; redacted before it left its process.

    Attributes:
        at: seconds since the Unix epoch.
        logger: dotted name of the module that noted it; `stderr` for a line that a process wrote there.
        fields: what belongs to it, by name.
        correlation: id of the matter that it belongs to, across all actors; empty for none.
        traceback: of an exception, without values of variables; empty for none.
    """

    actor: str
    at: float
    level: Literal["critical", "debug", "error", "info", "warning"]
    logger: str
    message: str
    fields: dict[str, str] = {}
    correlation: str = ""
    traceback: str = ""


class LogRecordedEvent(Event, frozen=True, kw_only=True, tag="logs.recorded"):
    """An actor noted something.

    Attributes:
        dropped: records that did not go out since the last event, since there were too many at once.
    """

    records: list[LogRecord]
    dropped: int = 0


class LogRingReadEvent(Event, frozen=True, kw_only=True, tag="logs.ring_read"):
    """The newest records, oldest first.

    Attributes:
        dropped: records that the ring no longer holds, or that never reached it.
    """

    records: list[LogRecord]
    dropped: int


class LogRingRequestEvent(Request[LogRingReadEvent], frozen=True, kw_only=True, tag="logs.read_ring"):
    """Ask for the newest records.

    Attributes:
        actor: of this one only; None for all.
        level: at least of this level.
        correlation: of this matter only; empty for any.
    """

    actor: str | None = None
    level: Literal["critical", "debug", "error", "info", "warning"] = "debug"
    correlation: str = ""
    limit: int = 200


class LogsReportedEvent(Event, frozen=True, kw_only=True, tag="supervision.logs_reported"):
    """The newest lines of the ring, oldest first; `dropped` counts the older ones that it no longer holds."""

    lines: list[LogLine]
    dropped: int


class LogsRequestEvent(Request[LogsReportedEvent], frozen=True, kw_only=True, tag="supervision.logs"):
    """Ask for the newest log lines of one actor, or of all."""

    actor: str | None = None
    limit: int = 200


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The models that an app declares.

    Attributes:
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty for any.
        version: counts up with each manifest that is published; 0 for one that never leaves its package.
        issued_at: when it was published (RFC 3339); needed for one that is fetched.
        expires_at: until when nobody needs to worry that a newer one is withheld (RFC 3339); needed for one that is fetched.
    """

    format: int
    models: list[ModelEntry]
    minimum_runtime: str = ""
    version: int = 0
    issued_at: str | None = None
    expires_at: str | None = None


class ManifestRefreshedEvent(Event, frozen=True, kw_only=True, tag="models.manifest_refreshed"):
    """What became of a look at the remote manifest.

    Attributes:
        outcome: `taken`: a newer one is in force. `unchanged`: the one in force is the newest. `kept`: what came was refused
            or nothing came, the former one stays in force. `none`: the profile names no remote manifest.
        version: version that is in force; 0 for none.
        message: one sentence for a person.
    """

    outcome: Literal["kept", "none", "taken", "unchanged"]
    version: int
    message: str


class ManifestRefreshRequestEvent(Request[ManifestRefreshedEvent], frozen=True, kw_only=True, tag="models.refresh"):
    """Ask for the remote manifest to be fetched now."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One time series at one moment.

    Attributes:
        name: dotted, with its unit at the end, such as `state_persistence.save.duration_ms`.
        value: of a counter or gauge; the sum of what was observed, of a histogram.
        count: observations of a histogram; 0 otherwise.
        buckets: of a histogram, by ascending limit; the last limit is infinity and is left out.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    description: str
    labels: dict[str, str]
    value: float
    count: int = 0
    buckets: list[Bucket] = []


class MetricsReportedEvent(Event, frozen=True, kw_only=True, tag="metrics.reported"):
    """The metrics of one actor."""

    reading: str
    actor: str
    samples: list[Sample]


class MetricsWantedEvent(Event, frozen=True, kw_only=True, tag="metrics.wanted"):
    """Somebody wants to read the metrics of all actors: each publishes its own once.

    Attributes:
        reading: tells this reading from others; the answers carry it.
    """

    reading: str


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why something cannot be used now.

    Attributes:
        subject: model id, category, path or actor that it is about.
        category: of the model that it is about; empty if it is about none.
        text: one sentence for a person.
    """

    kind: Literal["checking", "downloading", "licence_due", "model_absent", "model_damaged", "model_failed", "model_paused", "no_model_setting", "no_path_setting", "path_mismatch", "path_missing", "path_unusable", "service_down", "switched_off", "unknown_model"]
    subject: str
    category: str = ""
    text: str = ""


class ModeAvailability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one mode of the app may be used now. A frontend gates its modes by this and nothing else.

    Attributes:
        missing: required categories that no usable model serves.
        reasons: why it is not available; empty if it is.
        notices: names of what a person is told while the mode is used without an optional model, such as `raw_output`.
        notice_texts: the same as sentences.
    """

    mode: str
    title: str
    status: Literal["available", "checking", "switched_off", "unavailable"]
    missing: list[str] = []
    reasons: list[Reason] = []
    notices: list[str] = []
    notice_texts: list[str] = []


class ModelAddedEvent(Event, frozen=True, kw_only=True, tag="models.added"):
    """A model is in the catalogue for good, on a person's word.

    Attributes:
        is_new: False if the same entry was there before.
    """

    entry: ModelEntry
    pinned: str
    is_new: bool
    skipped: list[str] = []


class ModelAddRequestEvent(Request[ModelAddedEvent], frozen=True, kw_only=True, tag="models.add"):
    """Resolve a name and keep what it means; answered once that is durable. The fields are those of `models.resolve`."""

    name: str
    sha256: str = ""
    size_bytes: int | None = None
    model_id: str = ""
    category: str = ""


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where one model stands.

    Attributes:
        durable_bytes: bytes that a crash cannot take away; `size_bytes` once installed.
        problem: why the model failed or is damaged, and what to do; empty otherwise.
        problem_kind: what kind of problem, so that a frontend can tell them apart; empty without one.
        revision: which revision serves; empty while none is installed.
        wanted_revision: which one the manifest names now; another than `revision` while an update is due or under way.
        former_revision: which one a rollback would bring back; empty for none.
        held_by: names of the peers that hold a lease on it.
        licence_due: its licence has to be accepted before it can be installed.
    """

    model_id: str
    name: str
    category: str
    licence: str
    state: Literal["absent", "damaged", "downloading", "failed", "installed", "partial", "paused", "queued", "verifying"]
    size_bytes: int
    durable_bytes: int
    problem: str = ""
    problem_kind: Literal["", "damaged", "disk", "held", "licence", "mismatch", "network", "refused", "server", "space"] = ""
    revision: str = ""
    wanted_revision: str = ""
    former_revision: str = ""
    held_by: list[str] = []
    licence_due: bool = False


class ModelCancelledEvent(Event, frozen=True, kw_only=True, tag="models.cancelled"):
    """The install goes on no more."""

    status: ModelStatus


class ModelCancelRequestEvent(Request[ModelCancelledEvent], frozen=True, kw_only=True, tag="models.cancel"):
    """Stop an install. The partial is kept for a later one unless `drop_partial`."""

    model_id: str
    drop_partial: bool = False


class ModelCatalogueChangedEvent(Event, frozen=True, kw_only=True, tag="models.catalogue_changed"):
    """Which models the app knows now: the whole list, each id once.

    Attributes:
        accepted: licences that a person accepted.
        revision: counts the changes of this life of the actor.
        manifest_version: version of the remote manifest that is in force; 0 for none.
        problems: one sentence for each entry or manifest that is not in force, and why.
    """

    retained_by: ClassVar[str | None] = ""

    models: list[CatalogueEntry]
    accepted: list[LicenceAcceptance]
    revision: int
    reason: Literal["accepted", "added", "refreshed", "start", "withdrawn"]
    manifest_version: int = 0
    problems: list[str] = []


class ModelDownloadProgressedEvent(Event, frozen=True, kw_only=True, tag="models.download_progressed"):
    """More bytes of a model are durable. At most ten a second for each model; never goes back within an attempt.

    Attributes:
        attempt: counts from 1; a new attempt may start from fewer bytes, since it may have had to discard some.
        seconds_left: None while the rate is not known yet.
        staging_directory: where the partial files lie.
    """

    model_id: str
    name: str
    attempt: int
    durable_bytes: int
    size_bytes: int
    rate_bytes_per_second: float
    seconds_left: float | None
    staging_directory: str
    files: list[FileProgress]


class ModelInstallAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.install_accepted"):
    """The wish is on disk: the install goes on through any crash, until it is done, failed or cancelled."""

    status: ModelStatus


class ModelInstallRequestEvent(Request[ModelInstallAcceptedEvent], frozen=True, kw_only=True, tag="models.install"):
    """Ask for a model; answered once the wish is durable, long before the bytes are there."""

    model_id: str


class ModelInstalledEvent(Event, frozen=True, kw_only=True, tag="models.installed"):
    """A model was verified and is visible under its name, whole."""

    model_id: str
    name: str
    directory: str
    size_bytes: int
    fetched_bytes: int
    attempts: int


class ModelLeasedEvent(Event, frozen=True, kw_only=True, tag="models.leased"):
    """The model stays as it is, where it is, until the lease ends: removal, update and rollback wait.

    Attributes:
        directory: where its files lie; valid as long as the lease.
    """

    lease: Lease
    directory: str


class ModelLeaseRequestEvent(Request[ModelLeasedEvent], frozen=True, kw_only=True, tag="models.lease"):
    """Ask to hold an installed model in use.

    Attributes:
        holder: name that others are told while they wait.
        instance: of the peer that asks (`peer.instance`): the lease then ends when that peer leaves the bus, or was not seen
            for a while. Without one it ends after `ttl_seconds`.
        ttl_seconds: how long it lasts without being renewed; ignored for a lease that is bound to a peer.
        lease_id: renew this lease instead of asking for a new one.
    """

    model_id: str
    holder: str
    instance: str = ""
    ttl_seconds: float = 60.0
    lease_id: str = ""


class ModelNameResolvedEvent(Event, frozen=True, kw_only=True, tag="models.name_resolved"):
    """What a name means now.

    Attributes:
        entry: the manifest entry that stands for it.
        pinned: the name with its revision pinned, so that it means the same tomorrow.
        skipped: files of the source that do not belong to the entry, each with the reason.
    """

    entry: ModelEntry
    pinned: str
    skipped: list[str] = []


class ModelNameResolveRequestEvent(Request[ModelNameResolvedEvent], frozen=True, kw_only=True, tag="models.resolve"):
    """Ask what a name means: `hf:org/repo[@revision][:file]`, `oci:registry/name:tag`, `ollama:name:tag`, `https://...`,
    `file:/path`.

    Attributes:
        sha256: digest of the file that a URL names, 64 hex digits, if it is not part of the URL's fragment.
        size_bytes: its length, for a server that does not tell; None to ask it.
        model_id: id of the entry; empty to derive one from the name.
        category: what the model is for, such as `stt`; empty to guess.
    """

    name: str
    sha256: str = ""
    size_bytes: int | None = None
    model_id: str = ""
    category: str = ""


class ModelPausedEvent(Event, frozen=True, kw_only=True, tag="models.paused"):
    """The install rests, through restarts too, until it is resumed."""

    status: ModelStatus


class ModelPauseRequestEvent(Request[ModelPausedEvent], frozen=True, kw_only=True, tag="models.pause"):
    """Let an install rest. What is durable of it stays; answered once the word is durable."""

    model_id: str


class ModelReleasedEvent(Event, frozen=True, kw_only=True, tag="models.released"):
    """The lease has ended; so it had if it was not known (any more)."""

    model_id: str
    was_held: bool


class ModelReleaseRequestEvent(Request[ModelReleasedEvent], frozen=True, kw_only=True, tag="models.release"):
    """Give a lease back."""

    model_id: str
    lease_id: str


class ModelRemovalEvent(Event, frozen=True, kw_only=True, tag="models.removal"):
    """What was removed, or would be with `dry_run`."""

    status: ModelStatus
    freed_bytes: int
    dry_run: bool


class ModelRemoveRequestEvent(Request[ModelRemovalEvent], frozen=True, kw_only=True, tag="models.remove"):
    """Remove an installed model, its former revision, its partial and its records.

    Attributes:
        wait_seconds: for so long the removal waits for those who hold a lease; then it is refused, and they are named.
    """

    model_id: str
    dry_run: bool = False
    wait_seconds: float = 0.0


class ModelRemovedEvent(Event, frozen=True, kw_only=True, tag="models.removed"):
    """A model is gone from disk on somebody's word."""

    model_id: str
    freed_bytes: int


class ModelRepairAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.repair_accepted"):
    """What is sound of a damaged model is staged again, and what is not is being fetched.

    Attributes:
        kept_bytes: of files, and pieces of files, that need not be fetched.
    """

    status: ModelStatus
    kept_bytes: int


class ModelRepairRequestEvent(Request[ModelRepairAcceptedEvent], frozen=True, kw_only=True, tag="models.repair"):
    """Ask for a damaged model to be made whole, fetching only what is bad."""

    model_id: str


class ModelResumedEvent(Event, frozen=True, kw_only=True, tag="models.resumed"):
    """A paused install goes on."""

    status: ModelStatus


class ModelResumeRequestEvent(Request[ModelResumedEvent], frozen=True, kw_only=True, tag="models.resume"):
    """Let a paused install go on. Answered once the word is durable."""

    model_id: str


class ModelRolledBackEvent(Event, frozen=True, kw_only=True, tag="models.rolled_back"):
    """The former revision of a model is active again, and the one that was active is kept as the former one."""

    status: ModelStatus


class ModelRollbackRequestEvent(Request[ModelRolledBackEvent], frozen=True, kw_only=True, tag="models.rollback"):
    """Ask for the former revision, which is verified first.

    Attributes:
        wait_seconds: for so long the rollback waits for those who hold a lease; then it is refused, and they are named.
    """

    model_id: str
    wait_seconds: float = 0.0


class ModelStateChangedEvent(Event, frozen=True, kw_only=True, tag="models.state_changed"):
    """A model is in another state."""

    retained_by: ClassVar[str | None] = "model_id"

    model_id: str
    status: ModelStatus


class ModelVerdictEvent(Event, frozen=True, kw_only=True, tag="models.verdict"):
    """What a check of an installed model found."""

    status: ModelStatus
    findings: list[VerificationFinding]


class ModelVerificationFailedEvent(Event, frozen=True, kw_only=True, tag="models.verification_failed"):
    """The files of a model do not keep what its manifest promised; they are out of use, not deleted."""

    model_id: str
    findings: list[VerificationFinding]


class ModelVerifiedEvent(Event, frozen=True, kw_only=True, tag="models.verified"):
    """The files of a model keep what its manifest promised."""

    model_id: str
    size_bytes: int


class ModelVerifyRequestEvent(Request[ModelVerdictEvent], frozen=True, kw_only=True, tag="models.verify"):
    """Ask for every byte of an installed model to be hashed again."""

    model_id: str


class ModelWithdrawnEvent(Event, frozen=True, kw_only=True, tag="models.withdrawn"):
    """An added model is no longer in the catalogue; what is installed of it stays."""

    model_id: str


class ModelWithdrawRequestEvent(Request[ModelWithdrawnEvent], frozen=True, kw_only=True, tag="models.withdraw"):
    """Take an added model out of the catalogue again."""

    model_id: str


class ModelsListedEvent(Event, frozen=True, kw_only=True, tag="models.listed"):
    """Every model of the manifest, with its state."""

    models: list[ModelStatus]
    models_directory: str


class ModelsListRequestEvent(Request[ModelsListedEvent], frozen=True, kw_only=True, tag="models.list"):
    """Ask which models there are and where each stands."""


class ModelsRelocationEvent(Event, frozen=True, kw_only=True, tag="paths.models_relocation"):
    """The move is on disk and goes on through any crash; with `dry_run` nothing happened.

    Attributes:
        moved_models: what will be brought over.
        adopted_models: what lies at the new place in its full length already, and is kept there if its hashes match.
        copy_bytes: to be copied; 0 where both places are on one file system.
        move_id: tells this move from others; empty with `dry_run`.
    """

    moved_models: list[str]
    adopted_models: list[str]
    copy_bytes: int
    move_id: str = ""


class ModelsRelocateRequestEvent(Request[ModelsRelocationEvent], frozen=True, kw_only=True, tag="paths.relocate_models"):
    """Asked of the owner of the models: go over to another directory, then have the choice settled.

    Attributes:
        target: the directory; it exists and can be written to.
        category: the choice that brought this about, to be settled at the end.
        path: the choice that brought this about, to be settled at the end.
    """

    target: str
    action: Literal["adopt", "anew", "move"]
    category: Literal["logs", "models", "root", "tools", "workspace"]
    path: str
    dry_run: bool = False


class ModelsRootAdmittedEvent(Event, frozen=True, kw_only=True, tag="paths.models_root_admitted"):
    """Directories below it are looked into from now on."""

    directory: str


class ModelsRootAdmitRequestEvent(Request[ModelsRootAdmittedEvent], frozen=True, kw_only=True, tag="paths.admit_models_root"):
    """Asked of the verifier by the owner of the models, before models in another directory can be verified.

    Attributes:
        directory: of all models; it counts until the verifier ends, and its next life knows the one that was chosen by then.
    """

    directory: str


class NamespaceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one namespace fares; `quota_bytes` is 0 if there is none."""

    name: str
    keys: int
    size_bytes: int
    quota_bytes: int
    encrypt: bool
    owner: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A banner, a toast, or the head of the recovery screen: words first, then what can be done.

    Attributes:
        fade_ms: it leaves by itself after so long; 0: it stays.
    """

    text: str
    actions: list[Action] = []
    fade_ms: int = 0


class PartialFound(msgspec.Struct, frozen=True, kw_only=True):
    """What lies on disk of a model that is not installed.

    Attributes:
        model_id: of the manifest, or of a model that it no longer names.
        kind: `partial`: an install that is under way or was left. `damaged`: a model that was put out of use.
        state: state of the model; `partial` for one that the manifest no longer names.
        size_bytes: bytes it takes on disk.
        durable_bytes: bytes of the promised files that a crash cannot take away.
        promised_bytes: size of the whole model; 0 if that is not known any more.
        age_seconds: since its bytes were last added to.
        url_hosts: where its bytes came from, hosts only: the rest of a URL may hold a secret.
        is_wanted: its install goes on, now or when it is resumed.
    """

    model_id: str
    kind: Literal["damaged", "partial"]
    state: Literal["absent", "damaged", "downloading", "failed", "installed", "partial", "paused", "queued", "verifying"]
    size_bytes: int
    durable_bytes: int
    promised_bytes: int
    age_seconds: float
    url_hosts: list[str] = []
    is_wanted: bool = False


class PartialsCollectedEvent(Event, frozen=True, kw_only=True, tag="models.collected"):
    """What was removed, or would be with `dry_run`; `problems` has one sentence for each that could not be."""

    removed: list[PartialFound]
    freed_bytes: int
    keep_days: int
    dry_run: bool
    problems: list[str] = []


class PartialsCollectRequestEvent(Request[PartialsCollectedEvent], frozen=True, kw_only=True, tag="models.collect"):
    """Remove what lies beside the installed models, is wanted by nobody and is older than a rule says.

    Attributes:
        keep_days: the rule for this once; None for the one in the settings, where 0 keeps everything.
    """

    dry_run: bool = False
    keep_days: int | None = None


class PartialsListedEvent(Event, frozen=True, kw_only=True, tag="models.partials_listed"):
    """Everything that lies beside the installed models.

    Attributes:
        keep_days: the rule that a person set for what nobody wants; 0 keeps it for ever.
    """

    partials: list[PartialFound]
    keep_days: int


class PartialsListRequestEvent(Request[PartialsListedEvent], frozen=True, kw_only=True, tag="models.partials"):
    """Ask what lies beside the installed models, and how old it is."""


class PathProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a directory cannot be used.

    Attributes:
        message: a sentence that names the directory and says what to do.
        offers: what a person can do about it, the first one first.
    """

    kind: Literal["busy", "environment", "held", "missing", "nested", "not_a_directory", "not_writable", "relative", "removed_drive", "space", "unreadable", "user_data"]
    category: Literal["config", "logs", "models", "state", "tools", "workspace"] | Literal["root"]
    path: str
    message: str
    offers: list[Literal["choose", "connect", "create", "free_space", "reset", "wait"]]


class PathStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One category: where it lies and whether that can be used.

    Attributes:
        path: the active directory.
        next_path: where it will lie from the next start on; empty if that is the same.
        default: where it lies if nobody chooses.
        writable: it exists, and its owner may write there.
        free_bytes: on its disk, or on that where it would be created; None if that is not known.
        takes_effect: when a choice for it counts.
        problems: empty if all is well. A default that was not created yet is well.
    """

    category: Literal["config", "logs", "models", "state", "tools", "workspace"]
    path: str
    next_path: str
    origin: Literal["environment", "home", "override", "platform", "root"]
    default: str
    exists: bool
    writable: bool
    free_bytes: int | None
    takes_effect: Literal["next_start", "now"]
    problems: list[PathProblem]


class PathChosenEvent(Event, frozen=True, kw_only=True, tag="paths.chosen"):
    """What comes of a choice.

    Attributes:
        accepted: the choice is durable, or the move to it is and goes on through any crash; with `dry_run`: it would be.
        problems: why not; empty if it was accepted.
        what_happens: sentences for people.
        paths: the categories that are concerned, as they will be.
        created: directories that were, or would be, created.
        move_bytes: how much has to be copied; 0 if nothing has to.
        move_id: of the move that has begun; empty if the choice counts already.
    """

    accepted: bool
    dry_run: bool
    problems: list[PathProblem]
    what_happens: list[str]
    paths: list[PathStatus]
    created: list[str]
    move_bytes: int
    move_id: str = ""


class PathChooseRequestEvent(Request[PathChosenEvent], frozen=True, kw_only=True, tag="paths.choose"):
    """Choose a directory for a category; from the readiness flow and from the settings alike.

    Attributes:
        path: absolute; empty goes back to what applies without this choice.
        action: what to do with the models; the other categories leave what is there where it is.
        create_missing: create the directory if it is missing.
    """

    category: Literal["logs", "models", "root", "tools", "workspace"]
    path: str
    action: Literal["adopt", "anew", "move"] = "move"
    create_missing: bool = False
    dry_run: bool = False


class PathMoveCancelledEvent(Event, frozen=True, kw_only=True, tag="paths.move_cancelled"):
    """No models are on the way (any more); all are where they were."""

    was_moving: bool


class PathMoveCancelRequestEvent(Request[PathMoveCancelledEvent], frozen=True, kw_only=True, tag="paths.cancel_move"):
    """Stop moving models; refused once the new place serves."""


class PathMoveChangedEvent(Event, frozen=True, kw_only=True, tag="paths.move_changed"):
    """How far the models are on their way to another directory. At most ten a second.

    Attributes:
        move_id: as the answer to the choice said it.
        model_id: which model is being brought over; empty between models.
        moved_bytes: at the new place already, of `total_bytes`; they count only once all of it does.
        kept_back: what stays at the old place for now, since a program has it in use.
        problem: why it failed; all models are at the old place then.
    """

    retained_by: ClassVar[str | None] = ""

    source: str
    target: str
    action: Literal["adopt", "anew", "move"]
    state: Literal["cancelled", "failed", "leaving", "moved", "moving"]
    move_id: str = ""
    model_id: str = ""
    moved_bytes: int = 0
    total_bytes: int = 0
    kept_back: list[str] = []
    problem: str = ""


class PathsSettledEvent(Event, frozen=True, kw_only=True, tag="paths.settled"):
    """The choice is on disk."""

    paths: list[PathStatus]


class PathSettleRequestEvent(Request[PathsSettledEvent], frozen=True, kw_only=True, tag="paths.settle"):
    """Asked by whoever owns the files, once they are at the new place: from here on it counts.

    Attributes:
        category: as they were chosen.
        path: as they were chosen.
    """

    category: Literal["logs", "models", "root", "tools", "workspace"]
    path: str


class PathsChangedEvent(Event, frozen=True, kw_only=True, tag="paths.changed"):
    """Where everything lies, whenever any of it is other than it was; also once at every start.

    Attributes:
        reason: `start`, `chosen`, or `observed`: a drive came or went, rights changed.
    """

    retained_by: ClassVar[str | None] = ""

    paths: list[PathStatus]
    reason: Literal["chosen", "observed", "start"]


class PathsListedEvent(Event, frozen=True, kw_only=True, tag="paths.listed"):
    """Every category, looked at just now.

    Attributes:
        choices_file: where the choices are kept.
    """

    paths: list[PathStatus]
    choices_file: str


class PathsListRequestEvent(Request[PathsListedEvent], frozen=True, kw_only=True, tag="paths.list"):
    """Ask where everything lies. It is looked at anew, so this also notices a drive that is back."""


class PeerJoinedEvent(Event, frozen=True, kw_only=True, tag="bus.peer_joined"):
    """A peer was let in, or came back on a new connection."""

    peer: str
    instance: str


class PeerLeftEvent(Event, frozen=True, kw_only=True, tag="bus.peer_left"):
    """A peer is gone: it said so, or its connection ended."""

    peer: str
    instance: str
    said_bye: bool


class ProgressLine(msgspec.Struct, frozen=True, kw_only=True):
    """One compact line for a model that is on its way.

    Attributes:
        percent: 0 to 100; 100 only when every byte is durable.
        text: name and explicit percent, such as `Whisper base: 41 %`.
        seconds_left: None while it is not known.
    """

    model_id: str
    name: str
    percent: int
    text: str
    durable_bytes: int
    size_bytes: int
    rate_bytes_per_second: float = 0.0
    seconds_left: float | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the checklist.

    Attributes:
        id: `settings`, `storage`, `services`, or `model.<category>`.
        started_at: seconds since the Unix epoch; None before.
        ended_at: seconds since the Unix epoch; None before.
        detail: what was found; empty while nothing was.
    """

    id: str
    title: str
    status: Literal["failed", "passed", "running", "skipped", "waiting"]
    started_at: float | None = None
    ended_at: float | None = None
    detail: str = ""


class SetupPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """What is confirmed once before anything is fetched: the location and all models together.

    Attributes:
        location: directory of the models, the active one.
        missing_bytes: what is to be fetched in all.
        free_bytes: room at the location; None if it is not known (yet).
        change: how another directory is chosen before the bundle is confirmed.
    """

    heading: str
    text: str
    location: str
    models: list[BundleModel]
    size_bytes: int
    missing_bytes: int
    free_bytes: int | None = None
    change: Action | None = None


class WarningSign(msgspec.Struct, frozen=True, kw_only=True):
    """How often something happened to a model that points to a deeper fault, since the runtime came up.

    Attributes:
        text: what it points to, and what to do.
    """

    kind: Literal["disk_full", "fast_mismatch", "hash_mismatch", "range_flip", "size_mismatch"]
    model_id: str
    count: int
    last_at: float
    text: str = ""


class ReadinessSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to know about readiness at one moment.

    Attributes:
        revision: grows with every snapshot, also across lives of the actor; a lower one is older. Its size means nothing.
        since: when this state was entered, seconds since the Unix epoch.
        state_text: the state as a short message.
        is_blocking: no mode can be used until a person or a download is done.
        show: what a frontend shows now; the matching field below holds it. The others are there for those who open a view.
        location: directory of the models, the active one.
    """

    revision: int
    state: Literal["checking", "degraded", "downloading", "idle", "ready", "recovery_required", "setup_required"]
    since: float
    state_text: str
    is_blocking: bool
    show: Literal["banner", "nothing", "progress", "recovery", "setup", "toast"]
    steps: list[Step]
    modes: list[ModeAvailability]
    reasons: list[Reason] = []
    location: str = ""
    banner: Notice | None = None
    setup: SetupPrompt | None = None
    progress: list[ProgressLine] = []
    recovery: Notice | None = None
    toast: Notice | None = None
    signs: list[WarningSign] = []
    locale: str = "en"


class ReadinessChangedEvent(Event, frozen=True, kw_only=True, tag="readiness.changed"):
    """Readiness is another one now. The snapshot is whole; `changed` names its fields that are new, so that a view redraws
    only those.
    """

    retained_by: ClassVar[str | None] = ""

    snapshot: ReadinessSnapshot
    changed: list[str]


class ReadinessReportedEvent(Event, frozen=True, kw_only=True, tag="readiness.reported"):
    """The snapshot of now, and the full report as text for a person to read or copy."""

    snapshot: ReadinessSnapshot
    text: str


class ReadinessReportRequestEvent(Request[ReadinessReportedEvent], frozen=True, kw_only=True, tag="readiness.report"):
    """Ask for the snapshot and the full report.

    Attributes:
        locale: language of all words, such as `de`; empty for the app's own.
    """

    locale: str = ""


class ReadinessRetriedEvent(Event, frozen=True, kw_only=True, tag="readiness.retried"):
    """What failed is tried again.

    Attributes:
        model_ids: models that are on their way again.
        problems: one sentence for each that is not.
        revision: snapshots from this one on know of it.
    """

    model_ids: list[str]
    problems: list[str] = []
    revision: int = 0


class ReadinessRetryRequestEvent(Request[ReadinessRetriedEvent], frozen=True, kw_only=True, tag="readiness.retry"):
    """Check everything again, and have every model that failed or is damaged fetched or mended again."""


class ReadinessSetupAcceptedEvent(Event, frozen=True, kw_only=True, tag="readiness.setup_accepted"):
    """The bundle was confirmed: the wish for each of its models is on disk, and they come without another question.

    Attributes:
        model_ids: models that are on their way now.
        problems: one sentence for each that is not.
        revision: snapshots from this one on know of it.
    """

    model_ids: list[str]
    problems: list[str] = []
    revision: int = 0


class ReadinessSetupRequestEvent(Request[ReadinessSetupAcceptedEvent], frozen=True, kw_only=True, tag="readiness.setup"):
    """Confirm the whole bundle, once.

    Attributes:
        location: the directory that the person was shown; refused if the active one is another by now. Empty: whichever it
            is.
        accept_licences: the person accepts the licences that the bundle names as due; refused without, if one is.
    """

    location: str = ""
    accept_licences: bool = False


class SettingProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why one setting was not taken.

    Attributes:
        path: dotted path of the setting, such as `vad.sensitivity`.
        problem: one sentence with what was found and what was expected.
        kind: for programs that treat some problems differently.
    """

    path: str
    problem: str
    kind: Literal["other", "secret_exposed"] = "other"


class SettingChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a request did to the effective value of one setting.

    Attributes:
        before: the former value; secrets as `SECRET_PLACEHOLDER`, or empty.
        after: the new value; secrets as `SECRET_PLACEHOLDER`, or empty. Equal to `before` if a secret was replaced by
            another.
    """

    before: Any
    after: Any


class RuntimeConfigResponseEvent(Event, frozen=True, kw_only=True, tag="config.response"):
    """The outcome of a settings request.

    Attributes:
        success: the whole request was taken, or for `get_effective` answered. If false, nothing changed.
        durable: the overrides are on disk. False together with `success`: in effect now, lost with the process.
        settings: all effective settings after the request, nested by section; secrets as `SECRET_PLACEHOLDER`.
        overrides: dotted path to value, what the user set; secrets as `SECRET_PLACEHOLDER`.
        problems: why the request was not taken.
        revision: counts the changes since the store started, so that two replies can be put in order.
        session: dotted path to value, what holds until the store ends.
        shadowed: of the settings that were set, those that are not in effect because a higher layer wins, and which one wins.
        restart: of the settings that changed, those that take effect when their reader restarts.
        fingerprint: identifies these overrides, also after a restart of the store; for `get_effective` only.
        changed: dotted path to what this request alone changed; for a dry run, what it would change.
    """

    success: bool
    message: str
    durable: bool = True
    settings: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    problems: list[SettingProblem] = []
    revision: int = 0
    session: dict[str, Any] = {}
    shadowed: dict[str, Literal["environment", "policy", "preset", "profile", "session", "user"]] = {}
    restart: list[str] = []
    fingerprint: str = ""
    changed: dict[str, SettingChange] = {}


class RuntimeConfigRequestEvent(Request[RuntimeConfigResponseEvent], frozen=True, kw_only=True, tag="config.request"):
    """Read or change the application's settings. Several keys are taken together or not at all.

    `reset_section` and `reset_defaults` do what `update` does with `resets`: for one section, for every setting.

    Attributes:
        updates: dotted path to new value; for `update` only.
        section: dotted path of a section or setting that loses its overrides; for `reset_section` only.
        dry_run: judge the request and show the settings as they would be, but change nothing.
        resets: dotted paths of settings or sections that lose their overrides; for `update` only.
        scope: `session` changes what holds until the store ends; it is never stored.
        expected_fingerprint: refuse the request if the overrides do not have this fingerprint any more; empty: take it
            anyway.
        from_command_line: others could read the values, so a secret among `updates` is refused.
        skip_unchanged: leave out the `updates` whose value is in effect already, so that they do not become overrides.
    """

    operation: Literal["get_effective", "reset_defaults", "reset_section", "update"]
    updates: dict[str, Any] = {}
    section: str = ""
    dry_run: bool = False
    resets: list[str] = []
    scope: Literal["session", "user"] = "user"
    expected_fingerprint: str = ""
    from_command_line: bool = False
    skip_unchanged: bool = False


class SecretRevealedEvent(Event, frozen=True, kw_only=True, tag="config.secret_revealed"):
    """The value of a secret. It is a reply to one peer and is never published."""

    value: str


class SecretRevealRequestEvent(Request[SecretRevealedEvent], frozen=True, kw_only=True, tag="config.reveal_secret"):
    """Ask for the value of a secret. Refused if it is not set, or if the keychain does not return it.

    Attributes:
        path: dotted path of a setting that is declared a secret.
    """

    path: str


class SettingLayer(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer says about a setting.

    Attributes:
        source: where the layer is kept, such as a file or the name of a variable.
        is_set: whether the layer has a value for this setting.
        value: the value; secrets as `SECRET_PLACEHOLDER`.
        wins: whether this value is in effect.
        problem: why the value does not count; empty if it does.
    """

    layer: Literal["environment", "policy", "preset", "profile", "session", "user"]
    source: str
    is_set: bool
    value: Any = None
    wins: bool = False
    problem: str = ""


class SettingExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Where the value of a setting comes from.

    Attributes:
        value: what is in effect; secrets as `SECRET_PLACEHOLDER`.
        winner: the layer that has this value.
        reason: one sentence that says why.
        is_locked: the administrator locked it.
        layers: every layer, the lowest first.
    """

    path: str
    title: str
    value: Any
    winner: Literal["environment", "policy", "preset", "profile", "session", "user"]
    reason: str
    is_locked: bool
    layers: list[SettingLayer]


class SettingField(msgspec.Struct, frozen=True, kw_only=True):
    """What the app declares about one setting.

    Attributes:
        section: dotted path of its section; empty at the top.
        section_title: heading of the section, for people.
        default: its value where no layer has one; secrets as `SECRET_PLACEHOLDER`, or empty.
        is_user: whether a user may change it.
        is_secret: the system's keychain keeps its value; only `config.reveal_secret` returns it.
        needs_restart: a new value takes effect when its reader restarts.
    """

    path: str
    title: str
    description: str
    section: str
    section_title: str
    default: Any = None
    is_user: bool = True
    is_secret: bool = False
    needs_restart: bool = False


class SettingsChangedEvent(Event, frozen=True, kw_only=True, tag="config.settings_changed"):
    """The effective settings changed; values derived from them have to be computed again.

    Attributes:
        changed: dotted path to new value, for each setting whose effective value changed; secrets as `SECRET_PLACEHOLDER`.
        settings: all effective settings, nested by section; secrets as `SECRET_PLACEHOLDER`.
        reason: `start` when the store announces what it loaded; `file` when `config.json` was edited; `policy` when the
            administrator's file changed.
        restart: of the changed settings, those that take effect when their reader restarts.
    """

    retained_by: ClassVar[str | None] = ""

    changed: dict[str, Any]
    settings: dict[str, Any]
    revision: int
    reason: Literal["file", "policy", "reset_defaults", "reset_section", "start", "update"]
    restart: list[str] = []


class SettingsDescribedEvent(Event, frozen=True, kw_only=True, tag="config.described"):
    """Everything that a settings page needs.

    Attributes:
        fields: every setting, in the order in which the app declares them.
        json_schema: types and ranges, as JSON Schema (draft 2020-12).
        presets: name to title of each packaged preset.
        preset_setting: dotted path of the setting that chooses a preset; empty: there is none.
    """

    fields: list[SettingField]
    json_schema: dict[str, Any]
    presets: dict[str, str] = {}
    preset_setting: str = ""


class SettingsDescribeRequestEvent(Request[SettingsDescribedEvent], frozen=True, kw_only=True, tag="config.describe"):
    """Ask which settings exist."""


class SettingsExplainedEvent(Event, frozen=True, kw_only=True, tag="config.explained"):
    """Where the values of the requested settings come from."""

    settings: list[SettingExplained]


class SettingsExplainRequestEvent(Request[SettingsExplainedEvent], frozen=True, kw_only=True, tag="config.explain"):
    """Ask where values come from. Refused if there is no such setting.

    Attributes:
        path: dotted path of a setting or a section.
    """

    path: str


class StateBatchLoadedEvent(Event, frozen=True, kw_only=True, tag="state.batch_loaded"):
    """The values of several keys.

    Attributes:
        values: by key, as it was asked for; null for a key that is not there.
        revisions: by key; 0 for a key that is not there.
        left_out: keys that had no room in this answer; ask for them again.
    """

    values: dict[str, Any]
    revisions: dict[str, int]
    left_out: list[str] = []


class StateBatchSavedEvent(Event, frozen=True, kw_only=True, tag="state.batch_saved"):
    """All of a batch is on disk; `revisions` by key, 0 for one that was to be deleted and was not there."""

    revisions: dict[str, int]


class StateChangedEvent(Event, frozen=True, kw_only=True, tag="state.changed"):
    """A key has another value, durably; the value itself is not told.

    Attributes:
        deleted: the key is gone.
        source: name of the peer that asked for it.
    """

    key: str
    revision: int
    deleted: bool = False
    source: str = ""


class StateCheckedEvent(Event, frozen=True, kw_only=True, tag="state.checked"):
    """Everything was looked at.

    Attributes:
        checked: documents that were read; `backups`: backups.
        findings: at most FINDING_LIMIT of them; `total`: how many there are.
        is_sound: nothing is damaged, missing or unreadable; what is only noteworthy does not count.
    """

    checked: int
    backups: int
    findings: list[Finding]
    total: int
    is_sound: bool


class StateCheckRequestEvent(Request[StateCheckedEvent], frozen=True, kw_only=True, tag="state.check"):
    """Look at every document and every backup. `repair`: also do something about it; what was damaged is put aside, never
    removed.
    """

    repair: bool = False


class StateDeletedEvent(Event, frozen=True, kw_only=True, tag="state.deleted"):
    """A key is gone from disk; `existed`: it was there before. `revision` is 0 if it was not."""

    key: str
    existed: bool
    revision: int = 0


class StateDeleteRequestEvent(Request[StateDeletedEvent], frozen=True, kw_only=True, tag="state.delete"):
    """Delete a key; options as for a save."""

    key: str
    backup: bool | None = None
    expected_revision: int | None = None


class StateExistsReportedEvent(Event, frozen=True, kw_only=True, tag="state.exists_reported"):
    """Whether there is such a key."""

    key: str
    exists: bool


class StateExistsRequestEvent(Request[StateExistsReportedEvent], frozen=True, kw_only=True, tag="state.exists"):
    """Ask whether there is such a key."""

    key: str


class StateFault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went wrong; `at` in seconds since the Unix epoch. Holds no value."""

    at: float
    key: str
    problem: str


class StateHealthReportedEvent(Event, frozen=True, kw_only=True, tag="state.health_reported"):
    """How the state store fares.

    Attributes:
        size_bytes: of all documents on disk; `quota_bytes`: how much they may take, 0 for no limit.
        journal_bytes: what is durable in the journal and has yet to be so in its own file.
        revision: the newest one given.
        saves: requests that went well since the store began; `refused`: those that did not.
        loads: requests that went well since the store began; `refused`: those that did not.
        save_mean_ms: how long they took, 0 without any.
        load_mean_ms: how long they took, 0 without any.
        corrupted: keys whose document was damaged and put aside, since the store began.
        faults: the newest ones, the newest first.
        alerts: names and subjects of the alerts that are active, as `<name>/<subject>`.
    """

    namespaces: list[NamespaceHealth]
    keys: int
    size_bytes: int
    quota_bytes: int
    journal_bytes: int
    revision: int
    saves: int
    loads: int
    refused: int
    save_mean_ms: float
    load_mean_ms: float
    corrupted: int
    faults: list[StateFault]
    alerts: list[str]


class StateHealthRequestEvent(Request[StateHealthReportedEvent], frozen=True, kw_only=True, tag="state.health"):
    """Ask how the state store fares."""


class StateKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a listing; `size_bytes` is what it takes on disk."""

    key: str
    size_bytes: int


class StateListedEvent(Event, frozen=True, kw_only=True, tag="state.listed"):
    """One page of keys, in order.

    Attributes:
        next_after: what to ask for as `after` to get the next page; empty if this is the last one.
        total: keys with the prefix that the asker may read, on all pages.
    """

    keys: list[StateKey]
    next_after: str = ""
    total: int = 0


class StateListRequestEvent(Request[StateListedEvent], frozen=True, kw_only=True, tag="state.list"):
    """List the keys that begin with a prefix; those that the asker may not read are left out."""

    prefix: str = ""
    after: str = ""
    limit: int = 1000


class StateLoadBatchRequestEvent(Request[StateBatchLoadedEvent], frozen=True, kw_only=True, tag="state.load_batch"):
    """Read several keys as they are at one moment."""

    keys: list[str]


class StateLoadedEvent(Event, frozen=True, kw_only=True, tag="state.loaded"):
    """What lies under a key.

    Attributes:
        value: null if there is no such key.
        revision: 0 if there is no such key.
        saved_at: seconds since the Unix epoch.
        read_only: a later version of the app or of Undercroft wrote it; it cannot be replaced.
        repaired_from: where the value was taken from because the document itself was damaged; empty otherwise.
        evidence: where a damaged document was put; empty if it was not damaged.
    """

    key: str
    found: bool
    value: Any = None
    revision: int = 0
    saved_at: float = 0.0
    encrypted: bool = False
    compressed: bool = False
    read_only: bool = False
    repaired_from: str = ""
    evidence: str = ""


class StateLoadRequestEvent(Request[StateLoadedEvent], frozen=True, kw_only=True, tag="state.load"):
    """Read the value of a key; `schema` names a schema that it must fit, besides that of the namespace."""

    key: str
    schema: str = ""


class StateSaveBatchRequestEvent(Request[StateBatchSavedEvent], frozen=True, kw_only=True, tag="state.save_batch"):
    """Save and delete several keys: all of it or none of it, whatever happens. A key may be named once."""

    operations: list[BatchOperation]


class StateSavedEvent(Event, frozen=True, kw_only=True, tag="state.saved"):
    """A value is on disk, and a power cut cannot take it back; `size_bytes` is what it takes there."""

    key: str
    revision: int
    size_bytes: int


class StateSaveRequestEvent(Request[StateSavedEvent], frozen=True, kw_only=True, tag="state.save"):
    """Keep a value under a key.

    Attributes:
        encrypt: None leaves it to the namespace, whose stricter policy wins over False. `backup` keeps the former value below
            `backups/auto`.
        compress: None leaves it to the namespace, whose stricter policy wins over False. `backup` keeps the former value
            below `backups/auto`.
        backup: None leaves it to the namespace, whose stricter policy wins over False. `backup` keeps the former value below
            `backups/auto`.
        expected_revision: refuse unless the key has this revision now; 0 means that there must be no such key; None: whatever
            it is.
        schema: name of a schema that the value must fit, besides that of the namespace; empty for none.
    """

    key: str
    value: Any
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: int | None = None
    schema: str = ""


class SupervisorStatusEvent(Event, frozen=True, kw_only=True, tag="supervision.status_reported"):
    """How the whole runtime fares.

    Attributes:
        settled: every actor that should run is ready, or has failed for good.
    """

    version: str
    profile: str
    home: str
    pid: int
    started_at: float
    settled: bool
    actors: list[ActorStatus]


class SupervisorStatusRequestEvent(Request[SupervisorStatusEvent], frozen=True, kw_only=True, tag="supervision.status"):
    """Ask how the runtime fares."""


class SupervisorStoppingEvent(Event, frozen=True, kw_only=True, tag="supervision.stopping"):
    """The runtime leaves: actors stop in reverse order of their start."""

    reason: str


class SupervisorStopRequestEvent(Request[SupervisorStoppingEvent], frozen=True, kw_only=True, tag="supervision.stop"):
    """Ask the whole runtime to stop in good order."""

    reason: str = "asked over the bus"


EVENTS: dict[str, type[Event]] = {
    "crashes.actor_crashed": ActorCrashedEvent,
    "supervision.restart_accepted": ActorRestartAcceptedEvent,
    "supervision.restart": ActorRestartRequestEvent,
    "supervision.actor_state_changed": ActorStateChangedEvent,
    "alerts.changed": AlertChangedEvent,
    "backups.created": BackupCreatedEvent,
    "backups.create": BackupCreateRequestEvent,
    "backups.progressed": BackupProgressedEvent,
    "backups.restored": BackupRestoredEvent,
    "backups.restore": BackupRestoreRequestEvent,
    "backups.listed": BackupsListedEvent,
    "backups.list": BackupsListRequestEvent,
    "backups.pruned": BackupsPrunedEvent,
    "backups.prune": BackupsPruneRequestEvent,
    "backups.verified": BackupsVerifiedEvent,
    "backups.verify": BackupsVerifyRequestEvent,
    "bus.statistics_reported": BusStatisticsEvent,
    "bus.statistics": BusStatisticsRequestEvent,
    "history.conversations_listed": ConversationsListedEvent,
    "history.conversations": ConversationsRequestEvent,
    "diagnostics.generated": DiagnosticsGeneratedEvent,
    "diagnostics.generate": DiagnosticsGenerateRequestEvent,
    "documents.cache_reported": DocumentCacheReportedEvent,
    "documents.cache": DocumentCacheRequestEvent,
    "documents.changed": DocumentChangedEvent,
    "documents.read_reported": DocumentReadEvent,
    "documents.read": DocumentReadRequestEvent,
    "documents.types_reported": DocumentTypesReportedEvent,
    "documents.types": DocumentTypesRequestEvent,
    "documents.written": DocumentWrittenEvent,
    "documents.write": DocumentWriteRequestEvent,
    "models.files_verified": FilesVerifiedEvent,
    "models.verify_files": FilesVerifyRequestEvent,
    "bus.gap": GapEvent,
    "history.appended": HistoryAppendedEvent,
    "history.append": HistoryAppendRequestEvent,
    "history.changed": HistoryChangedEvent,
    "history.removed": HistoryRemovedEvent,
    "history.clear": HistoryClearRequestEvent,
    "history.delete": HistoryDeleteRequestEvent,
    "history.edited": HistoryEditedEvent,
    "history.edit": HistoryEditRequestEvent,
    "history.exported": HistoryExportedEvent,
    "history.export": HistoryExportRequestEvent,
    "history.found": HistoryFoundEvent,
    "history.status_reported": HistoryStatusEvent,
    "history.keep": HistoryKeepRequestEvent,
    "history.page": HistoryPageEvent,
    "history.prune": HistoryPruneRequestEvent,
    "history.query": HistoryQueryRequestEvent,
    "history.search": HistorySearchRequestEvent,
    "history.status": HistoryStatusRequestEvent,
    "history.storage_changed": HistoryStorageChangedEvent,
    "keys.state_changed": KeysStateChangedEvent,
    "models.licence_accepted": LicenceAcceptedEvent,
    "models.accept_licence": LicenceAcceptRequestEvent,
    "logs.level_changed": LogLevelChangedEvent,
    "logs.set_level": LogLevelRequestEvent,
    "supervision.log_lines_written": LogLinesWrittenEvent,
    "logs.recorded": LogRecordedEvent,
    "logs.ring_read": LogRingReadEvent,
    "logs.read_ring": LogRingRequestEvent,
    "supervision.logs_reported": LogsReportedEvent,
    "supervision.logs": LogsRequestEvent,
    "models.manifest_refreshed": ManifestRefreshedEvent,
    "models.refresh": ManifestRefreshRequestEvent,
    "metrics.reported": MetricsReportedEvent,
    "metrics.wanted": MetricsWantedEvent,
    "models.added": ModelAddedEvent,
    "models.add": ModelAddRequestEvent,
    "models.cancelled": ModelCancelledEvent,
    "models.cancel": ModelCancelRequestEvent,
    "models.catalogue_changed": ModelCatalogueChangedEvent,
    "models.download_progressed": ModelDownloadProgressedEvent,
    "models.install_accepted": ModelInstallAcceptedEvent,
    "models.install": ModelInstallRequestEvent,
    "models.installed": ModelInstalledEvent,
    "models.leased": ModelLeasedEvent,
    "models.lease": ModelLeaseRequestEvent,
    "models.name_resolved": ModelNameResolvedEvent,
    "models.resolve": ModelNameResolveRequestEvent,
    "models.paused": ModelPausedEvent,
    "models.pause": ModelPauseRequestEvent,
    "models.released": ModelReleasedEvent,
    "models.release": ModelReleaseRequestEvent,
    "models.removal": ModelRemovalEvent,
    "models.remove": ModelRemoveRequestEvent,
    "models.removed": ModelRemovedEvent,
    "models.repair_accepted": ModelRepairAcceptedEvent,
    "models.repair": ModelRepairRequestEvent,
    "models.resumed": ModelResumedEvent,
    "models.resume": ModelResumeRequestEvent,
    "models.rolled_back": ModelRolledBackEvent,
    "models.rollback": ModelRollbackRequestEvent,
    "models.state_changed": ModelStateChangedEvent,
    "models.verdict": ModelVerdictEvent,
    "models.verification_failed": ModelVerificationFailedEvent,
    "models.verified": ModelVerifiedEvent,
    "models.verify": ModelVerifyRequestEvent,
    "models.withdrawn": ModelWithdrawnEvent,
    "models.withdraw": ModelWithdrawRequestEvent,
    "models.listed": ModelsListedEvent,
    "models.list": ModelsListRequestEvent,
    "paths.models_relocation": ModelsRelocationEvent,
    "paths.relocate_models": ModelsRelocateRequestEvent,
    "paths.models_root_admitted": ModelsRootAdmittedEvent,
    "paths.admit_models_root": ModelsRootAdmitRequestEvent,
    "models.collected": PartialsCollectedEvent,
    "models.collect": PartialsCollectRequestEvent,
    "models.partials_listed": PartialsListedEvent,
    "models.partials": PartialsListRequestEvent,
    "paths.chosen": PathChosenEvent,
    "paths.choose": PathChooseRequestEvent,
    "paths.move_cancelled": PathMoveCancelledEvent,
    "paths.cancel_move": PathMoveCancelRequestEvent,
    "paths.move_changed": PathMoveChangedEvent,
    "paths.settled": PathsSettledEvent,
    "paths.settle": PathSettleRequestEvent,
    "paths.changed": PathsChangedEvent,
    "paths.listed": PathsListedEvent,
    "paths.list": PathsListRequestEvent,
    "bus.peer_joined": PeerJoinedEvent,
    "bus.peer_left": PeerLeftEvent,
    "readiness.changed": ReadinessChangedEvent,
    "readiness.reported": ReadinessReportedEvent,
    "readiness.report": ReadinessReportRequestEvent,
    "readiness.retried": ReadinessRetriedEvent,
    "readiness.retry": ReadinessRetryRequestEvent,
    "readiness.setup_accepted": ReadinessSetupAcceptedEvent,
    "readiness.setup": ReadinessSetupRequestEvent,
    "config.response": RuntimeConfigResponseEvent,
    "config.request": RuntimeConfigRequestEvent,
    "config.secret_revealed": SecretRevealedEvent,
    "config.reveal_secret": SecretRevealRequestEvent,
    "config.settings_changed": SettingsChangedEvent,
    "config.described": SettingsDescribedEvent,
    "config.describe": SettingsDescribeRequestEvent,
    "config.explained": SettingsExplainedEvent,
    "config.explain": SettingsExplainRequestEvent,
    "state.batch_loaded": StateBatchLoadedEvent,
    "state.batch_saved": StateBatchSavedEvent,
    "state.changed": StateChangedEvent,
    "state.checked": StateCheckedEvent,
    "state.check": StateCheckRequestEvent,
    "state.deleted": StateDeletedEvent,
    "state.delete": StateDeleteRequestEvent,
    "state.exists_reported": StateExistsReportedEvent,
    "state.exists": StateExistsRequestEvent,
    "state.health_reported": StateHealthReportedEvent,
    "state.health": StateHealthRequestEvent,
    "state.listed": StateListedEvent,
    "state.list": StateListRequestEvent,
    "state.load_batch": StateLoadBatchRequestEvent,
    "state.loaded": StateLoadedEvent,
    "state.load": StateLoadRequestEvent,
    "state.save_batch": StateSaveBatchRequestEvent,
    "state.saved": StateSavedEvent,
    "state.save": StateSaveRequestEvent,
    "supervision.status_reported": SupervisorStatusEvent,
    "supervision.status": SupervisorStatusRequestEvent,
    "supervision.stopping": SupervisorStoppingEvent,
    "supervision.stop": SupervisorStopRequestEvent,
}
"""Every event by its topic."""
