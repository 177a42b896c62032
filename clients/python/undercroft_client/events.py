"""Every event of the contract. Written by `undercroft contract --clients`; edits are overwritten."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from undercroft_client.event import Event, Request

CONTRACT_VERSION = "1.0.0"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person can choose.

    Attributes:
        value: initial value of an input, such as the current path for `change_path`.
        request: topic of the request that performs it.
    """

    name: Literal["change_path", "report", "retry"]
    title: str
    value: str = ""
    request: str = ""


class ActorCrashedEvent(Event, frozen=True, kw_only=True, tag="crashes.actor_crashed"):
    """An actor ended unexpectedly. The event holds no output of it.

    Attributes:
        at: seconds since the Unix epoch.
        restarts: how often it had been started again before.
        record: name of the file in `<state>/crashes/`; empty: it could not be written.
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


class ActorEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How an actor last ended unexpectedly.

    Attributes:
        at: seconds since the Unix epoch.
        kind: as in its crash record (`CrashKind`).
        reason: exit code, signal, or what the supervisor ended it for.
        words: the sentence with which it explained itself: a refusal, the last line of a traceback; empty if it
            said nothing.
    """

    at: float
    kind: str
    reason: str
    words: str = ""


class ActorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one actor.

    Attributes:
        pid: None: it has no process.
        restarts: how often it was started again since the supervisor began, for whatever reason.
        crashes: how often it ended unexpectedly since then.
        last_end: how it last did; it stays when the actor is ready again. None: it never did.
        since: when it entered this state, seconds since the Unix epoch.
        reason: why it is in this state: exit code, signal, missed heartbeats, a dependency.
        last_words: the end of its stderr before it last ended.
        retry_seconds: delay before the next start or probe; None: none is due.
    """

    actor: str
    state: Literal["backoff", "failed", "ready", "starting", "stopped", "stopping", "waiting"]
    pid: int | None = None
    restarts: int = 0
    crashes: int = 0
    last_end: ActorEnd | None = None
    since: float = 0.0
    reason: str = ""
    last_words: str = ""
    retry_seconds: float | None = None


class ActorRestartAcceptedEvent(Event, frozen=True, kw_only=True, tag="supervision.restart_accepted"):
    """The actor is being stopped and will be started again."""

    status: ActorStatus


class ActorRestartRequestEvent(Request[ActorRestartAcceptedEvent], frozen=True, kw_only=True, tag="supervision.restart"):
    """Stop one actor cleanly and start it again. Also closes an open circuit."""

    actor: str


class ActorStateChangedEvent(Event, frozen=True, kw_only=True, tag="supervision.actor_state_changed"):
    """The state of an actor changed."""

    retained_by: ClassVar[str | None] = "actor"

    actor: str
    status: ActorStatus


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or was.

    Attributes:
        name: what kind of thing, such as `state_persistence.quota_exceeded`.
        subject: which one of its kind, such as a key or a model id; empty: there is only one.
        source: name of the actor that raised it.
        is_active: False once it was cleared.
        since: when it was first raised, seconds since the Unix epoch.
        last_at: when it was last raised.
        count: how often it was raised since then.
        message: one sentence with what was found and what was expected, without secrets.
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
        key: `<source>/<name>/<subject>`. It begins with the name of the publisher.
    """

    retained_by: ClassVar[str | None] = "key"

    key: str
    alert: Alert


class BackupInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One backup.

    Attributes:
        id: time (UTC), kind, name and format; also the name of its directory.
        name: as it was given; empty: none.
        created_at: seconds since the Unix epoch.
        size_bytes: on disk.
        content_bytes: of the documents in it.
        documents: how many keys and typed documents it holds.
        compressed: whether it is compressed.
        encrypted: whether it holds encrypted documents, which need the keys of their home.
        revision: of the store when it was made.
        format: version of the backup format.
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
    """A backup is on disk, and was read back to check it."""

    backup: BackupInfo


class BackupCreateRequestEvent(Request[BackupCreatedEvent], frozen=True, kw_only=True, tag="backups.create"):
    """Make a full backup. Rotation never removes it, with or without a name."""

    name: str = ""


class BackupFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault in a backup. `key`: the document; empty: it concerns the whole backup."""

    id: str
    key: str
    problem: str


class BackupKept(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that stays, and why."""

    id: str
    reasons: list[str]


class BackupProgressedEvent(Event, frozen=True, kw_only=True, tag="backups.progressed"):
    """Progress of a long operation. `total`: 0 while it is not known."""

    doing: Literal["check", "create", "restore", "verify"]
    done: int
    total: int


class BackupRestoredEvent(Event, frozen=True, kw_only=True, tag="backups.restored"):
    """The store holds what the backup holds.

    Attributes:
        saved_as: id of the backup of the previous content; empty for a dry run.
        changed: how many keys have another value now, new ones included.
        removed: how many keys are gone.
        left_out: keys that were not restored: no namespace declares them any more, or they are damaged in the
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
    """Restore a backup, all or nothing. The present content is backed up first.

    Attributes:
        keys: only these; empty: everything, and keys that came later are removed. A typed document is
            `document.<type>`.
        settings: also replace `config.json` by that of the backup.
        without_damaged: leave out documents that were damaged when the backup was made, instead of refusing.
        dry_run: only report what would change.
    """

    id: str
    keys: list[str] = []
    settings: bool = False
    without_damaged: bool = False
    dry_run: bool = False


class BackupsListedEvent(Event, frozen=True, kw_only=True, tag="backups.listed"):
    """All backups, the newest first, and those that cannot be used.

    Attributes:
        unfinished: what counts as no backup: a cut left it while it was made or removed.
    """

    backups: list[BackupInfo]
    faults: list[BackupFault] = []
    unfinished: list[str] = []


class BackupsListRequestEvent(Request[BackupsListedEvent], frozen=True, kw_only=True, tag="backups.list"):
    """List the backups."""


class BackupsPrunedEvent(Event, frozen=True, kw_only=True, tag="backups.pruned"):
    """Which backups stay, and which were removed.

    Attributes:
        former_values: how many single former values (`backup` of a save) were removed.
    """

    kept: list[BackupKept]
    removed: list[str]
    former_values: int
    dry_run: bool


class BackupsPruneRequestEvent(Request[BackupsPrunedEvent], frozen=True, kw_only=True, tag="backups.prune"):
    """Remove the backups that the retention rules of the profile do not keep."""

    dry_run: bool = False


class BackupsVerifiedEvent(Event, frozen=True, kw_only=True, tag="backups.verified"):
    """Backups were read from end to end. No faults: everything is as it was written.

    Attributes:
        unfinished: what counts as no backup: a cut left it while it was made or removed.
    """

    verified: list[str]
    faults: list[BackupFault]
    unfinished: list[str] = []


class BackupsVerifyRequestEvent(Request[BackupsVerifiedEvent], frozen=True, kw_only=True, tag="backups.verify"):
    """Read a backup from end to end, and check every digest and every envelope. Empty id: all backups."""

    id: str = ""


class BatchOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a batch. The fields are those of StateSaveRequestEvent."""

    type: Literal["delete", "save"]
    key: str
    value: Any = None
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: int | None = None


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """How many observations were at most `limit`. Cumulative, as in Prometheus."""

    limit: float
    count: int


class BundleModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the bundle that a person confirms.

    Attributes:
        missing_bytes: how many of `size_bytes` are not on disk yet.
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
    """One peer as the broker sees it.

    Attributes:
        instance: what everybody sees of the present life of the peer.
        in_hand: requests that it has yet to answer.
        role: `named` if it joined with a credential of its own, else `guest`.
        retained_keys: the events that are retained for it.
        retained_bytes: the events that are retained for it.
        topics: topics that it began and that are still in use, besides those of the contract.
    """

    peer: str
    instance: str
    in_hand: int
    serves: list[str]
    role: str = "guest"
    retained_keys: int = 0
    retained_bytes: int = 0
    topics: int = 0


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
    """Ask the broker what it counted. The broker itself replies."""


class CachedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The cache of one type.

    Attributes:
        is_fresh: a read would be answered from the cache now.
        age_seconds: since it was read or written; 0: nothing is cached.
        hits: reads answered from the cache, and from disk.
        misses: reads answered from the cache, and from disk.
    """

    type_name: str
    is_fresh: bool
    age_seconds: float
    hits: int
    misses: int


class Pieces(msgspec.Struct, frozen=True, kw_only=True):
    """Digests of the consecutive pieces of a file, so that damage can be found and repaired piece by piece.

    Attributes:
        size_bytes: length of each piece; the last one may be shorter.
        sha256: one digest for each piece, in order.
    """

    size_bytes: int
    sha256: list[str]


class Unpack(msgspec.Struct, frozen=True, kw_only=True):
    """How an archive is unpacked once it is verified; its content replaces it in the model's directory.

    Attributes:
        into: directory below that of the model for the content; empty: the model's own directory.
        strip: how many leading directories of each member's path are dropped.
    """

    format: Literal["tar", "tar.bz2", "tar.gz", "tar.xz", "zip"]
    into: str = ""
    strip: int = 0


class FilePromise(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifest promises of one file.

    Attributes:
        path: path below the model's directory; relative, with forward slashes, without `..`.
        size_bytes: exact length.
        sha256: digest of the whole file, 64 lower-case hex digits.
        urls: where it can be fetched; the first is tried first, the others are mirrors.
        pieces: digests of its pieces; None: not known.
        unpack: how it is unpacked; None: it is no archive.
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
        category: what it is for, such as `stt`.
        revision: distinguishes this content from earlier content under the same id; empty: the digest of its
            promises is used.
        licence_url: where the licence can be read.
        accept_licence: whether a person has to accept the licence before the model may be fetched.
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty: any.
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
    """One model that the app knows, and where it is from.

    Attributes:
        where: file or URL of the manifest, or the added name with its revision pinned.
    """

    entry: ModelEntry
    source: Literal["added", "bundled", "remote"]
    where: str


class ConversationTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one conversation."""

    conversation_id: str
    entries: int
    tokens: int
    first_at: float
    last_at: float


class ConversationsListedEvent(Event, frozen=True, kw_only=True, tag="history.conversations_listed"):
    """Conversations, the most recent first, and totals over all of them."""

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
        retired_at: since when it only decrypts; 0: it is the key that encrypts.
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
        redactions: how often each kind of private data was taken out, such as `home`, `secret` or `host`.
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
        subject: which one of its kind, such as an actor or a model; empty: there is only one.
    """

    name: str
    severity: Literal["critical", "error", "info", "warning"]
    sentence: str
    advice: str
    subject: str = ""


class MissingPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that the report lacks, and why."""

    part: str
    reason: str


class DiagnosticsGeneratedEvent(Event, frozen=True, kw_only=True, tag="diagnostics.generated"):
    """The report. Nothing was written to disk.

    Attributes:
        made_at: seconds since the Unix epoch.
        files: `SUMMARY.md` first. A zip of them also holds a manifest, which the reader makes.
        findings: what is wrong, the cause first.
        summary: one page in Markdown, the content of `SUMMARY.md`.
        redactions: how often each kind of private data was taken out, over all files.
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
    """Ask for a report. It comes within two seconds, even if other actors do not answer.

    Attributes:
        log_records: how many of the newest log records it holds.
    """

    log_records: int = 500


class DocumentCacheReportedEvent(Event, frozen=True, kw_only=True, tag="documents.cache_reported"):
    """The cache, after the request."""

    ttl_seconds: float
    types: list[CachedDocument]


class DocumentCacheRequestEvent(Request[DocumentCacheReportedEvent], frozen=True, kw_only=True, tag="documents.cache"):
    """Ask for the statistics of the cache.

    Attributes:
        clear: first drop what is cached of `type_name`, or of all types if that is empty.
    """

    clear: bool = False
    type_name: str = ""


class DocumentChangedEvent(Event, frozen=True, kw_only=True, tag="documents.changed"):
    """A document has another value, durably. The event does not hold the value.

    Attributes:
        source: name of the peer that asked for the change.
    """

    type_name: str
    revision: int
    source: str = ""


class DocumentReadEvent(Event, frozen=True, kw_only=True, tag="documents.read_reported"):
    """A whole document.

    Attributes:
        value: the document, or the defaults of its type if there is none yet.
        revision: 0: there is none yet.
        read_only: a later version wrote it, so it cannot be replaced.
        repaired_from: the copy that the value comes from, since the document was damaged; empty otherwise.
        evidence: where the damaged document was put; empty: it was not damaged.
    """

    type_name: str
    value: dict[str, Any]
    revision: int = 0
    read_only: bool = False
    repaired_from: str = ""
    evidence: str = ""


class DocumentReadRequestEvent(Request[DocumentReadEvent], frozen=True, kw_only=True, tag="documents.read"):
    """Read the document of a type, from the cache while it is fresh."""

    type_name: str


class DocumentType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of documents. `version`: of the type; `schema`: JSON Schema."""

    type_name: str
    version: int
    schema: dict[str, Any]


class DocumentTypesReportedEvent(Event, frozen=True, kw_only=True, tag="documents.types_reported"):
    """All types of documents that the profile declares."""

    types: list[DocumentType]


class DocumentTypesRequestEvent(Request[DocumentTypesReportedEvent], frozen=True, kw_only=True, tag="documents.types"):
    """Ask which types of documents there are."""


class DocumentWrittenEvent(Event, frozen=True, kw_only=True, tag="documents.written"):
    """A document is on disk, safe from a power cut."""

    type_name: str
    revision: int


class DocumentWriteRequestEvent(Request[DocumentWrittenEvent], frozen=True, kw_only=True, tag="documents.write"):
    """Replace the document of a type.

    Attributes:
        value: the whole document; there are no partial updates.
        expected_revision: refuse unless the document has this revision now; 0: unless there is none; None: do
            not check.
    """

    type_name: str
    value: dict[str, Any]
    expected_revision: int | None = None


class FileProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one file is durable.

    Attributes:
        durable_bytes: over all its ranges.
        prefix_bytes: how many of them follow each other from the start of the file, and can be hashed; None:
            all of them.
    """

    path: str
    durable_bytes: int
    size_bytes: int
    prefix_bytes: int | None = None


class VerificationFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One broken promise: where, what was found, what was expected.

    Attributes:
        pieces: numbers of the bad pieces, from 0; only these have to be fetched again. Empty: the manifest has
            no digests of pieces, so the whole file is bad.
    """

    path: str
    aspect: Literal["missing", "sha256", "size", "unreadable"]
    found: str
    expected: str
    pieces: list[int] = []


class FilesVerifiedEvent(Event, frozen=True, kw_only=True, tag="models.files_verified"):
    """The verdict on a directory. No findings: every file keeps its promise.

    Attributes:
        hashed_behind_bytes: bytes that were hashed while the download still ran.
        verified_at: when the oldest of these readings took place, seconds since the Unix epoch; None with
            findings.
    """

    model_id: str
    findings: list[VerificationFinding]
    hashed_bytes: int
    hashed_behind_bytes: int
    seconds: float
    verified_at: float | None = None


class FilesVerifyRequestEvent(Request[FilesVerifiedEvent], frozen=True, kw_only=True, tag="models.verify_files"):
    """Ask the verifier to compare files with what the manifest promises of them.

    Attributes:
        trust_records: do not read files again that look as they did when they were verified.
        idle: read only while nothing else needs the disk and no download runs.
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
        key: the key that it belongs to; empty: none.
        repair: what was done about it; empty: nothing.
        evidence: where the damaged file is now; empty: it was not moved.
    """

    kind: Literal["backup", "damaged", "evidence", "journal", "locked", "missing", "restore", "schema", "temporary", "too_new", "unknown_file", "unlisted", "unreadable"]
    path: str
    key: str
    problem: str
    repair: str = ""
    evidence: str = ""


class GapEvent(Event, frozen=True, kw_only=True, tag="bus.gap"):
    """Events of a topic are lost to this subscriber for good. The client makes it; it never travels.

    Attributes:
        lost_topic: topic of the lost events.
        count: how many are lost.
        reason: `ring_exceeded`: the subscriber was too slow, or away too long. `broker_restarted`: they were
            lost with the former broker, and their publisher no longer had them. `unreadable`: they came, and
            are no events that a client can read.
    """

    lost_topic: str
    count: int
    reason: Literal["broker_restarted", "ring_exceeded", "unreadable"]


class Highlight(msgspec.Struct, frozen=True, kw_only=True):
    """A range of a text, in characters; `end` is excluded."""

    start: int
    end: int


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
    """The entry is stored: in memory it survives a crash of the actor, on disk a power cut."""

    entry: HistoryEntry
    storage: Literal["encrypted", "memory", "plaintext"]


class HistoryAppendRequestEvent(Request[HistoryAppendedEvent], frozen=True, kw_only=True, tag="history.append"):
    """Add an entry.

    Attributes:
        at: seconds since the Unix epoch; None: now.
        id: UUIDv7 of the entry, so that a repeated request does not add it twice; empty: the actor makes one.
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
    """The history changed. In memory mode, a crashed actor recovers from the retained events.

    Attributes:
        slot: in memory mode, the slot of the entry in the ring; the broker retains the last event of each slot.
            On disk: `live`.
        entry: None: the slot is empty now.
        entry_id: the entry that changed; empty: all of them.
    """

    retained_by: ClassVar[str | None] = "slot"

    slot: str
    change: Literal["added", "cleared", "edited", "removed"]
    entry: HistoryEntry | None = None
    entry_id: str = ""


class HistoryRemovedEvent(Event, frozen=True, kw_only=True, tag="history.removed"):
    """Entries are gone, or would be with `dry_run`.

    Attributes:
        note: a sentence for people, such as what a purge removed; empty: there is nothing to add.
    """

    count: int
    dry_run: bool
    note: str = ""


class HistoryClearRequestEvent(Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.clear"):
    """Delete all entries, or those before a moment.

    Attributes:
        before: seconds since the Unix epoch; None: all.
        purge: on disk, remove segments, index and anchor too, so that nothing remains readable.
        purge_backups: with `purge`, remove it from the backups as well.
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
    """Replace the text of an entry."""

    id: str
    text: str


class HistoryExportedEvent(Event, frozen=True, kw_only=True, tag="history.exported"):
    """One part of an export. Parts follow each other without a gap.

    Attributes:
        content: UTF-8 text.
        next_after: the `after` of the next part; empty: this was the last.
    """

    content: str
    entries: int
    next_after: str


class HistoryExportRequestEvent(Request[HistoryExportedEvent], frozen=True, kw_only=True, tag="history.export"):
    """Ask for entries as text, oldest first, part by part.

    Attributes:
        after: id of the last entry of the previous part; empty: the first part, which holds the head of the
            format.
    """

    format: Literal["csv", "jsonl", "markdown"]
    after: str = ""
    since: float | None = None
    until: float | None = None
    conversation_id: str = ""
    limit: int = 500


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that holds all the words, and where they are."""

    entry: HistoryEntry
    highlights: list[Highlight]


class HistoryFoundEvent(Event, frozen=True, kw_only=True, tag="history.found"):
    """What a search found, newest first.

    Attributes:
        next_before: the `before` of the next page; empty: this was the last.
        complete: False: entries are still being loaded, so there may be more.
    """

    hits: list[Hit]
    next_before: str
    complete: bool = True


class HistoryStatusEvent(Event, frozen=True, kw_only=True, tag="history.status_reported"):
    """Where the history is kept, and how much of it there is.

    Attributes:
        mode: where the person wants it.
        storage: where it is kept now; `memory` although `mode` is `disk`, where disk is not safe.
        notice: a sentence for people about that; empty: it is kept as they chose.
        limit_entries: most entries that memory keeps; 0: no limit (on disk).
        loading: share of the files that is loaded; 1.0: all.
        findings: what the last check of the files found: torn, truncated, tampered or missing parts.
        left_on_disk_bytes: in memory mode, size of older files on disk, which are neither read nor changed.
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
    """Accept what a notice reports: files left on disk in memory mode, or segments that are lost."""


class HistoryPageEvent(Event, frozen=True, kw_only=True, tag="history.page"):
    """Entries, newest first.

    Attributes:
        next_before: the `before` of the next page; empty: this was the last.
        total: entries that match, on all pages.
    """

    entries: list[HistoryEntry]
    next_before: str
    total: int


class HistoryPruneRequestEvent(Request[HistoryRemovedEvent], frozen=True, kw_only=True, tag="history.prune"):
    """Delete what the retention rules do not keep.

    Attributes:
        keep_days: limit of each rule; 0: no limit; None: the setting of that name in `history`.
        keep_entries: limit of each rule; 0: no limit; None: the setting of that name in `history`.
        keep_mib: limit of each rule; 0: no limit; None: the setting of that name in `history`.
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
        ids: only these entries; empty: any.
        before: id of an entry; only older ones are returned.
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
    """Search for entries that hold all of `words`, in any case. The last word may be the beginning of one."""

    words: str
    before: str = ""
    limit: int = 50


class HistoryStatusRequestEvent(Request[HistoryStatusEvent], frozen=True, kw_only=True, tag="history.status"):
    """Ask where the history is kept."""


class HistoryStorageChangedEvent(Event, frozen=True, kw_only=True, tag="history.storage_changed"):
    """The storage of the history changed, or the notice about it."""

    retained_by: ClassVar[str | None] = ""

    status: HistoryStatusEvent


class KeysReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the keys of a home.

    Attributes:
        reason: why they are locked; None: they are not.
        detail: the same in a sentence, without secrets.
        advice: what to do; empty: nothing.
        keychain: the keychain that is asked.
        kept_in: the keychain that holds the key-encryption key, where that is known.
        key_encryption_key: name of the key that encrypts the others.
        has_recovery_code: whether a recovery code can restore them.
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
    """A holder's claim on the revision of a model that was active when the lease was given.

    Attributes:
        holder: name for people.
        instance: of the peer with which the lease ends; empty: only time ends it.
        since: seconds since the Unix epoch.
        until: when it ends unless it is renewed, seconds since the Unix epoch; None: it ends with its peer.
    """

    lease_id: str
    model_id: str
    holder: str
    instance: str
    revision: str
    since: float
    until: float | None


class LicenceAcceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A person accepted the licence of a model.

    Attributes:
        digest: SHA-256 over licence, licence URL and revision of the entry; when it changes, the licence is due
            again.
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
    """State that a person read and accepted the licence of a model."""

    model_id: str


class LogLevelChangedEvent(Event, frozen=True, kw_only=True, tag="logs.level_changed"):
    """The log level of an actor changed. The level of one actor wins over that of all (`*`)."""

    retained_by: ClassVar[str | None] = "actor"

    actor: str
    level: Literal["critical", "debug", "error", "info", "warning"] | None


class LogLevelRequestEvent(Request[LogLevelChangedEvent], frozen=True, kw_only=True, tag="logs.set_level"):
    """Change the log level of one actor or of all (`*`)."""

    actor: str = "*"
    level: Literal["critical", "debug", "error", "info", "warning"] | None = None


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a process wrote to stdout or stderr, or the supervisor about it, redacted.

    Attributes:
        at: seconds since the Unix epoch.
        recorded: it repeats a record that was also published (`logs.recorded`).
        verdict: the supervisor wrote it: why it ended the actor, or how the actor ended.
        correlation: id of the matter that a recorded line belongs to; empty: none.
    """

    actor: str
    at: float
    text: str
    recorded: bool = False
    verdict: bool = False
    correlation: str = ""


class LogLinesWrittenEvent(Event, frozen=True, kw_only=True, tag="supervision.log_lines_written"):
    """Processes wrote to stdout or stderr."""

    lines: list[LogLine]


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One log record, redacted before it left its process.

    Attributes:
        at: seconds since the Unix epoch.
        logger: dotted name of the module that logged it; `stderr` for a line that a process wrote there.
        fields: further values, by name.
        correlation: id of the matter that it belongs to, across all actors; empty: none.
        traceback: of an exception, without values of variables; empty: none.
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
    """An actor logged something.

    Attributes:
        dropped: records since the last event that were dropped, because there were too many at once.
    """

    records: list[LogRecord]
    dropped: int = 0


class LogRingReadEvent(Event, frozen=True, kw_only=True, tag="logs.ring_read"):
    """The newest records, the oldest first.

    Attributes:
        dropped: records that the ring no longer holds, or never got.
    """

    records: list[LogRecord]
    dropped: int


class LogRingRequestEvent(Request[LogRingReadEvent], frozen=True, kw_only=True, tag="logs.read_ring"):
    """Ask for the newest records.

    Attributes:
        actor: only records of this actor; None: of all.
        level: only records of this level or a higher one.
        correlation: only records of this matter; empty: of any.
    """

    actor: str | None = None
    level: Literal["critical", "debug", "error", "info", "warning"] = "debug"
    correlation: str = ""
    limit: int = 200


class LogsReportedEvent(Event, frozen=True, kw_only=True, tag="supervision.logs_reported"):
    """The newest lines of the ring, the oldest first. `dropped`: older ones that it no longer holds."""

    lines: list[LogLine]
    dropped: int


class LogsRequestEvent(Request[LogsReportedEvent], frozen=True, kw_only=True, tag="supervision.logs"):
    """Ask for the newest log lines of one actor, or of all. `supervisor`: its own, and all its verdicts."""

    actor: str | None = None
    limit: int = 200


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The models that an app declares.

    Attributes:
        format: version of this document type.
        minimum_runtime: oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty: any.
        version: grows with each published manifest; 0: it never leaves its package.
        issued_at: when it was published (RFC 3339); a fetched manifest needs it.
        expires_at: after this time a newer one should exist, so its absence is suspicious (RFC 3339); a fetched
            manifest needs it.
    """

    format: int
    models: list[ModelEntry]
    minimum_runtime: str = ""
    version: int = 0
    issued_at: str | None = None
    expires_at: str | None = None


class ManifestRefreshedEvent(Event, frozen=True, kw_only=True, tag="models.manifest_refreshed"):
    """The outcome of fetching the remote manifest.

    Attributes:
        outcome: `taken`: a newer one is in force. `unchanged`: the one in force is the newest. `kept`: none
            came, or it was refused; the former one stays in force. `none`: the profile names no remote
            manifest.
        version: version in force; 0: none.
        message: one sentence for people.
    """

    outcome: Literal["kept", "none", "taken", "unchanged"]
    version: int
    message: str


class ManifestRefreshRequestEvent(Request[ManifestRefreshedEvent], frozen=True, kw_only=True, tag="models.refresh"):
    """Fetch the remote manifest now."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One time series at one moment.

    Attributes:
        name: dotted, with its unit at the end, such as `state_persistence.save.duration_ms`.
        value: of a counter or gauge; of a histogram, the sum of its observations.
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
    """Ask all actors for their metrics. Each publishes its own once.

    Attributes:
        reading: identifies this reading; the reports repeat it.
    """

    reading: str


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why something cannot be used now.

    Attributes:
        subject: the model id, category, path or actor in question.
        category: of the model in question; empty: there is none.
        text: one sentence for people.
    """

    kind: Literal["checking", "downloading", "licence_due", "model_absent", "model_damaged", "model_failed", "model_paused", "no_model_setting", "no_path_setting", "path_mismatch", "path_missing", "path_unusable", "service_down", "switched_off", "unknown_model"]
    subject: str
    category: str = ""
    text: str = ""


class ModeAvailability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one mode of the app can be used now. A frontend enables its modes by this alone.

    Attributes:
        missing: required categories without a usable model.
        reasons: why it is not available; empty: it is.
        notices: names of the notices to show while an optional model is missing, such as `raw_output`.
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
    """A person added a model to the catalogue.

    Attributes:
        is_new: False: the same entry was there before.
    """

    entry: ModelEntry
    pinned: str
    is_new: bool
    skipped: list[str] = []


class ModelAddRequestEvent(Request[ModelAddedEvent], frozen=True, kw_only=True, tag="models.add"):
    """Resolve a name and add its model. Answered once that is durable. Fields as in `models.resolve`."""

    name: str
    sha256: str = ""
    size_bytes: int | None = None
    model_id: str = ""
    category: str = ""


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one model.

    Attributes:
        durable_bytes: bytes that survive a crash; `size_bytes` once installed.
        problem: why the model failed or is damaged, and what to do; empty otherwise.
        problem_kind: the kind of problem, for programs; empty without one.
        revision: the active revision; empty while none is installed.
        wanted_revision: the revision that the manifest names; differs from `revision` while an update is due or
            under way.
        former_revision: the revision that a rollback would restore; empty: there is none.
        held_by: names of the peers that hold a lease on it.
        licence_due: a person has to accept its licence before it can be installed.
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
    """The install was stopped."""

    status: ModelStatus


class ModelCancelRequestEvent(Request[ModelCancelledEvent], frozen=True, kw_only=True, tag="models.cancel"):
    """Stop an install. The partial is kept for a later one unless `drop_partial`."""

    model_id: str
    drop_partial: bool = False


class ModelCatalogueChangedEvent(Event, frozen=True, kw_only=True, tag="models.catalogue_changed"):
    """The models that the app knows now: the whole list, each id once.

    Attributes:
        accepted: licences that a person accepted.
        revision: counts the changes in this life of the actor.
        manifest_version: version of the remote manifest in force; 0: none.
        problems: for each entry or manifest that is not in force, a sentence that says why.
        life: names this life of the actor; empty: an older version published it.
    """

    retained_by: ClassVar[str | None] = ""

    models: list[CatalogueEntry]
    accepted: list[LicenceAcceptance]
    revision: int
    reason: Literal["accepted", "added", "refreshed", "start", "withdrawn"]
    manifest_version: int = 0
    problems: list[str] = []
    life: str = ""


class ModelCatalogueStatedEvent(Event, frozen=True, kw_only=True, tag="models.catalogue_stated"):
    """The models that the app knows now, as in `models.catalogue_changed`.

    It holds everything that was answered before it: what was added, withdrawn, accepted or refreshed.

    Attributes:
        is_known: the request named this state, so `models` and `accepted` are left empty.
    """

    models: list[CatalogueEntry] = []
    accepted: list[LicenceAcceptance] = []
    life: str
    revision: int
    is_known: bool = False


class ModelCatalogueRequestEvent(Request[ModelCatalogueStatedEvent], frozen=True, kw_only=True, tag="models.catalogue"):
    """Ask for the catalogue.

    Events and answers travel apart: who acts on an answer asks first whether it knows the state behind it.

    Attributes:
        life: with `revision`, the state that the asker knows; empty: none.
    """

    life: str = ""
    revision: int = 0


class ModelDownloadProgressedEvent(Event, frozen=True, kw_only=True, tag="models.download_progressed"):
    """More bytes of a model are durable. At most ten a second for each model.

    The event has two readers. Frontends show the progress. The model verifier hashes the staged files
    behind the download: it takes `staging_directory` and the `prefix_bytes` of each file from here, and
    nothing else tells it that bytes may be read. A verifier that misses events loses no correctness, only
    time: it reads the rest of the files when it is asked for its verdict.

    Within an attempt, `durable_bytes` and `prefix_bytes` never shrink. Bytes below `prefix_bytes` do not
    change until the attempt ends.

    Attributes:
        attempt: counts from 1. A new attempt may start with fewer bytes, where bytes had to be discarded.
        seconds_left: None: the rate is not known yet.
        staging_directory: directory of the partial files.
        files: one for each file of the model.
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
    """The request is on disk: the install survives any crash, until it is done, failed or cancelled."""

    status: ModelStatus


class ModelInstallRequestEvent(Request[ModelInstallAcceptedEvent], frozen=True, kw_only=True, tag="models.install"):
    """Install a model. Answered once the request is durable, long before the bytes are there."""

    model_id: str


class ModelInstalledEvent(Event, frozen=True, kw_only=True, tag="models.installed"):
    """A model was verified, and its directory is in place, whole."""

    model_id: str
    name: str
    directory: str
    size_bytes: int
    fetched_bytes: int
    attempts: int


class ModelLeasedEvent(Event, frozen=True, kw_only=True, tag="models.leased"):
    """The model stays unchanged and in place until the lease ends: removal, update and rollback wait.

    Attributes:
        directory: directory of its files; valid until the lease ends.
    """

    lease: Lease
    directory: str


class ModelLeaseRequestEvent(Request[ModelLeasedEvent], frozen=True, kw_only=True, tag="models.lease"):
    """Hold an installed model in use.

    Attributes:
        holder: name that is shown to those who wait.
        instance: public instance of the peer that asks: the lease then ends when that peer leaves the bus, or
            was not seen for a while. Empty: it ends after `ttl_seconds`.
        ttl_seconds: how long it lasts without being renewed; ignored for a lease that is bound to a peer.
        lease_id: renew this lease; empty: a new one.
    """

    model_id: str
    holder: str
    instance: str = ""
    ttl_seconds: float = 60.0
    lease_id: str = ""


class ModelNameResolvedEvent(Event, frozen=True, kw_only=True, tag="models.name_resolved"):
    """What a name stands for now.

    Attributes:
        entry: the manifest entry for it.
        pinned: the name with its revision pinned, so that it keeps its meaning.
        skipped: files of the source that do not belong to the entry, each with the reason.
    """

    entry: ModelEntry
    pinned: str
    skipped: list[str] = []


class ModelNameResolveRequestEvent(Request[ModelNameResolvedEvent], frozen=True, kw_only=True, tag="models.resolve"):
    """Ask what a name stands for.

    Attributes:
        name: `hf:org/repo[@revision][:file]`, `oci:registry/name:tag`, `ollama:name:tag`, `https://...` or
            `file:/path`.
        sha256: digest of the file that a URL names, 64 hex digits, unless the fragment of the URL holds it.
        size_bytes: its length, for a server that does not state it; None: ask the server.
        model_id: id of the entry; empty: derive one from the name.
        category: what the model is for, such as `stt`; empty: guess it.
    """

    name: str
    sha256: str = ""
    size_bytes: int | None = None
    model_id: str = ""
    category: str = ""


class ModelPausedEvent(Event, frozen=True, kw_only=True, tag="models.paused"):
    """The install is paused, through restarts too, until it is resumed."""

    status: ModelStatus


class ModelPauseRequestEvent(Request[ModelPausedEvent], frozen=True, kw_only=True, tag="models.pause"):
    """Pause an install. Its durable bytes stay. Answered once the pause is durable."""

    model_id: str


class ModelReleasedEvent(Event, frozen=True, kw_only=True, tag="models.released"):
    """The lease has ended. `was_held`: it was known until now."""

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
    """Remove an installed model, its former revision, its partial files and its records.

    Attributes:
        wait_seconds: how long it waits for leases to end; then it is refused, and the holders are named.
    """

    model_id: str
    dry_run: bool = False
    wait_seconds: float = 0.0


class ModelRemovedEvent(Event, frozen=True, kw_only=True, tag="models.removed"):
    """A model was removed from disk on request."""

    model_id: str
    freed_bytes: int


class ModelRepairAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.repair_accepted"):
    """The sound parts of a damaged model are staged again, and the rest is being fetched.

    Attributes:
        kept_bytes: bytes of files and pieces that need not be fetched.
    """

    status: ModelStatus
    kept_bytes: int


class ModelRepairRequestEvent(Request[ModelRepairAcceptedEvent], frozen=True, kw_only=True, tag="models.repair"):
    """Repair a damaged model. Only what is bad is fetched."""

    model_id: str


class ModelResumedEvent(Event, frozen=True, kw_only=True, tag="models.resumed"):
    """A paused install continues."""

    status: ModelStatus


class ModelResumeRequestEvent(Request[ModelResumedEvent], frozen=True, kw_only=True, tag="models.resume"):
    """Continue a paused install. Answered once that is durable."""

    model_id: str


class ModelRolledBackEvent(Event, frozen=True, kw_only=True, tag="models.rolled_back"):
    """The former revision of a model is active again; the one that was active is now the former one."""

    status: ModelStatus


class ModelRollbackRequestEvent(Request[ModelRolledBackEvent], frozen=True, kw_only=True, tag="models.rollback"):
    """Return to the former revision. It is verified first.

    Attributes:
        wait_seconds: how long it waits for leases to end; then it is refused, and the holders are named.
    """

    model_id: str
    wait_seconds: float = 0.0


class ModelStateChangedEvent(Event, frozen=True, kw_only=True, tag="models.state_changed"):
    """The state of a model changed."""

    retained_by: ClassVar[str | None] = "model_id"

    model_id: str
    status: ModelStatus


class ModelVerdictEvent(Event, frozen=True, kw_only=True, tag="models.verdict"):
    """What a check of an installed model found."""

    status: ModelStatus
    findings: list[VerificationFinding]


class ModelVerificationFailedEvent(Event, frozen=True, kw_only=True, tag="models.verification_failed"):
    """The files of a model do not keep what its manifest promises. They are put out of use, not deleted."""

    model_id: str
    findings: list[VerificationFinding]


class ModelVerifiedEvent(Event, frozen=True, kw_only=True, tag="models.verified"):
    """The files of a model keep what its manifest promises."""

    model_id: str
    size_bytes: int


class ModelVerifyRequestEvent(Request[ModelVerdictEvent], frozen=True, kw_only=True, tag="models.verify"):
    """Ask for every byte of an installed model to be hashed again."""

    model_id: str


class ModelWithdrawnEvent(Event, frozen=True, kw_only=True, tag="models.withdrawn"):
    """An added model is no longer in the catalogue. Installed files stay."""

    model_id: str


class ModelWithdrawRequestEvent(Request[ModelWithdrawnEvent], frozen=True, kw_only=True, tag="models.withdraw"):
    """Remove an added model from the catalogue."""

    model_id: str


class ModelsListedEvent(Event, frozen=True, kw_only=True, tag="models.listed"):
    """Every model of the manifests, with its state."""

    models: list[ModelStatus]
    models_directory: str


class ModelsListRequestEvent(Request[ModelsListedEvent], frozen=True, kw_only=True, tag="models.list"):
    """Ask for all models and their states."""


class ModelsRelocationEvent(Event, frozen=True, kw_only=True, tag="paths.models_relocation"):
    """The move is on disk and survives any crash; with `dry_run` nothing happened.

    Attributes:
        moved_models: models that will be moved.
        adopted_models: models that are at the new place in full length, and are kept if their hashes match.
        copy_bytes: bytes to copy; 0: both places are on one file system.
        move_id: identifies this move; empty with `dry_run`.
    """

    moved_models: list[str]
    adopted_models: list[str]
    copy_bytes: int
    move_id: str = ""


class ModelsRelocateRequestEvent(Request[ModelsRelocationEvent], frozen=True, kw_only=True, tag="paths.relocate_models"):
    """Tell the owner of the models to move to another directory, and then to settle the choice.

    Attributes:
        target: the directory; it exists and is writable.
        category: the choice behind the move, to be settled at its end.
        path: the choice behind the move, to be settled at its end.
    """

    target: str
    action: Literal["adopt", "anew", "move"]
    category: Literal["logs", "models", "root", "tools", "workspace"]
    path: str
    dry_run: bool = False


class ModelsRootAdmittedEvent(Event, frozen=True, kw_only=True, tag="paths.models_root_admitted"):
    """The verifier reads models below this directory from now on."""

    directory: str


class ModelsRootAdmitRequestEvent(Request[ModelsRootAdmittedEvent], frozen=True, kw_only=True, tag="paths.admit_models_root"):
    """Let the verifier read models in another directory. Only the owner of the models asks this.

    Attributes:
        directory: directory of all models. The verifier keeps it until it ends; its next life knows the one
            that is chosen by then.
    """

    directory: str


class NamespaceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one namespace. `quota_bytes`: 0: there is none."""

    name: str
    keys: int
    size_bytes: int
    quota_bytes: int
    encrypt: bool
    owner: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A banner, a toast, or the head of the recovery screen: a text, and what a person can do.

    Attributes:
        fade_ms: it disappears after this time; 0: it stays.
    """

    text: str
    actions: list[Action] = []
    fade_ms: int = 0


class PartialFound(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a model that is not installed.

    Attributes:
        model_id: of a model in the manifests, or of one that they no longer name.
        kind: `partial`: an install that is under way or was abandoned. `damaged`: a model put out of use.
        state: state of the model; `partial` for one that no manifest names any more.
        size_bytes: bytes on disk.
        durable_bytes: bytes of the promised files that survive a crash.
        promised_bytes: size of the whole model; 0: not known any more.
        age_seconds: since bytes were last added.
        url_hosts: hosts that its bytes came from; the rest of a URL may hold a secret.
        is_wanted: its install continues, now or when it is resumed.
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
    """What was removed, or would be with `dry_run`. `problems`: a sentence for each that could not be."""

    removed: list[PartialFound]
    freed_bytes: int
    keep_days: int
    dry_run: bool
    problems: list[str] = []


class PartialsCollectRequestEvent(Request[PartialsCollectedEvent], frozen=True, kw_only=True, tag="models.collect"):
    """Remove partial and damaged models that no install wants and that are older than the limit.

    Attributes:
        keep_days: the limit for this request; None: that of the settings, where 0 keeps everything.
    """

    dry_run: bool = False
    keep_days: int | None = None


class PartialsListedEvent(Event, frozen=True, kw_only=True, tag="models.partials_listed"):
    """All partial and damaged models.

    Attributes:
        keep_days: how long unwanted ones are kept, as a person set it; 0: for ever.
    """

    partials: list[PartialFound]
    keep_days: int


class PartialsListRequestEvent(Request[PartialsListedEvent], frozen=True, kw_only=True, tag="models.partials"):
    """Ask for all partial and damaged models."""


class PathProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a directory cannot be used.

    Attributes:
        message: a sentence that names the directory and says what to do.
        offers: what a person can do about it, the best first.
    """

    kind: Literal["busy", "environment", "held", "missing", "nested", "not_a_directory", "not_writable", "relative", "removed_drive", "shared", "space", "unreadable", "user_data"]
    category: Literal["config", "logs", "models", "state", "tools", "workspace"] | Literal["root"]
    path: str
    message: str
    offers: list[Literal["choose", "connect", "create", "free_space", "reset", "wait"]]


class PathStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The directory of one category, and whether it can be used.

    Attributes:
        path: the active directory.
        next_path: the directory from the next start on; empty: the same.
        origin: what decided on it.
        default: the directory without any choice.
        writable: it exists, and its owner may write there.
        free_bytes: on its disk, or on the disk where it would be created; None: not known.
        takes_effect: when a choice for it takes effect.
        problems: empty if it can be used. A default that does not exist yet is no problem.
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
    """The outcome of a choice.

    Attributes:
        accepted: the choice is durable, or the move to it is, and survives any crash; with `dry_run`: it would
            be.
        problems: why it was not accepted; empty if it was.
        what_happens: sentences for people.
        paths: the affected categories, as they will be.
        created: directories that were, or would be, created.
        move_bytes: bytes to copy; 0: none.
        move_id: of the move that has begun; empty: the choice is in effect already.
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
    """Choose a directory for a category.

    Attributes:
        path: absolute; empty: take the choice back.
        action: what becomes of the models. Files of other categories stay where they are.
        create_missing: create the directory if it is missing.
    """

    category: Literal["logs", "models", "root", "tools", "workspace"]
    path: str
    action: Literal["adopt", "anew", "move"] = "move"
    create_missing: bool = False
    dry_run: bool = False


class PathMoveCancelledEvent(Event, frozen=True, kw_only=True, tag="paths.move_cancelled"):
    """No move is under way. All models are where they were."""

    was_moving: bool


class PathMoveCancelRequestEvent(Request[PathMoveCancelledEvent], frozen=True, kw_only=True, tag="paths.cancel_move"):
    """Stop moving models. Refused once the new place is in use."""


class PathMoveChangedEvent(Event, frozen=True, kw_only=True, tag="paths.move_changed"):
    """Progress of the models on their way to another directory. At most ten a second.

    Attributes:
        move_id: as in the answer to the choice.
        model_id: the model that is being moved; empty between models.
        moved_bytes: at the new place already, of `total_bytes`; the new place is in use only when all are.
        kept_back: what stays at the old place for now, since a program uses it.
        problem: why the move failed; all models are then at the old place.
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
    """Put a choice into effect. The owner of the files sends this once they are at the new place.

    Attributes:
        category: as they were chosen.
        path: as they were chosen.
    """

    category: Literal["logs", "models", "root", "tools", "workspace"]
    path: str


class PathsChangedEvent(Event, frozen=True, kw_only=True, tag="paths.changed"):
    """All directories: published at every start, and whenever one of them changed.

    Attributes:
        reason: `start`, `chosen`, or `observed`: a drive came or went, or rights changed.
    """

    retained_by: ClassVar[str | None] = ""

    paths: list[PathStatus]
    reason: Literal["chosen", "observed", "start"]


class PathsListedEvent(Event, frozen=True, kw_only=True, tag="paths.listed"):
    """All directories, examined just now.

    Attributes:
        choices_file: the file that holds the choices.
    """

    paths: list[PathStatus]
    choices_file: str


class PathsListRequestEvent(Request[PathsListedEvent], frozen=True, kw_only=True, tag="paths.list"):
    """Ask for all directories. They are examined anew, so this also notices a drive that is back."""


class PeerJoinedEvent(Event, frozen=True, kw_only=True, tag="bus.peer_joined"):
    """The broker admitted a peer, or the peer came back on a new connection."""

    peer: str
    instance: str


class PeerLeftEvent(Event, frozen=True, kw_only=True, tag="bus.peer_left"):
    """A peer left: it said BYE, or its connection ended."""

    peer: str
    instance: str
    said_bye: bool


class ProgressLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line for a model that is being installed.

    Attributes:
        percent: 0 to 100; 100 only when every byte is durable.
        text: name and percent, such as `Whisper base: 41 %`.
        seconds_left: None: not known yet.
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
        started_at: seconds since the Unix epoch; None: not yet.
        ended_at: seconds since the Unix epoch; None: not yet.
        detail: what was found; empty: nothing yet.
    """

    id: str
    title: str
    status: Literal["failed", "passed", "running", "skipped", "waiting"]
    started_at: float | None = None
    ended_at: float | None = None
    detail: str = ""


class SetupPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """What a person confirms once, before anything is fetched: the location and all models together.

    Attributes:
        location: the active directory of the models.
        missing_bytes: bytes to fetch, over all models.
        free_bytes: free space at the location; None: not known.
        change: how to choose another directory before the bundle is confirmed.
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
    """Repeated trouble with a model that points to a deeper fault, since the runtime started.

    Attributes:
        count: how often it happened.
        last_at: when it last happened, seconds since the Unix epoch.
        text: the likely fault, and what to do.
    """

    kind: Literal["disk_full", "fast_mismatch", "hash_mismatch", "range_flip", "size_mismatch"]
    model_id: str
    count: int
    last_at: float
    text: str = ""


class ReadinessSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about readiness at one moment.

    Attributes:
        revision: grows with every snapshot, also across restarts of the actor. Only the order counts.
        since: when this state began, seconds since the Unix epoch.
        state_text: the state as a short message.
        is_blocking: no mode can be used until a person has acted or a download has ended.
        show: what a frontend shows now; the field of that name holds it. The others are for views that a person
            opens.
        location: the active directory of the models.
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
    """Readiness changed.

    Attributes:
        snapshot: the whole state.
        changed: names of the fields of the snapshot that changed, so that a view redraws only those.
    """

    retained_by: ClassVar[str | None] = ""

    snapshot: ReadinessSnapshot
    changed: list[str]


class ReadinessReportedEvent(Event, frozen=True, kw_only=True, tag="readiness.reported"):
    """The present snapshot, and the full report as text for people."""

    snapshot: ReadinessSnapshot
    text: str


class ReadinessReportRequestEvent(Request[ReadinessReportedEvent], frozen=True, kw_only=True, tag="readiness.report"):
    """Ask for the snapshot and the full report.

    Attributes:
        locale: language of all texts, such as `de`; empty: that of the app.
    """

    locale: str = ""


class ReadinessRetriedEvent(Event, frozen=True, kw_only=True, tag="readiness.retried"):
    """Failed models are tried again.

    Attributes:
        model_ids: models that are being installed again.
        problems: one sentence for each of the others.
        revision: the first snapshot that includes this.
    """

    model_ids: list[str]
    problems: list[str] = []
    revision: int = 0


class ReadinessRetryRequestEvent(Request[ReadinessRetriedEvent], frozen=True, kw_only=True, tag="readiness.retry"):
    """Check everything again, and fetch or repair every model that failed or is damaged."""


class ReadinessSetupAcceptedEvent(Event, frozen=True, kw_only=True, tag="readiness.setup_accepted"):
    """The bundle is confirmed: the request for each of its models is on disk.

    Attributes:
        model_ids: models that are being installed now.
        problems: one sentence for each of the others.
        revision: the first snapshot that includes this.
    """

    model_ids: list[str]
    problems: list[str] = []
    revision: int = 0


class ReadinessSetupRequestEvent(Request[ReadinessSetupAcceptedEvent], frozen=True, kw_only=True, tag="readiness.setup"):
    """Confirm the whole bundle, once.

    Attributes:
        location: the directory that the person saw; refused if another one is active now. Empty: do not check.
        accept_licences: the person accepts the licences that the bundle names as due; without this, such a
            bundle is refused.
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
        after: the new value; secrets as `SECRET_PLACEHOLDER`, or empty. Equal to `before` if a secret was
            replaced by another.
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
        shadowed: of the settings that were set, those that are not in effect because a higher layer wins, and
            which one wins.
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

    `reset_section` and `reset_defaults` do what `update` does with `resets`: for one section, for every
    setting.

    Attributes:
        updates: dotted path to new value; for `update` only.
        section: dotted path of a section or setting that loses its overrides; for `reset_section` only.
        dry_run: judge the request and show the settings as they would be, but change nothing.
        resets: dotted paths of settings or sections that lose their overrides; for `update` only.
        scope: `session` changes what holds until the store ends; it is never stored.
        expected_fingerprint: refuse the request if the overrides do not have this fingerprint any more; empty:
            take it anyway.
        from_command_line: others could read the values, so a secret among `updates` is refused.
        skip_unchanged: leave out the `updates` whose value is in effect already, so that they do not become
            overrides.
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
        changed: dotted path to new value, for each setting whose effective value changed; secrets as
            `SECRET_PLACEHOLDER`.
        settings: all effective settings, nested by section; secrets as `SECRET_PLACEHOLDER`.
        reason: `start` when the store announces what it loaded; `file` when `config.json` was edited; `policy`
            when the administrator's file changed.
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
        values: by key, as requested; null: there is no such key.
        revisions: by key; 0: there is no such key.
        left_out: keys that did not fit into this reply; ask for them again.
    """

    values: dict[str, Any]
    revisions: dict[str, int]
    left_out: list[str] = []


class StateBatchSavedEvent(Event, frozen=True, kw_only=True, tag="state.batch_saved"):
    """The whole batch is on disk. `revisions`: by key; 0: it was to be deleted and did not exist."""

    revisions: dict[str, int]


class StateChangedEvent(Event, frozen=True, kw_only=True, tag="state.changed"):
    """A key has another value, durably. The event does not hold the value.

    Attributes:
        deleted: the key is gone.
        source: name of the peer that asked for the change.
    """

    key: str
    revision: int
    deleted: bool = False
    source: str = ""


class StateCheckedEvent(Event, frozen=True, kw_only=True, tag="state.checked"):
    """The result of a check.

    Attributes:
        checked: documents that were read.
        backups: backups that were read.
        findings: at most FINDING_LIMIT of them.
        total: how many findings there are.
        is_sound: nothing is damaged, missing or unreadable; lesser findings do not count.
    """

    checked: int
    backups: int
    findings: list[Finding]
    total: int
    is_sound: bool


class StateCheckRequestEvent(Request[StateCheckedEvent], frozen=True, kw_only=True, tag="state.check"):
    """Check every document and every backup.

    Attributes:
        repair: also repair what can be repaired. Damaged files are put aside, never removed.
    """

    repair: bool = False


class StateDeletedEvent(Event, frozen=True, kw_only=True, tag="state.deleted"):
    """A key is gone from disk. `existed`: it was there before; otherwise `revision` is 0."""

    key: str
    existed: bool
    revision: int = 0


class StateDeleteRequestEvent(Request[StateDeletedEvent], frozen=True, kw_only=True, tag="state.delete"):
    """Delete a key. The options are those of a save."""

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
    """Something that went wrong, without any value. `at`: seconds since the Unix epoch."""

    at: float
    key: str
    problem: str


class StateHealthReportedEvent(Event, frozen=True, kw_only=True, tag="state.health_reported"):
    """The state of the state store.

    Attributes:
        size_bytes: of all documents on disk.
        quota_bytes: the most that they may take; 0: no limit.
        journal_bytes: durable in the journal, but not yet in files of their own.
        revision: the newest one.
        saves: requests that succeeded since the store started.
        loads: requests that succeeded since the store started.
        refused: requests that failed since then.
        save_mean_ms: their mean duration; 0: there were none.
        load_mean_ms: their mean duration; 0: there were none.
        corrupted: keys whose document was damaged and put aside, since the store started.
        faults: the newest ones, the newest first.
        alerts: the active alerts, as `<name>/<subject>`.
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
    """Ask for the state of the state store."""


class StateKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a listing. `size_bytes`: its size on disk."""

    key: str
    size_bytes: int


class StateListedEvent(Event, frozen=True, kw_only=True, tag="state.listed"):
    """One page of keys, in order.

    Attributes:
        next_after: the `after` of the next page; empty: this is the last one.
        total: keys with the prefix that the asking peer may read, on all pages.
    """

    keys: list[StateKey]
    next_after: str = ""
    total: int = 0


class StateListRequestEvent(Request[StateListedEvent], frozen=True, kw_only=True, tag="state.list"):
    """List the keys that begin with a prefix, except those that the asking peer may not read."""

    prefix: str = ""
    after: str = ""
    limit: int = 1000


class StateLoadBatchRequestEvent(Request[StateBatchLoadedEvent], frozen=True, kw_only=True, tag="state.load_batch"):
    """Read several keys as of one moment."""

    keys: list[str]


class StateLoadedEvent(Event, frozen=True, kw_only=True, tag="state.loaded"):
    """The value of a key.

    Attributes:
        value: null: there is no such key.
        revision: 0: there is no such key.
        saved_at: seconds since the Unix epoch.
        read_only: a later version of the app or of Undercroft wrote it, so it cannot be replaced.
        repaired_from: the copy that the value comes from, since the document was damaged; empty otherwise.
        evidence: where the damaged document was put; empty: it was not damaged.
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
    """Read the value of a key. `schema`: name of a schema that it must fit, besides that of the namespace."""

    key: str
    schema: str = ""


class StateSaveBatchRequestEvent(Request[StateBatchSavedEvent], frozen=True, kw_only=True, tag="state.save_batch"):
    """Save and delete several keys, all or nothing, whatever happens. Each key may appear once."""

    operations: list[BatchOperation]


class StateSavedEvent(Event, frozen=True, kw_only=True, tag="state.saved"):
    """A value is on disk, safe from a power cut. `size_bytes`: its size on disk."""

    key: str
    revision: int
    size_bytes: int


class StateSaveRequestEvent(Request[StateSavedEvent], frozen=True, kw_only=True, tag="state.save"):
    """Save a value under a key.

    Attributes:
        encrypt: None: as the namespace says, whose stricter rule wins over False.
        compress: None: as the namespace says, whose stricter rule wins over False.
        backup: keep the former value below `backups/auto`; None: as the namespace says.
        expected_revision: refuse unless the key has this revision now; 0: unless there is no such key; None: do
            not check.
        schema: name of a schema that the value must fit, besides that of the namespace; empty: none.
    """

    key: str
    value: Any
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: int | None = None
    schema: str = ""


class SupervisorStatusEvent(Event, frozen=True, kw_only=True, tag="supervision.status_reported"):
    """The state of the whole runtime.

    Attributes:
        settled: every actor that should run is ready, or has failed for good.
        ready: every actor is ready, or has done its work and ended well.
        not_ready: names of the others.
    """

    version: str
    profile: str
    home: str
    pid: int
    started_at: float
    settled: bool
    actors: list[ActorStatus]
    ready: bool = False
    not_ready: list[str] = []


class SupervisorStatusRequestEvent(Request[SupervisorStatusEvent], frozen=True, kw_only=True, tag="supervision.status"):
    """Ask for the state of the runtime."""


class SupervisorStoppingEvent(Event, frozen=True, kw_only=True, tag="supervision.stopping"):
    """The runtime is stopping: actors stop in reverse order of their start."""

    reason: str


class SupervisorStopRequestEvent(Request[SupervisorStoppingEvent], frozen=True, kw_only=True, tag="supervision.stop"):
    """Stop the whole runtime cleanly."""

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
    "models.catalogue_stated": ModelCatalogueStatedEvent,
    "models.catalogue": ModelCatalogueRequestEvent,
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
