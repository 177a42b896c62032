// Every event of the contract, version 1.0.0. Written by `undercroft contract --clients`; edits are overwritten.

/** Something that a person can choose. */
export interface Action {
  name: "change_path" | "report" | "retry";
  title: string;
  /** initial value of an input, such as the current path for `change_path`. */
  value?: string;
  /** topic of the request that performs it. */
  request?: string;
}

/** An actor ended unexpectedly. The event holds no output of it. */
export interface ActorCrashedEvent {
  type: "crashes.actor_crashed";
  actor: string;
  kind: "exception" | "exit" | "fatal_signal" | "hang" | "killed" | "lifeline" | "memory_limit" | "not_started" | "out_of_memory" | "refused" | "start_timeout";
  /** seconds since the Unix epoch. */
  at: number;
  pid?: number | null;
  exit_code?: number | null;
  signal?: string;
  uptime_seconds?: number;
  /** how often it had been started again before. */
  restarts?: number;
  /** name of the file in `<state>/crashes/`; empty: it could not be written. */
  record?: string;
}

/** How an actor last ended unexpectedly. */
export interface ActorEnd {
  /** seconds since the Unix epoch. */
  at: number;
  /** as in its crash record (`CrashKind`). */
  kind: string;
  /** exit code, signal, or what the supervisor ended it for. */
  reason: string;
  /**
   * the sentence with which it explained itself: a refusal, the last line of a traceback; empty if it said
   * nothing.
   */
  words?: string;
}

/** The state of one actor. */
export interface ActorStatus {
  actor: string;
  state: "backoff" | "failed" | "ready" | "starting" | "stopped" | "stopping" | "waiting";
  /** None: it has no process. */
  pid?: number | null;
  /** how often it was started again since the supervisor began, for whatever reason. */
  restarts?: number;
  /** how often it ended unexpectedly since then. */
  crashes?: number;
  /** how it last did; it stays when the actor is ready again. None: it never did. */
  last_end?: ActorEnd | null;
  /** when it entered this state, seconds since the Unix epoch. */
  since?: number;
  /** why it is in this state: exit code, signal, missed heartbeats, a dependency. */
  reason?: string;
  /** the end of its stderr before it last ended. */
  last_words?: string;
  /** delay before the next start or probe; None: none is due. */
  retry_seconds?: number | null;
}

/** The actor is being stopped and will be started again. */
export interface ActorRestartAcceptedEvent {
  type: "supervision.restart_accepted";
  status: ActorStatus;
}

/** Stop one actor cleanly and start it again. Also closes an open circuit. */
export interface ActorRestartRequestEvent {
  type: "supervision.restart";
  actor: string;
}

/** The state of an actor changed. */
export interface ActorStateChangedEvent {
  type: "supervision.actor_state_changed";
  actor: string;
  status: ActorStatus;
}

/** One thing that is wrong, or was. */
export interface Alert {
  /** what kind of thing, such as `state_persistence.quota_exceeded`. */
  name: string;
  /** which one of its kind, such as a key or a model id; empty: there is only one. */
  subject: string;
  /** name of the actor that raised it. */
  source: string;
  severity: "critical" | "error" | "info" | "warning";
  /** False once it was cleared. */
  is_active: boolean;
  /** when it was first raised, seconds since the Unix epoch. */
  since: number;
  /** when it was last raised. */
  last_at: number;
  /** how often it was raised since then. */
  count: number;
  /** one sentence with what was found and what was expected, without secrets. */
  message: string;
  /** what to do. */
  advice: string;
}

/** An alert was raised, raised again, or cleared. */
export interface AlertChangedEvent {
  type: "alerts.changed";
  /** `<source>/<name>/<subject>`. It begins with the name of the publisher. */
  key: string;
  alert: Alert;
}

/** One backup. */
export interface BackupInfo {
  /** time (UTC), kind, name and format; also the name of its directory. */
  id: string;
  /** as it was given; empty: none. */
  name: string;
  kind: "before_import" | "before_migration" | "before_restore" | "imported" | "manual" | "scheduled";
  /** seconds since the Unix epoch. */
  created_at: number;
  /** on disk. */
  size_bytes: number;
  /** of the documents in it. */
  content_bytes: number;
  /** how many keys and typed documents it holds. */
  documents: number;
  /** whether it is compressed. */
  compressed: boolean;
  /** whether it holds encrypted documents, which need the keys of their home. */
  encrypted: boolean;
  /** of the store when it was made. */
  revision: number;
  /** version of the backup format. */
  format: number;
}

/** A backup is on disk, and was read back to check it. */
export interface BackupCreatedEvent {
  type: "backups.created";
  backup: BackupInfo;
}

/** Make a full backup. Rotation never removes it, with or without a name. */
export interface BackupCreateRequestEvent {
  type: "backups.create";
  name?: string;
}

/** A fault in a backup. `key`: the document; empty: it concerns the whole backup. */
export interface BackupFault {
  id: string;
  key: string;
  problem: string;
}

/** A backup that stays, and why. */
export interface BackupKept {
  id: string;
  reasons: Array<string>;
}

/** Progress of a long operation. `total`: 0 while it is not known. */
export interface BackupProgressedEvent {
  type: "backups.progressed";
  doing: "check" | "create" | "restore" | "verify";
  done: number;
  total: number;
}

/** The store holds what the backup holds. */
export interface BackupRestoredEvent {
  type: "backups.restored";
  id: string;
  /** id of the backup of the previous content; empty for a dry run. */
  saved_as: string;
  /** how many keys have another value now, new ones included. */
  changed: number;
  /** how many keys are gone. */
  removed: number;
  unchanged: number;
  /** keys that were not restored: no namespace declares them any more, or they are damaged in the backup. */
  left_out?: Array<string>;
  /** whether `config.json` was replaced. */
  settings?: boolean;
}

/** Restore a backup, all or nothing. The present content is backed up first. */
export interface BackupRestoreRequestEvent {
  type: "backups.restore";
  id: string;
  /**
   * only these; empty: everything, and keys that came later are removed. A typed document is
   * `document.<type>`.
   */
  keys?: Array<string>;
  /** also replace `config.json` by that of the backup. */
  settings?: boolean;
  /** leave out documents that were damaged when the backup was made, instead of refusing. */
  without_damaged?: boolean;
  /** only report what would change. */
  dry_run?: boolean;
}

/** All backups, the newest first, and those that cannot be used. */
export interface BackupsListedEvent {
  type: "backups.listed";
  backups: Array<BackupInfo>;
  faults?: Array<BackupFault>;
  /** what counts as no backup: a cut left it while it was made or removed. */
  unfinished?: Array<string>;
}

/** List the backups. */
export interface BackupsListRequestEvent {
  type: "backups.list";
}

/** Which backups stay, and which were removed. */
export interface BackupsPrunedEvent {
  type: "backups.pruned";
  kept: Array<BackupKept>;
  removed: Array<string>;
  /** how many single former values (`backup` of a save) were removed. */
  former_values: number;
  dry_run: boolean;
}

/** Remove the backups that the retention rules of the profile do not keep. */
export interface BackupsPruneRequestEvent {
  type: "backups.prune";
  dry_run?: boolean;
}

/** Backups were read from end to end. No faults: everything is as it was written. */
export interface BackupsVerifiedEvent {
  type: "backups.verified";
  verified: Array<string>;
  faults: Array<BackupFault>;
  /** what counts as no backup: a cut left it while it was made or removed. */
  unfinished?: Array<string>;
}

/** Read a backup from end to end, and check every digest and every envelope. Empty id: all backups. */
export interface BackupsVerifyRequestEvent {
  type: "backups.verify";
  id?: string;
}

/** One step of a batch. The fields are those of StateSaveRequestEvent. */
export interface BatchOperation {
  type: "delete" | "save";
  key: string;
  value?: unknown;
  encrypt?: boolean | null;
  compress?: boolean | null;
  backup?: boolean | null;
  expected_revision?: number | null;
}

/** How many observations were at most `limit`. Cumulative, as in Prometheus. */
export interface Bucket {
  limit: number;
  count: number;
}

/** One model of the bundle that a person confirms. */
export interface BundleModel {
  model_id: string;
  name: string;
  category: string;
  licence: string;
  size_bytes: number;
  /** how many of `size_bytes` are not on disk yet. */
  missing_bytes: number;
  /** its licence has to be accepted with the bundle. */
  licence_due?: boolean;
  licence_url?: string;
}

/** One peer as the broker sees it. */
export interface PeerStatistics {
  peer: string;
  /** what everybody sees of the present life of the peer. */
  instance: string;
  /** requests that it has yet to answer. */
  in_hand: number;
  serves: Array<string>;
  /** `named` if it joined with a credential of its own, else `guest`. */
  role?: string;
  /** the events that are retained for it. */
  retained_keys?: number;
  /** the events that are retained for it. */
  retained_bytes?: number;
  /** topics that it began and that are still in use, besides those of the contract. */
  topics?: number;
}

/** What the broker counted since its epoch began. */
export interface BusStatisticsEvent {
  type: "bus.statistics_reported";
  epoch: string;
  sequence: number;
  uptime_seconds: number;
  messages: number;
  duplicates: number;
  requests: number;
  undeliverable: number;
  /** reason to count, for messages that were refused or ignored. */
  refused: Record<string, number>;
  ring_events: number;
  ring_bytes: number;
  retained_keys: number;
  retained_bytes: number;
  pending_requests: number;
  peers: Array<PeerStatistics>;
  /** newest number of each topic. */
  topics: Record<string, number>;
}

/** Ask the broker what it counted. The broker itself replies. */
export interface BusStatisticsRequestEvent {
  type: "bus.statistics";
}

/** The cache of one type. */
export interface CachedDocument {
  type_name: string;
  /** a read would be answered from the cache now. */
  is_fresh: boolean;
  /** since it was read or written; 0: nothing is cached. */
  age_seconds: number;
  /** reads answered from the cache, and from disk. */
  hits: number;
  /** reads answered from the cache, and from disk. */
  misses: number;
}

/** Digests of the consecutive pieces of a file, so that damage can be found and repaired piece by piece. */
export interface Pieces {
  /** length of each piece; the last one may be shorter. */
  size_bytes: number;
  /** one digest for each piece, in order. */
  sha256: Array<string>;
}

/** How an archive is unpacked once it is verified; its content replaces it in the model's directory. */
export interface Unpack {
  format: "tar" | "tar.bz2" | "tar.gz" | "tar.xz" | "zip";
  /** directory below that of the model for the content; empty: the model's own directory. */
  into?: string;
  /** how many leading directories of each member's path are dropped. */
  strip?: number;
}

/** What the manifest promises of one file. */
export interface FilePromise {
  /** path below the model's directory; relative, with forward slashes, without `..`. */
  path: string;
  /** exact length. */
  size_bytes: number;
  /** digest of the whole file, 64 lower-case hex digits. */
  sha256: string;
  /** where it can be fetched; the first is tried first, the others are mirrors. */
  urls: Array<string>;
  /** digests of its pieces; None: not known. */
  pieces?: Pieces | null;
  /** how it is unpacked; None: it is no archive. */
  unpack?: Unpack | null;
}

/** One model: what it is for, its licence, its files. */
export interface ModelEntry {
  id: string;
  name: string;
  /** what it is for, such as `stt`. */
  category: string;
  licence: string;
  /**
   * distinguishes this content from earlier content under the same id; empty: the digest of its promises is
   * used.
   */
  revision?: string;
  /** where the licence can be read. */
  licence_url?: string;
  /** whether a person has to accept the licence before the model may be fetched. */
  accept_licence?: boolean;
  /** oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty: any. */
  minimum_runtime?: string;
  files: Array<FilePromise>;
}

/** One model that the app knows, and where it is from. */
export interface CatalogueEntry {
  entry: ModelEntry;
  source: "added" | "bundled" | "remote";
  /** file or URL of the manifest, or the added name with its revision pinned. */
  where: string;
}

/** Counts of one conversation. */
export interface ConversationTotals {
  conversation_id: string;
  entries: number;
  tokens: number;
  first_at: number;
  last_at: number;
}

/** Conversations, the most recent first, and totals over all of them. */
export interface ConversationsListedEvent {
  type: "history.conversations_listed";
  conversations: Array<ConversationTotals>;
  total_count: number;
  total_tokens: number;
  last_updated: number;
}

/** Ask which conversations there are. */
export interface ConversationsRequestEvent {
  type: "history.conversations";
  limit?: number;
}

/** One key that encrypts documents. */
export interface DataKeyReport {
  /** its name in envelopes. */
  id: string;
  /** seconds since the Unix epoch. */
  created_at: number;
  /** since when it only decrypts; 0: it is the key that encrypts. */
  retired_at?: number;
}

/** One file of a report. */
export interface ReportFile {
  name: string;
  /** UTF-8 text. */
  content: string;
  /** of the content. */
  size_bytes: number;
  /** of the content, in hex. */
  sha256: string;
  /** how often each kind of private data was taken out, such as `home`, `secret` or `host`. */
  redactions?: Record<string, number>;
}

/** One thing that is wrong. */
export interface ReportFinding {
  /** what kind of thing, such as `disk_full`. */
  name: string;
  severity: "critical" | "error" | "info" | "warning";
  /** what was found. */
  sentence: string;
  /** what to do. */
  advice: string;
  /** which one of its kind, such as an actor or a model; empty: there is only one. */
  subject?: string;
}

/** A part that the report lacks, and why. */
export interface MissingPart {
  part: string;
  reason: string;
}

/** The report. Nothing was written to disk. */
export interface DiagnosticsGeneratedEvent {
  type: "diagnostics.generated";
  /** seconds since the Unix epoch. */
  made_at: number;
  /** `SUMMARY.md` first. A zip of them also holds a manifest, which the reader makes. */
  files: Array<ReportFile>;
  /** what is wrong, the cause first. */
  findings: Array<ReportFinding>;
  missing: Array<MissingPart>;
  /** one page in Markdown, the content of `SUMMARY.md`. */
  summary: string;
  /** how often each kind of private data was taken out, over all files. */
  redactions: Record<string, number>;
  /** how long it took. */
  seconds: number;
}

/** Ask for a report. It comes within two seconds, even if other actors do not answer. */
export interface DiagnosticsGenerateRequestEvent {
  type: "diagnostics.generate";
  /** how many of the newest log records it holds. */
  log_records?: number;
}

/** The cache, after the request. */
export interface DocumentCacheReportedEvent {
  type: "documents.cache_reported";
  ttl_seconds: number;
  types: Array<CachedDocument>;
}

/** Ask for the statistics of the cache. */
export interface DocumentCacheRequestEvent {
  type: "documents.cache";
  /** first drop what is cached of `type_name`, or of all types if that is empty. */
  clear?: boolean;
  type_name?: string;
}

/** A document has another value, durably. The event does not hold the value. */
export interface DocumentChangedEvent {
  type: "documents.changed";
  type_name: string;
  revision: number;
  /** name of the peer that asked for the change. */
  source?: string;
}

/** A whole document. */
export interface DocumentReadEvent {
  type: "documents.read_reported";
  type_name: string;
  /** the document, or the defaults of its type if there is none yet. */
  value: Record<string, unknown>;
  /** 0: there is none yet. */
  revision?: number;
  /** a later version wrote it, so it cannot be replaced. */
  read_only?: boolean;
  /** the copy that the value comes from, since the document was damaged; empty otherwise. */
  repaired_from?: string;
  /** where the damaged document was put; empty: it was not damaged. */
  evidence?: string;
}

/** Read the document of a type, from the cache while it is fresh. */
export interface DocumentReadRequestEvent {
  type: "documents.read";
  type_name: string;
}

/** A type of documents. `version`: of the type; `schema`: JSON Schema. */
export interface DocumentType {
  type_name: string;
  version: number;
  schema: Record<string, unknown>;
}

/** All types of documents that the profile declares. */
export interface DocumentTypesReportedEvent {
  type: "documents.types_reported";
  types: Array<DocumentType>;
}

/** Ask which types of documents there are. */
export interface DocumentTypesRequestEvent {
  type: "documents.types";
}

/** A document is on disk, safe from a power cut. */
export interface DocumentWrittenEvent {
  type: "documents.written";
  type_name: string;
  revision: number;
}

/** Replace the document of a type. */
export interface DocumentWriteRequestEvent {
  type: "documents.write";
  type_name: string;
  /** the whole document; there are no partial updates. */
  value: Record<string, unknown>;
  /** refuse unless the document has this revision now; 0: unless there is none; None: do not check. */
  expected_revision?: number | null;
}

/** How much of one file is durable. */
export interface FileProgress {
  path: string;
  /** over all its ranges. */
  durable_bytes: number;
  size_bytes: number;
  /** how many of them follow each other from the start of the file, and can be hashed; None: all of them. */
  prefix_bytes?: number | null;
}

/** One broken promise: where, what was found, what was expected. */
export interface VerificationFinding {
  path: string;
  aspect: "missing" | "sha256" | "size" | "unreadable";
  found: string;
  expected: string;
  /**
   * numbers of the bad pieces, from 0; only these have to be fetched again. Empty: the manifest has no
   * digests of pieces, so the whole file is bad.
   */
  pieces?: Array<number>;
}

/** The verdict on a directory. No findings: every file keeps its promise. */
export interface FilesVerifiedEvent {
  type: "models.files_verified";
  model_id: string;
  findings: Array<VerificationFinding>;
  hashed_bytes: number;
  /** bytes that were hashed while the download still ran. */
  hashed_behind_bytes: number;
  seconds: number;
  /** when the oldest of these readings took place, seconds since the Unix epoch; None with findings. */
  verified_at?: number | null;
}

/** Ask the verifier to compare files with what the manifest promises of them. */
export interface FilesVerifyRequestEvent {
  type: "models.verify_files";
  model_id: string;
  directory: string;
  files: Array<FilePromise>;
  /** do not read files again that look as they did when they were verified. */
  trust_records?: boolean;
  /** read only while nothing else needs the disk and no download runs. */
  idle?: boolean;
}

/** One thing that the check found. */
export interface Finding {
  kind: "backup" | "damaged" | "evidence" | "journal" | "locked" | "missing" | "restore" | "schema" | "temporary" | "too_new" | "unknown_file" | "unlisted" | "unreadable";
  /** relative to the store, with slashes. */
  path: string;
  /** the key that it belongs to; empty: none. */
  key: string;
  problem: string;
  /** what was done about it; empty: nothing. */
  repair?: string;
  /** where the damaged file is now; empty: it was not moved. */
  evidence?: string;
}

/** Events of a topic are lost to this subscriber for good. The client makes it; it never travels. */
export interface GapEvent {
  type: "bus.gap";
  /** topic of the lost events. */
  lost_topic: string;
  /** how many are lost. */
  count: number;
  /**
   * `ring_exceeded`: the subscriber was too slow, or away too long. `broker_restarted`: they were lost with
   * the former broker, and their publisher no longer had them. `unreadable`: they came, and are no events
   * that a client can read.
   */
  reason: "broker_restarted" | "ring_exceeded" | "unreadable";
}

/** A range of a text, in characters; `end` is excluded. */
export interface Highlight {
  start: number;
  end: number;
}

/** One thing that was dictated, said or answered. */
export interface HistoryEntry {
  /** UUIDv7, so ids sort by time. */
  id: string;
  /** seconds since the Unix epoch. */
  at: number;
  /** the app's word for what it is, such as `dictation` or `answer`. */
  kind: string;
  text: string;
  mode?: string;
  language?: string;
  /** length of the recording; 0: there was none. */
  duration_seconds?: number;
  model_id?: string;
  /** groups the turns of one conversation; empty: none. */
  conversation_id?: string;
  role?: string;
  /** how many a language model counted; 0: none did. */
  tokens?: number;
  /** when the text was last edited; None: never. */
  edited_at?: number | null;
  /** further fields of the app. */
  fields?: Record<string, string>;
}

/** The entry is stored: in memory it survives a crash of the actor, on disk a power cut. */
export interface HistoryAppendedEvent {
  type: "history.appended";
  entry: HistoryEntry;
  storage: "encrypted" | "memory" | "plaintext";
}

/** Add an entry. */
export interface HistoryAppendRequestEvent {
  type: "history.append";
  text: string;
  kind?: string;
  mode?: string;
  language?: string;
  duration_seconds?: number;
  model_id?: string;
  conversation_id?: string;
  role?: string;
  tokens?: number;
  fields?: Record<string, string>;
  /** seconds since the Unix epoch; None: now. */
  at?: number | null;
  /** UUIDv7 of the entry, so that a repeated request does not add it twice; empty: the actor makes one. */
  id?: string;
}

/** The history changed. In memory mode, a crashed actor recovers from the retained events. */
export interface HistoryChangedEvent {
  type: "history.changed";
  /**
   * in memory mode, the slot of the entry in the ring; the broker retains the last event of each slot. On
   * disk: `live`.
   */
  slot: string;
  change: "added" | "cleared" | "edited" | "removed";
  /** None: the slot is empty now. */
  entry?: HistoryEntry | null;
  /** the entry that changed; empty: all of them. */
  entry_id?: string;
}

/** Entries are gone, or would be with `dry_run`. */
export interface HistoryRemovedEvent {
  type: "history.removed";
  count: number;
  dry_run: boolean;
  /** a sentence for people, such as what a purge removed; empty: there is nothing to add. */
  note?: string;
}

/** Delete all entries, or those before a moment. */
export interface HistoryClearRequestEvent {
  type: "history.clear";
  /** seconds since the Unix epoch; None: all. */
  before?: number | null;
  /** on disk, remove segments, index and anchor too, so that nothing remains readable. */
  purge?: boolean;
  /** with `purge`, remove it from the backups as well. */
  purge_backups?: boolean;
  dry_run?: boolean;
}

/** Delete single entries. */
export interface HistoryDeleteRequestEvent {
  type: "history.delete";
  ids: Array<string>;
  dry_run?: boolean;
}

/** An entry has another text. */
export interface HistoryEditedEvent {
  type: "history.edited";
  entry: HistoryEntry;
}

/** Replace the text of an entry. */
export interface HistoryEditRequestEvent {
  type: "history.edit";
  id: string;
  text: string;
}

/** One part of an export. Parts follow each other without a gap. */
export interface HistoryExportedEvent {
  type: "history.exported";
  /** UTF-8 text. */
  content: string;
  entries: number;
  /** the `after` of the next part; empty: this was the last. */
  next_after: string;
}

/** Ask for entries as text, oldest first, part by part. */
export interface HistoryExportRequestEvent {
  type: "history.export";
  format: "csv" | "jsonl" | "markdown";
  /** id of the last entry of the previous part; empty: the first part, which holds the head of the format. */
  after?: string;
  since?: number | null;
  until?: number | null;
  conversation_id?: string;
  limit?: number;
}

/** An entry that holds all the words, and where they are. */
export interface Hit {
  entry: HistoryEntry;
  highlights: Array<Highlight>;
}

/** What a search found, newest first. */
export interface HistoryFoundEvent {
  type: "history.found";
  hits: Array<Hit>;
  /** the `before` of the next page; empty: this was the last. */
  next_before: string;
  /** False: entries are still being loaded, so there may be more. */
  complete?: boolean;
}

/** Where the history is kept, and how much of it there is. */
export interface HistoryStatusEvent {
  type: "history.status_reported";
  /** where the person wants it. */
  mode: "disk" | "memory";
  /** where it is kept now; `memory` although `mode` is `disk`, where disk is not safe. */
  storage: "encrypted" | "memory" | "plaintext";
  /** a sentence for people about that; empty: it is kept as they chose. */
  notice: string;
  entries: number;
  size_bytes: number;
  /** most entries that memory keeps; 0: no limit (on disk). */
  limit_entries: number;
  /** share of the files that is loaded; 1.0: all. */
  loading?: number;
  /** what the last check of the files found: torn, truncated, tampered or missing parts. */
  findings?: Array<string>;
  /** in memory mode, size of older files on disk, which are neither read nor changed. */
  left_on_disk_bytes?: number;
}

/** Accept what a notice reports: files left on disk in memory mode, or segments that are lost. */
export interface HistoryKeepRequestEvent {
  type: "history.keep";
}

/** Entries, newest first. */
export interface HistoryPageEvent {
  type: "history.page";
  entries: Array<HistoryEntry>;
  /** the `before` of the next page; empty: this was the last. */
  next_before: string;
  /** entries that match, on all pages. */
  total: number;
}

/** Delete what the retention rules do not keep. */
export interface HistoryPruneRequestEvent {
  type: "history.prune";
  /** limit of each rule; 0: no limit; None: the setting of that name in `history`. */
  keep_days?: number | null;
  /** limit of each rule; 0: no limit; None: the setting of that name in `history`. */
  keep_entries?: number | null;
  /** limit of each rule; 0: no limit; None: the setting of that name in `history`. */
  keep_mib?: number | null;
  dry_run?: boolean;
}

/** Ask for entries. */
export interface HistoryQueryRequestEvent {
  type: "history.query";
  /** seconds since the Unix epoch; `since` is included, `until` is not. */
  since?: number | null;
  /** seconds since the Unix epoch; `since` is included, `until` is not. */
  until?: number | null;
  kind?: string;
  text?: string;
  conversation_id?: string;
  /** only these entries; empty: any. */
  ids?: Array<string>;
  /** id of an entry; only older ones are returned. */
  before?: string;
  limit?: number;
}

/** Search for entries that hold all of `words`, in any case. The last word may be the beginning of one. */
export interface HistorySearchRequestEvent {
  type: "history.search";
  words: string;
  before?: string;
  limit?: number;
}

/** Ask where the history is kept. */
export interface HistoryStatusRequestEvent {
  type: "history.status";
}

/** The storage of the history changed, or the notice about it. */
export interface HistoryStorageChangedEvent {
  type: "history.storage_changed";
  status: HistoryStatusEvent;
}

/** The state of the keys of a home. */
export interface KeysReport {
  state: "absent" | "locked" | "unlocked";
  /** why they are locked; None: they are not. */
  reason?: "entry_missing" | "keychain_locked" | "keychain_refused" | "keys_damaged" | "keys_missing" | "keys_not_saved" | "keys_too_new" | "keys_unreadable" | "no_keychain" | "not_asked" | "timed_out" | "wrong_key" | null;
  /** the same in a sentence, without secrets. */
  detail?: string;
  /** what to do; empty: nothing. */
  advice?: string;
  /** the keychain that is asked. */
  keychain?: string;
  /** the keychain that holds the key-encryption key, where that is known. */
  kept_in?: string;
  /** name of the key that encrypts the others. */
  key_encryption_key?: string;
  data_keys?: Array<DataKeyReport>;
  /** whether a recovery code can restore them. */
  has_recovery_code?: boolean;
}

/** The keys of an actor were unlocked, locked, or rotated. */
export interface KeysStateChangedEvent {
  type: "keys.state_changed";
  /** name of the actor that uses them. */
  source: string;
  report: KeysReport;
}

/** A holder's claim on the revision of a model that was active when the lease was given. */
export interface Lease {
  lease_id: string;
  model_id: string;
  /** name for people. */
  holder: string;
  /** of the peer with which the lease ends; empty: only time ends it. */
  instance: string;
  revision: string;
  /** seconds since the Unix epoch. */
  since: number;
  /** when it ends unless it is renewed, seconds since the Unix epoch; None: it ends with its peer. */
  until: number | null;
}

/** A person accepted the licence of a model. */
export interface LicenceAcceptance {
  model_id: string;
  licence: string;
  revision: string;
  /** SHA-256 over licence, licence URL and revision of the entry; when it changes, the licence is due again. */
  digest: string;
  /** seconds since the Unix epoch. */
  accepted_at: number;
  /** name of the account on this machine. */
  accepted_by: string;
}

/** The acceptance is on disk. */
export interface LicenceAcceptedEvent {
  type: "models.licence_accepted";
  acceptance: LicenceAcceptance;
}

/** State that a person read and accepted the licence of a model. */
export interface LicenceAcceptRequestEvent {
  type: "models.accept_licence";
  model_id: string;
}

/** The log level of an actor changed. The level of one actor wins over that of all (`*`). */
export interface LogLevelChangedEvent {
  type: "logs.level_changed";
  actor: string;
  level: "critical" | "debug" | "error" | "info" | "warning" | null;
}

/** Change the log level of one actor or of all (`*`). */
export interface LogLevelRequestEvent {
  type: "logs.set_level";
  actor?: string;
  level?: "critical" | "debug" | "error" | "info" | "warning" | null;
}

/** One line that a process wrote to stdout or stderr, or the supervisor about it, redacted. */
export interface LogLine {
  actor: string;
  /** seconds since the Unix epoch. */
  at: number;
  text: string;
  /** it repeats a record that was also published (`logs.recorded`). */
  recorded?: boolean;
  /** the supervisor wrote it: why it ended the actor, or how the actor ended. */
  verdict?: boolean;
  /** id of the matter that a recorded line belongs to; empty: none. */
  correlation?: string;
}

/** Processes wrote to stdout or stderr. */
export interface LogLinesWrittenEvent {
  type: "supervision.log_lines_written";
  lines: Array<LogLine>;
}

/** One log record, redacted before it left its process. */
export interface LogRecord {
  actor: string;
  /** seconds since the Unix epoch. */
  at: number;
  level: "critical" | "debug" | "error" | "info" | "warning";
  /** dotted name of the module that logged it; `stderr` for a line that a process wrote there. */
  logger: string;
  message: string;
  /** further values, by name. */
  fields?: Record<string, string>;
  /** id of the matter that it belongs to, across all actors; empty: none. */
  correlation?: string;
  /** of an exception, without values of variables; empty: none. */
  traceback?: string;
}

/** An actor logged something. */
export interface LogRecordedEvent {
  type: "logs.recorded";
  records: Array<LogRecord>;
  /** records since the last event that were dropped, because there were too many at once. */
  dropped?: number;
}

/** The newest records, the oldest first. */
export interface LogRingReadEvent {
  type: "logs.ring_read";
  records: Array<LogRecord>;
  /** records that the ring no longer holds, or never got. */
  dropped: number;
}

/** Ask for the newest records. */
export interface LogRingRequestEvent {
  type: "logs.read_ring";
  /** only records of this actor; None: of all. */
  actor?: string | null;
  /** only records of this level or a higher one. */
  level?: "critical" | "debug" | "error" | "info" | "warning";
  /** only records of this matter; empty: of any. */
  correlation?: string;
  limit?: number;
}

/** The newest lines of the ring, the oldest first. `dropped`: older ones that it no longer holds. */
export interface LogsReportedEvent {
  type: "supervision.logs_reported";
  lines: Array<LogLine>;
  dropped: number;
}

/** Ask for the newest log lines of one actor, or of all. `supervisor`: its own, and all its verdicts. */
export interface LogsRequestEvent {
  type: "supervision.logs";
  actor?: string | null;
  limit?: number;
}

/** The models that an app declares. */
export interface Manifest {
  /** version of this document type. */
  format: number;
  models: Array<ModelEntry>;
  /** oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty: any. */
  minimum_runtime?: string;
  /** grows with each published manifest; 0: it never leaves its package. */
  version?: number;
  /** when it was published (RFC 3339); a fetched manifest needs it. */
  issued_at?: string | null;
  /**
   * after this time a newer one should exist, so its absence is suspicious (RFC 3339); a fetched manifest
   * needs it.
   */
  expires_at?: string | null;
}

/** The outcome of fetching the remote manifest. */
export interface ManifestRefreshedEvent {
  type: "models.manifest_refreshed";
  /**
   * `taken`: a newer one is in force. `unchanged`: the one in force is the newest. `kept`: none came, or it
   * was refused; the former one stays in force. `none`: the profile names no remote manifest.
   */
  outcome: "kept" | "none" | "taken" | "unchanged";
  /** version in force; 0: none. */
  version: number;
  /** one sentence for people. */
  message: string;
}

/** Fetch the remote manifest now. */
export interface ManifestRefreshRequestEvent {
  type: "models.refresh";
}

/** One time series at one moment. */
export interface Sample {
  /** dotted, with its unit at the end, such as `state_persistence.save.duration_ms`. */
  name: string;
  kind: "counter" | "gauge" | "histogram";
  description: string;
  labels: Record<string, string>;
  /** of a counter or gauge; of a histogram, the sum of its observations. */
  value: number;
  /** observations of a histogram; 0 otherwise. */
  count?: number;
  /** of a histogram, by ascending limit; the last limit is infinity and is left out. */
  buckets?: Array<Bucket>;
}

/** The metrics of one actor. */
export interface MetricsReportedEvent {
  type: "metrics.reported";
  reading: string;
  actor: string;
  samples: Array<Sample>;
}

/** Ask all actors for their metrics. Each publishes its own once. */
export interface MetricsWantedEvent {
  type: "metrics.wanted";
  /** identifies this reading; the reports repeat it. */
  reading: string;
}

/** Why something cannot be used now. */
export interface Reason {
  kind: "checking" | "downloading" | "licence_due" | "model_absent" | "model_damaged" | "model_failed" | "model_paused" | "no_model_setting" | "no_path_setting" | "path_mismatch" | "path_missing" | "path_unusable" | "service_down" | "switched_off" | "unknown_model";
  /** the model id, category, path or actor in question. */
  subject: string;
  /** of the model in question; empty: there is none. */
  category?: string;
  /** one sentence for people. */
  text?: string;
}

/** Whether one mode of the app can be used now. A frontend enables its modes by this alone. */
export interface ModeAvailability {
  mode: string;
  title: string;
  status: "available" | "checking" | "switched_off" | "unavailable";
  /** required categories without a usable model. */
  missing?: Array<string>;
  /** why it is not available; empty: it is. */
  reasons?: Array<Reason>;
  /** names of the notices to show while an optional model is missing, such as `raw_output`. */
  notices?: Array<string>;
  /** the same as sentences. */
  notice_texts?: Array<string>;
}

/** A person added a model to the catalogue. */
export interface ModelAddedEvent {
  type: "models.added";
  entry: ModelEntry;
  pinned: string;
  /** False: the same entry was there before. */
  is_new: boolean;
  skipped?: Array<string>;
}

/** Resolve a name and add its model. Answered once that is durable. Fields as in `models.resolve`. */
export interface ModelAddRequestEvent {
  type: "models.add";
  name: string;
  sha256?: string;
  size_bytes?: number | null;
  model_id?: string;
  category?: string;
}

/** The state of one model. */
export interface ModelStatus {
  model_id: string;
  name: string;
  category: string;
  licence: string;
  state: "absent" | "damaged" | "downloading" | "failed" | "installed" | "partial" | "paused" | "queued" | "verifying";
  size_bytes: number;
  /** bytes that survive a crash; `size_bytes` once installed. */
  durable_bytes: number;
  /** why the model failed or is damaged, and what to do; empty otherwise. */
  problem?: string;
  /** the kind of problem, for programs; empty without one. */
  problem_kind?: "" | "damaged" | "disk" | "held" | "licence" | "mismatch" | "network" | "refused" | "server" | "space";
  /** the active revision; empty while none is installed. */
  revision?: string;
  /** the revision that the manifest names; differs from `revision` while an update is due or under way. */
  wanted_revision?: string;
  /** the revision that a rollback would restore; empty: there is none. */
  former_revision?: string;
  /** names of the peers that hold a lease on it. */
  held_by?: Array<string>;
  /** a person has to accept its licence before it can be installed. */
  licence_due?: boolean;
}

/** The install was stopped. */
export interface ModelCancelledEvent {
  type: "models.cancelled";
  status: ModelStatus;
}

/** Stop an install. The partial is kept for a later one unless `drop_partial`. */
export interface ModelCancelRequestEvent {
  type: "models.cancel";
  model_id: string;
  drop_partial?: boolean;
}

/** The models that the app knows now: the whole list, each id once. */
export interface ModelCatalogueChangedEvent {
  type: "models.catalogue_changed";
  models: Array<CatalogueEntry>;
  /** licences that a person accepted. */
  accepted: Array<LicenceAcceptance>;
  /** counts the changes in this life of the actor. */
  revision: number;
  reason: "accepted" | "added" | "refreshed" | "start" | "withdrawn";
  /** version of the remote manifest in force; 0: none. */
  manifest_version?: number;
  /** for each entry or manifest that is not in force, a sentence that says why. */
  problems?: Array<string>;
  /** names this life of the actor; empty: an older version published it. */
  life?: string;
}

/**
 * The models that the app knows now, as in `models.catalogue_changed`.
 *
 * It holds everything that was answered before it: what was added, withdrawn, accepted or refreshed.
 */
export interface ModelCatalogueStatedEvent {
  type: "models.catalogue_stated";
  models?: Array<CatalogueEntry>;
  accepted?: Array<LicenceAcceptance>;
  life: string;
  revision: number;
  /** the request named this state, so `models` and `accepted` are left empty. */
  is_known?: boolean;
}

/**
 * Ask for the catalogue.
 *
 * Events and answers travel apart: who acts on an answer asks first whether it knows the state behind it.
 */
export interface ModelCatalogueRequestEvent {
  type: "models.catalogue";
  /** with `revision`, the state that the asker knows; empty: none. */
  life?: string;
  revision?: number;
}

/**
 * More bytes of a model are durable. At most ten a second for each model.
 *
 * The event has two readers. Frontends show the progress. The model verifier hashes the staged files
 * behind the download: it takes `staging_directory` and the `prefix_bytes` of each file from here, and
 * nothing else tells it that bytes may be read. A verifier that misses events loses no correctness, only
 * time: it reads the rest of the files when it is asked for its verdict.
 *
 * Within an attempt, `durable_bytes` and `prefix_bytes` never shrink. Bytes below `prefix_bytes` do not
 * change until the attempt ends.
 */
export interface ModelDownloadProgressedEvent {
  type: "models.download_progressed";
  model_id: string;
  name: string;
  /** counts from 1. A new attempt may start with fewer bytes, where bytes had to be discarded. */
  attempt: number;
  durable_bytes: number;
  size_bytes: number;
  rate_bytes_per_second: number;
  /** None: the rate is not known yet. */
  seconds_left: number | null;
  /** directory of the partial files. */
  staging_directory: string;
  /** one for each file of the model. */
  files: Array<FileProgress>;
}

/** The request is on disk: the install survives any crash, until it is done, failed or cancelled. */
export interface ModelInstallAcceptedEvent {
  type: "models.install_accepted";
  status: ModelStatus;
}

/** Install a model. Answered once the request is durable, long before the bytes are there. */
export interface ModelInstallRequestEvent {
  type: "models.install";
  model_id: string;
}

/** A model was verified, and its directory is in place, whole. */
export interface ModelInstalledEvent {
  type: "models.installed";
  model_id: string;
  name: string;
  directory: string;
  size_bytes: number;
  fetched_bytes: number;
  attempts: number;
}

/** The model stays unchanged and in place until the lease ends: removal, update and rollback wait. */
export interface ModelLeasedEvent {
  type: "models.leased";
  lease: Lease;
  /** directory of its files; valid until the lease ends. */
  directory: string;
}

/** Hold an installed model in use. */
export interface ModelLeaseRequestEvent {
  type: "models.lease";
  model_id: string;
  /** name that is shown to those who wait. */
  holder: string;
  /**
   * public instance of the peer that asks: the lease then ends when that peer leaves the bus, or was not
   * seen for a while. Empty: it ends after `ttl_seconds`.
   */
  instance?: string;
  /** how long it lasts without being renewed; ignored for a lease that is bound to a peer. */
  ttl_seconds?: number;
  /** renew this lease; empty: a new one. */
  lease_id?: string;
}

/** What a name stands for now. */
export interface ModelNameResolvedEvent {
  type: "models.name_resolved";
  /** the manifest entry for it. */
  entry: ModelEntry;
  /** the name with its revision pinned, so that it keeps its meaning. */
  pinned: string;
  /** files of the source that do not belong to the entry, each with the reason. */
  skipped?: Array<string>;
}

/** Ask what a name stands for. */
export interface ModelNameResolveRequestEvent {
  type: "models.resolve";
  /**
   * `hf:org/repo[@revision][:file]`, `oci:registry/name:tag`, `ollama:name:tag`, `https://...` or
   * `file:/path`.
   */
  name: string;
  /** digest of the file that a URL names, 64 hex digits, unless the fragment of the URL holds it. */
  sha256?: string;
  /** its length, for a server that does not state it; None: ask the server. */
  size_bytes?: number | null;
  /** id of the entry; empty: derive one from the name. */
  model_id?: string;
  /** what the model is for, such as `stt`; empty: guess it. */
  category?: string;
}

/** The install is paused, through restarts too, until it is resumed. */
export interface ModelPausedEvent {
  type: "models.paused";
  status: ModelStatus;
}

/** Pause an install. Its durable bytes stay. Answered once the pause is durable. */
export interface ModelPauseRequestEvent {
  type: "models.pause";
  model_id: string;
}

/** The lease has ended. `was_held`: it was known until now. */
export interface ModelReleasedEvent {
  type: "models.released";
  model_id: string;
  was_held: boolean;
}

/** Give a lease back. */
export interface ModelReleaseRequestEvent {
  type: "models.release";
  model_id: string;
  lease_id: string;
}

/** What was removed, or would be with `dry_run`. */
export interface ModelRemovalEvent {
  type: "models.removal";
  status: ModelStatus;
  freed_bytes: number;
  dry_run: boolean;
}

/** Remove an installed model, its former revision, its partial files and its records. */
export interface ModelRemoveRequestEvent {
  type: "models.remove";
  model_id: string;
  dry_run?: boolean;
  /** how long it waits for leases to end; then it is refused, and the holders are named. */
  wait_seconds?: number;
}

/** A model was removed from disk on request. */
export interface ModelRemovedEvent {
  type: "models.removed";
  model_id: string;
  freed_bytes: number;
}

/** The sound parts of a damaged model are staged again, and the rest is being fetched. */
export interface ModelRepairAcceptedEvent {
  type: "models.repair_accepted";
  status: ModelStatus;
  /** bytes of files and pieces that need not be fetched. */
  kept_bytes: number;
}

/** Repair a damaged model. Only what is bad is fetched. */
export interface ModelRepairRequestEvent {
  type: "models.repair";
  model_id: string;
}

/** A paused install continues. */
export interface ModelResumedEvent {
  type: "models.resumed";
  status: ModelStatus;
}

/** Continue a paused install. Answered once that is durable. */
export interface ModelResumeRequestEvent {
  type: "models.resume";
  model_id: string;
}

/** The former revision of a model is active again; the one that was active is now the former one. */
export interface ModelRolledBackEvent {
  type: "models.rolled_back";
  status: ModelStatus;
}

/** Return to the former revision. It is verified first. */
export interface ModelRollbackRequestEvent {
  type: "models.rollback";
  model_id: string;
  /** how long it waits for leases to end; then it is refused, and the holders are named. */
  wait_seconds?: number;
}

/** The state of a model changed. */
export interface ModelStateChangedEvent {
  type: "models.state_changed";
  model_id: string;
  status: ModelStatus;
}

/** What a check of an installed model found. */
export interface ModelVerdictEvent {
  type: "models.verdict";
  status: ModelStatus;
  findings: Array<VerificationFinding>;
}

/** The files of a model do not keep what its manifest promises. They are put out of use, not deleted. */
export interface ModelVerificationFailedEvent {
  type: "models.verification_failed";
  model_id: string;
  findings: Array<VerificationFinding>;
}

/** The files of a model keep what its manifest promises. */
export interface ModelVerifiedEvent {
  type: "models.verified";
  model_id: string;
  size_bytes: number;
}

/** Ask for every byte of an installed model to be hashed again. */
export interface ModelVerifyRequestEvent {
  type: "models.verify";
  model_id: string;
}

/** An added model is no longer in the catalogue. Installed files stay. */
export interface ModelWithdrawnEvent {
  type: "models.withdrawn";
  model_id: string;
}

/** Remove an added model from the catalogue. */
export interface ModelWithdrawRequestEvent {
  type: "models.withdraw";
  model_id: string;
}

/** Every model of the manifests, with its state. */
export interface ModelsListedEvent {
  type: "models.listed";
  models: Array<ModelStatus>;
  models_directory: string;
}

/** Ask for all models and their states. */
export interface ModelsListRequestEvent {
  type: "models.list";
}

/** The move is on disk and survives any crash; with `dry_run` nothing happened. */
export interface ModelsRelocationEvent {
  type: "paths.models_relocation";
  /** models that will be moved. */
  moved_models: Array<string>;
  /** models that are at the new place in full length, and are kept if their hashes match. */
  adopted_models: Array<string>;
  /** bytes to copy; 0: both places are on one file system. */
  copy_bytes: number;
  /** identifies this move; empty with `dry_run`. */
  move_id?: string;
}

/** Tell the owner of the models to move to another directory, and then to settle the choice. */
export interface ModelsRelocateRequestEvent {
  type: "paths.relocate_models";
  /** the directory; it exists and is writable. */
  target: string;
  action: "adopt" | "anew" | "move";
  /** the choice behind the move, to be settled at its end. */
  category: "logs" | "models" | "root" | "tools" | "workspace";
  /** the choice behind the move, to be settled at its end. */
  path: string;
  dry_run?: boolean;
}

/** The verifier reads models below this directory from now on. */
export interface ModelsRootAdmittedEvent {
  type: "paths.models_root_admitted";
  directory: string;
}

/** Let the verifier read models in another directory. Only the owner of the models asks this. */
export interface ModelsRootAdmitRequestEvent {
  type: "paths.admit_models_root";
  /**
   * directory of all models. The verifier keeps it until it ends; its next life knows the one that is chosen
   * by then.
   */
  directory: string;
}

/** The state of one namespace. `quota_bytes`: 0: there is none. */
export interface NamespaceHealth {
  name: string;
  keys: number;
  size_bytes: number;
  quota_bytes: number;
  encrypt: boolean;
  owner: string;
}

/** A banner, a toast, or the head of the recovery screen: a text, and what a person can do. */
export interface Notice {
  text: string;
  actions?: Array<Action>;
  /** it disappears after this time; 0: it stays. */
  fade_ms?: number;
}

/** Files of a model that is not installed. */
export interface PartialFound {
  /** of a model in the manifests, or of one that they no longer name. */
  model_id: string;
  /** `partial`: an install that is under way or was abandoned. `damaged`: a model put out of use. */
  kind: "damaged" | "partial";
  /** state of the model; `partial` for one that no manifest names any more. */
  state: "absent" | "damaged" | "downloading" | "failed" | "installed" | "partial" | "paused" | "queued" | "verifying";
  /** bytes on disk. */
  size_bytes: number;
  /** bytes of the promised files that survive a crash. */
  durable_bytes: number;
  /** size of the whole model; 0: not known any more. */
  promised_bytes: number;
  /** since bytes were last added. */
  age_seconds: number;
  /** hosts that its bytes came from; the rest of a URL may hold a secret. */
  url_hosts?: Array<string>;
  /** its install continues, now or when it is resumed. */
  is_wanted?: boolean;
}

/** What was removed, or would be with `dry_run`. `problems`: a sentence for each that could not be. */
export interface PartialsCollectedEvent {
  type: "models.collected";
  removed: Array<PartialFound>;
  freed_bytes: number;
  keep_days: number;
  dry_run: boolean;
  problems?: Array<string>;
}

/** Remove partial and damaged models that no install wants and that are older than the limit. */
export interface PartialsCollectRequestEvent {
  type: "models.collect";
  dry_run?: boolean;
  /** the limit for this request; None: that of the settings, where 0 keeps everything. */
  keep_days?: number | null;
}

/** All partial and damaged models. */
export interface PartialsListedEvent {
  type: "models.partials_listed";
  partials: Array<PartialFound>;
  /** how long unwanted ones are kept, as a person set it; 0: for ever. */
  keep_days: number;
}

/** Ask for all partial and damaged models. */
export interface PartialsListRequestEvent {
  type: "models.partials";
}

/** Why a directory cannot be used. */
export interface PathProblem {
  kind: "busy" | "environment" | "held" | "missing" | "nested" | "not_a_directory" | "not_writable" | "relative" | "removed_drive" | "shared" | "space" | "unreadable" | "user_data";
  category: "config" | "logs" | "models" | "state" | "tools" | "workspace" | "root";
  path: string;
  /** a sentence that names the directory and says what to do. */
  message: string;
  /** what a person can do about it, the best first. */
  offers: Array<"choose" | "connect" | "create" | "free_space" | "reset" | "wait">;
}

/** The directory of one category, and whether it can be used. */
export interface PathStatus {
  category: "config" | "logs" | "models" | "state" | "tools" | "workspace";
  /** the active directory. */
  path: string;
  /** the directory from the next start on; empty: the same. */
  next_path: string;
  /** what decided on it. */
  origin: "environment" | "home" | "override" | "platform" | "root";
  /** the directory without any choice. */
  default: string;
  exists: boolean;
  /** it exists, and its owner may write there. */
  writable: boolean;
  /** on its disk, or on the disk where it would be created; None: not known. */
  free_bytes: number | null;
  /** when a choice for it takes effect. */
  takes_effect: "next_start" | "now";
  /** empty if it can be used. A default that does not exist yet is no problem. */
  problems: Array<PathProblem>;
}

/** The outcome of a choice. */
export interface PathChosenEvent {
  type: "paths.chosen";
  /** the choice is durable, or the move to it is, and survives any crash; with `dry_run`: it would be. */
  accepted: boolean;
  dry_run: boolean;
  /** why it was not accepted; empty if it was. */
  problems: Array<PathProblem>;
  /** sentences for people. */
  what_happens: Array<string>;
  /** the affected categories, as they will be. */
  paths: Array<PathStatus>;
  /** directories that were, or would be, created. */
  created: Array<string>;
  /** bytes to copy; 0: none. */
  move_bytes: number;
  /** of the move that has begun; empty: the choice is in effect already. */
  move_id?: string;
}

/** Choose a directory for a category. */
export interface PathChooseRequestEvent {
  type: "paths.choose";
  category: "logs" | "models" | "root" | "tools" | "workspace";
  /** absolute; empty: take the choice back. */
  path: string;
  /** what becomes of the models. Files of other categories stay where they are. */
  action?: "adopt" | "anew" | "move";
  /** create the directory if it is missing. */
  create_missing?: boolean;
  dry_run?: boolean;
}

/** No move is under way. All models are where they were. */
export interface PathMoveCancelledEvent {
  type: "paths.move_cancelled";
  was_moving: boolean;
}

/** Stop moving models. Refused once the new place is in use. */
export interface PathMoveCancelRequestEvent {
  type: "paths.cancel_move";
}

/** Progress of the models on their way to another directory. At most ten a second. */
export interface PathMoveChangedEvent {
  type: "paths.move_changed";
  source: string;
  target: string;
  action: "adopt" | "anew" | "move";
  state: "cancelled" | "failed" | "leaving" | "moved" | "moving";
  /** as in the answer to the choice. */
  move_id?: string;
  /** the model that is being moved; empty between models. */
  model_id?: string;
  /** at the new place already, of `total_bytes`; the new place is in use only when all are. */
  moved_bytes?: number;
  total_bytes?: number;
  /** what stays at the old place for now, since a program uses it. */
  kept_back?: Array<string>;
  /** why the move failed; all models are then at the old place. */
  problem?: string;
}

/** The choice is on disk. */
export interface PathsSettledEvent {
  type: "paths.settled";
  paths: Array<PathStatus>;
}

/** Put a choice into effect. The owner of the files sends this once they are at the new place. */
export interface PathSettleRequestEvent {
  type: "paths.settle";
  /** as they were chosen. */
  category: "logs" | "models" | "root" | "tools" | "workspace";
  /** as they were chosen. */
  path: string;
}

/** All directories: published at every start, and whenever one of them changed. */
export interface PathsChangedEvent {
  type: "paths.changed";
  paths: Array<PathStatus>;
  /** `start`, `chosen`, or `observed`: a drive came or went, or rights changed. */
  reason: "chosen" | "observed" | "start";
}

/** All directories, examined just now. */
export interface PathsListedEvent {
  type: "paths.listed";
  paths: Array<PathStatus>;
  /** the file that holds the choices. */
  choices_file: string;
}

/** Ask for all directories. They are examined anew, so this also notices a drive that is back. */
export interface PathsListRequestEvent {
  type: "paths.list";
}

/** The broker admitted a peer, or the peer came back on a new connection. */
export interface PeerJoinedEvent {
  type: "bus.peer_joined";
  peer: string;
  instance: string;
}

/** A peer left: it said BYE, or its connection ended. */
export interface PeerLeftEvent {
  type: "bus.peer_left";
  peer: string;
  instance: string;
  said_bye: boolean;
}

/** One line for a model that is being installed. */
export interface ProgressLine {
  model_id: string;
  name: string;
  /** 0 to 100; 100 only when every byte is durable. */
  percent: number;
  /** name and percent, such as `Whisper base: 41 %`. */
  text: string;
  durable_bytes: number;
  size_bytes: number;
  rate_bytes_per_second?: number;
  /** None: not known yet. */
  seconds_left?: number | null;
}

/** One line of the checklist. */
export interface Step {
  /** `settings`, `storage`, `services`, or `model.<category>`. */
  id: string;
  title: string;
  status: "failed" | "passed" | "running" | "skipped" | "waiting";
  /** seconds since the Unix epoch; None: not yet. */
  started_at?: number | null;
  /** seconds since the Unix epoch; None: not yet. */
  ended_at?: number | null;
  /** what was found; empty: nothing yet. */
  detail?: string;
}

/** What a person confirms once, before anything is fetched: the location and all models together. */
export interface SetupPrompt {
  heading: string;
  text: string;
  /** the active directory of the models. */
  location: string;
  models: Array<BundleModel>;
  size_bytes: number;
  /** bytes to fetch, over all models. */
  missing_bytes: number;
  /** free space at the location; None: not known. */
  free_bytes?: number | null;
  /** how to choose another directory before the bundle is confirmed. */
  change?: Action | null;
}

/** Repeated trouble with a model that points to a deeper fault, since the runtime started. */
export interface WarningSign {
  kind: "disk_full" | "fast_mismatch" | "hash_mismatch" | "range_flip" | "size_mismatch";
  model_id: string;
  /** how often it happened. */
  count: number;
  /** when it last happened, seconds since the Unix epoch. */
  last_at: number;
  /** the likely fault, and what to do. */
  text?: string;
}

/** Everything about readiness at one moment. */
export interface ReadinessSnapshot {
  /** grows with every snapshot, also across restarts of the actor. Only the order counts. */
  revision: number;
  state: "checking" | "degraded" | "downloading" | "idle" | "ready" | "recovery_required" | "setup_required";
  /** when this state began, seconds since the Unix epoch. */
  since: number;
  /** the state as a short message. */
  state_text: string;
  /** no mode can be used until a person has acted or a download has ended. */
  is_blocking: boolean;
  /**
   * what a frontend shows now; the field of that name holds it. The others are for views that a person
   * opens.
   */
  show: "banner" | "nothing" | "progress" | "recovery" | "setup" | "toast";
  steps: Array<Step>;
  modes: Array<ModeAvailability>;
  reasons?: Array<Reason>;
  /** the active directory of the models. */
  location?: string;
  banner?: Notice | null;
  setup?: SetupPrompt | null;
  progress?: Array<ProgressLine>;
  recovery?: Notice | null;
  toast?: Notice | null;
  signs?: Array<WarningSign>;
  locale?: string;
}

/** Readiness changed. */
export interface ReadinessChangedEvent {
  type: "readiness.changed";
  /** the whole state. */
  snapshot: ReadinessSnapshot;
  /** names of the fields of the snapshot that changed, so that a view redraws only those. */
  changed: Array<string>;
}

/** The present snapshot, and the full report as text for people. */
export interface ReadinessReportedEvent {
  type: "readiness.reported";
  snapshot: ReadinessSnapshot;
  text: string;
}

/** Ask for the snapshot and the full report. */
export interface ReadinessReportRequestEvent {
  type: "readiness.report";
  /** language of all texts, such as `de`; empty: that of the app. */
  locale?: string;
}

/** Failed models are tried again. */
export interface ReadinessRetriedEvent {
  type: "readiness.retried";
  /** models that are being installed again. */
  model_ids: Array<string>;
  /** one sentence for each of the others. */
  problems?: Array<string>;
  /** the first snapshot that includes this. */
  revision?: number;
}

/** Check everything again, and fetch or repair every model that failed or is damaged. */
export interface ReadinessRetryRequestEvent {
  type: "readiness.retry";
}

/** The bundle is confirmed: the request for each of its models is on disk. */
export interface ReadinessSetupAcceptedEvent {
  type: "readiness.setup_accepted";
  /** models that are being installed now. */
  model_ids: Array<string>;
  /** one sentence for each of the others. */
  problems?: Array<string>;
  /** the first snapshot that includes this. */
  revision?: number;
}

/** Confirm the whole bundle, once. */
export interface ReadinessSetupRequestEvent {
  type: "readiness.setup";
  /** the directory that the person saw; refused if another one is active now. Empty: do not check. */
  location?: string;
  /** the person accepts the licences that the bundle names as due; without this, such a bundle is refused. */
  accept_licences?: boolean;
}

/** Why one setting was not taken. */
export interface SettingProblem {
  /** dotted path of the setting, such as `vad.sensitivity`. */
  path: string;
  /** one sentence with what was found and what was expected. */
  problem: string;
  /** for programs that treat some problems differently. */
  kind?: "other" | "secret_exposed";
}

/** What a request did to the effective value of one setting. */
export interface SettingChange {
  /** the former value; secrets as `SECRET_PLACEHOLDER`, or empty. */
  before: unknown;
  /**
   * the new value; secrets as `SECRET_PLACEHOLDER`, or empty. Equal to `before` if a secret was replaced by
   * another.
   */
  after: unknown;
}

/** The outcome of a settings request. */
export interface RuntimeConfigResponseEvent {
  type: "config.response";
  /** the whole request was taken, or for `get_effective` answered. If false, nothing changed. */
  success: boolean;
  message: string;
  /** the overrides are on disk. False together with `success`: in effect now, lost with the process. */
  durable?: boolean;
  /** all effective settings after the request, nested by section; secrets as `SECRET_PLACEHOLDER`. */
  settings?: Record<string, unknown>;
  /** dotted path to value, what the user set; secrets as `SECRET_PLACEHOLDER`. */
  overrides?: Record<string, unknown>;
  /** why the request was not taken. */
  problems?: Array<SettingProblem>;
  /** counts the changes since the store started, so that two replies can be put in order. */
  revision?: number;
  /** dotted path to value, what holds until the store ends. */
  session?: Record<string, unknown>;
  /**
   * of the settings that were set, those that are not in effect because a higher layer wins, and which one
   * wins.
   */
  shadowed?: Record<string, "environment" | "policy" | "preset" | "profile" | "session" | "user">;
  /** of the settings that changed, those that take effect when their reader restarts. */
  restart?: Array<string>;
  /** identifies these overrides, also after a restart of the store; for `get_effective` only. */
  fingerprint?: string;
  /** dotted path to what this request alone changed; for a dry run, what it would change. */
  changed?: Record<string, SettingChange>;
}

/**
 * Read or change the application's settings. Several keys are taken together or not at all.
 *
 * `reset_section` and `reset_defaults` do what `update` does with `resets`: for one section, for every
 * setting.
 */
export interface RuntimeConfigRequestEvent {
  type: "config.request";
  operation: "get_effective" | "reset_defaults" | "reset_section" | "update";
  /** dotted path to new value; for `update` only. */
  updates?: Record<string, unknown>;
  /** dotted path of a section or setting that loses its overrides; for `reset_section` only. */
  section?: string;
  /** judge the request and show the settings as they would be, but change nothing. */
  dry_run?: boolean;
  /** dotted paths of settings or sections that lose their overrides; for `update` only. */
  resets?: Array<string>;
  /** `session` changes what holds until the store ends; it is never stored. */
  scope?: "session" | "user";
  /** refuse the request if the overrides do not have this fingerprint any more; empty: take it anyway. */
  expected_fingerprint?: string;
  /** others could read the values, so a secret among `updates` is refused. */
  from_command_line?: boolean;
  /** leave out the `updates` whose value is in effect already, so that they do not become overrides. */
  skip_unchanged?: boolean;
}

/** The value of a secret. It is a reply to one peer and is never published. */
export interface SecretRevealedEvent {
  type: "config.secret_revealed";
  value: string;
}

/** Ask for the value of a secret. Refused if it is not set, or if the keychain does not return it. */
export interface SecretRevealRequestEvent {
  type: "config.reveal_secret";
  /** dotted path of a setting that is declared a secret. */
  path: string;
}

/** What one layer says about a setting. */
export interface SettingLayer {
  layer: "environment" | "policy" | "preset" | "profile" | "session" | "user";
  /** where the layer is kept, such as a file or the name of a variable. */
  source: string;
  /** whether the layer has a value for this setting. */
  is_set: boolean;
  /** the value; secrets as `SECRET_PLACEHOLDER`. */
  value?: unknown;
  /** whether this value is in effect. */
  wins?: boolean;
  /** why the value does not count; empty if it does. */
  problem?: string;
}

/** Where the value of a setting comes from. */
export interface SettingExplained {
  path: string;
  title: string;
  /** what is in effect; secrets as `SECRET_PLACEHOLDER`. */
  value: unknown;
  /** the layer that has this value. */
  winner: "environment" | "policy" | "preset" | "profile" | "session" | "user";
  /** one sentence that says why. */
  reason: string;
  /** the administrator locked it. */
  is_locked: boolean;
  /** every layer, the lowest first. */
  layers: Array<SettingLayer>;
}

/** What the app declares about one setting. */
export interface SettingField {
  path: string;
  title: string;
  description: string;
  /** dotted path of its section; empty at the top. */
  section: string;
  /** heading of the section, for people. */
  section_title: string;
  /** its value where no layer has one; secrets as `SECRET_PLACEHOLDER`, or empty. */
  default?: unknown;
  /** whether a user may change it. */
  is_user?: boolean;
  /** the system's keychain keeps its value; only `config.reveal_secret` returns it. */
  is_secret?: boolean;
  /** a new value takes effect when its reader restarts. */
  needs_restart?: boolean;
}

/** The effective settings changed; values derived from them have to be computed again. */
export interface SettingsChangedEvent {
  type: "config.settings_changed";
  /**
   * dotted path to new value, for each setting whose effective value changed; secrets as
   * `SECRET_PLACEHOLDER`.
   */
  changed: Record<string, unknown>;
  /** all effective settings, nested by section; secrets as `SECRET_PLACEHOLDER`. */
  settings: Record<string, unknown>;
  revision: number;
  /**
   * `start` when the store announces what it loaded; `file` when `config.json` was edited; `policy` when the
   * administrator's file changed.
   */
  reason: "file" | "policy" | "reset_defaults" | "reset_section" | "start" | "update";
  /** of the changed settings, those that take effect when their reader restarts. */
  restart?: Array<string>;
}

/** Everything that a settings page needs. */
export interface SettingsDescribedEvent {
  type: "config.described";
  /** every setting, in the order in which the app declares them. */
  fields: Array<SettingField>;
  /** types and ranges, as JSON Schema (draft 2020-12). */
  json_schema: Record<string, unknown>;
  /** name to title of each packaged preset. */
  presets?: Record<string, string>;
  /** dotted path of the setting that chooses a preset; empty: there is none. */
  preset_setting?: string;
}

/** Ask which settings exist. */
export interface SettingsDescribeRequestEvent {
  type: "config.describe";
}

/** Where the values of the requested settings come from. */
export interface SettingsExplainedEvent {
  type: "config.explained";
  settings: Array<SettingExplained>;
}

/** Ask where values come from. Refused if there is no such setting. */
export interface SettingsExplainRequestEvent {
  type: "config.explain";
  /** dotted path of a setting or a section. */
  path: string;
}

/** The values of several keys. */
export interface StateBatchLoadedEvent {
  type: "state.batch_loaded";
  /** by key, as requested; null: there is no such key. */
  values: Record<string, unknown>;
  /** by key; 0: there is no such key. */
  revisions: Record<string, number>;
  /** keys that did not fit into this reply; ask for them again. */
  left_out?: Array<string>;
}

/** The whole batch is on disk. `revisions`: by key; 0: it was to be deleted and did not exist. */
export interface StateBatchSavedEvent {
  type: "state.batch_saved";
  revisions: Record<string, number>;
}

/** A key has another value, durably. The event does not hold the value. */
export interface StateChangedEvent {
  type: "state.changed";
  key: string;
  revision: number;
  /** the key is gone. */
  deleted?: boolean;
  /** name of the peer that asked for the change. */
  source?: string;
}

/** The result of a check. */
export interface StateCheckedEvent {
  type: "state.checked";
  /** documents that were read. */
  checked: number;
  /** backups that were read. */
  backups: number;
  /** at most FINDING_LIMIT of them. */
  findings: Array<Finding>;
  /** how many findings there are. */
  total: number;
  /** nothing is damaged, missing or unreadable; lesser findings do not count. */
  is_sound: boolean;
}

/** Check every document and every backup. */
export interface StateCheckRequestEvent {
  type: "state.check";
  /** also repair what can be repaired. Damaged files are put aside, never removed. */
  repair?: boolean;
}

/** A key is gone from disk. `existed`: it was there before; otherwise `revision` is 0. */
export interface StateDeletedEvent {
  type: "state.deleted";
  key: string;
  existed: boolean;
  revision?: number;
}

/** Delete a key. The options are those of a save. */
export interface StateDeleteRequestEvent {
  type: "state.delete";
  key: string;
  backup?: boolean | null;
  expected_revision?: number | null;
}

/** Whether there is such a key. */
export interface StateExistsReportedEvent {
  type: "state.exists_reported";
  key: string;
  exists: boolean;
}

/** Ask whether there is such a key. */
export interface StateExistsRequestEvent {
  type: "state.exists";
  key: string;
}

/** Something that went wrong, without any value. `at`: seconds since the Unix epoch. */
export interface StateFault {
  at: number;
  key: string;
  problem: string;
}

/** The state of the state store. */
export interface StateHealthReportedEvent {
  type: "state.health_reported";
  namespaces: Array<NamespaceHealth>;
  keys: number;
  /** of all documents on disk. */
  size_bytes: number;
  /** the most that they may take; 0: no limit. */
  quota_bytes: number;
  /** durable in the journal, but not yet in files of their own. */
  journal_bytes: number;
  /** the newest one. */
  revision: number;
  /** requests that succeeded since the store started. */
  saves: number;
  /** requests that succeeded since the store started. */
  loads: number;
  /** requests that failed since then. */
  refused: number;
  /** their mean duration; 0: there were none. */
  save_mean_ms: number;
  /** their mean duration; 0: there were none. */
  load_mean_ms: number;
  /** keys whose document was damaged and put aside, since the store started. */
  corrupted: number;
  /** the newest ones, the newest first. */
  faults: Array<StateFault>;
  /** the active alerts, as `<name>/<subject>`. */
  alerts: Array<string>;
}

/** Ask for the state of the state store. */
export interface StateHealthRequestEvent {
  type: "state.health";
}

/** A key in a listing. `size_bytes`: its size on disk. */
export interface StateKey {
  key: string;
  size_bytes: number;
}

/** One page of keys, in order. */
export interface StateListedEvent {
  type: "state.listed";
  keys: Array<StateKey>;
  /** the `after` of the next page; empty: this is the last one. */
  next_after?: string;
  /** keys with the prefix that the asking peer may read, on all pages. */
  total?: number;
}

/** List the keys that begin with a prefix, except those that the asking peer may not read. */
export interface StateListRequestEvent {
  type: "state.list";
  prefix?: string;
  after?: string;
  limit?: number;
}

/** Read several keys as of one moment. */
export interface StateLoadBatchRequestEvent {
  type: "state.load_batch";
  keys: Array<string>;
}

/** The value of a key. */
export interface StateLoadedEvent {
  type: "state.loaded";
  key: string;
  found: boolean;
  /** null: there is no such key. */
  value?: unknown;
  /** 0: there is no such key. */
  revision?: number;
  /** seconds since the Unix epoch. */
  saved_at?: number;
  encrypted?: boolean;
  compressed?: boolean;
  /** a later version of the app or of Undercroft wrote it, so it cannot be replaced. */
  read_only?: boolean;
  /** the copy that the value comes from, since the document was damaged; empty otherwise. */
  repaired_from?: string;
  /** where the damaged document was put; empty: it was not damaged. */
  evidence?: string;
}

/** Read the value of a key. `schema`: name of a schema that it must fit, besides that of the namespace. */
export interface StateLoadRequestEvent {
  type: "state.load";
  key: string;
  schema?: string;
}

/** Save and delete several keys, all or nothing, whatever happens. Each key may appear once. */
export interface StateSaveBatchRequestEvent {
  type: "state.save_batch";
  operations: Array<BatchOperation>;
}

/** A value is on disk, safe from a power cut. `size_bytes`: its size on disk. */
export interface StateSavedEvent {
  type: "state.saved";
  key: string;
  revision: number;
  size_bytes: number;
}

/** Save a value under a key. */
export interface StateSaveRequestEvent {
  type: "state.save";
  key: string;
  value: unknown;
  /** None: as the namespace says, whose stricter rule wins over False. */
  encrypt?: boolean | null;
  /** None: as the namespace says, whose stricter rule wins over False. */
  compress?: boolean | null;
  /** keep the former value below `backups/auto`; None: as the namespace says. */
  backup?: boolean | null;
  /** refuse unless the key has this revision now; 0: unless there is no such key; None: do not check. */
  expected_revision?: number | null;
  /** name of a schema that the value must fit, besides that of the namespace; empty: none. */
  schema?: string;
}

/** The state of the whole runtime. */
export interface SupervisorStatusEvent {
  type: "supervision.status_reported";
  version: string;
  profile: string;
  home: string;
  pid: number;
  started_at: number;
  /** every actor that should run is ready, or has failed for good. */
  settled: boolean;
  actors: Array<ActorStatus>;
  /** every actor is ready, or has done its work and ended well. */
  ready?: boolean;
  /** names of the others. */
  not_ready?: Array<string>;
}

/** Ask for the state of the runtime. */
export interface SupervisorStatusRequestEvent {
  type: "supervision.status";
}

/** The runtime is stopping: actors stop in reverse order of their start. */
export interface SupervisorStoppingEvent {
  type: "supervision.stopping";
  reason: string;
}

/** Stop the whole runtime cleanly. */
export interface SupervisorStopRequestEvent {
  type: "supervision.stop";
  reason?: string;
}

/** Topic to event. */
export interface EventOf {
  "crashes.actor_crashed": ActorCrashedEvent;
  "supervision.restart_accepted": ActorRestartAcceptedEvent;
  "supervision.restart": ActorRestartRequestEvent;
  "supervision.actor_state_changed": ActorStateChangedEvent;
  "alerts.changed": AlertChangedEvent;
  "backups.created": BackupCreatedEvent;
  "backups.create": BackupCreateRequestEvent;
  "backups.progressed": BackupProgressedEvent;
  "backups.restored": BackupRestoredEvent;
  "backups.restore": BackupRestoreRequestEvent;
  "backups.listed": BackupsListedEvent;
  "backups.list": BackupsListRequestEvent;
  "backups.pruned": BackupsPrunedEvent;
  "backups.prune": BackupsPruneRequestEvent;
  "backups.verified": BackupsVerifiedEvent;
  "backups.verify": BackupsVerifyRequestEvent;
  "bus.statistics_reported": BusStatisticsEvent;
  "bus.statistics": BusStatisticsRequestEvent;
  "history.conversations_listed": ConversationsListedEvent;
  "history.conversations": ConversationsRequestEvent;
  "diagnostics.generated": DiagnosticsGeneratedEvent;
  "diagnostics.generate": DiagnosticsGenerateRequestEvent;
  "documents.cache_reported": DocumentCacheReportedEvent;
  "documents.cache": DocumentCacheRequestEvent;
  "documents.changed": DocumentChangedEvent;
  "documents.read_reported": DocumentReadEvent;
  "documents.read": DocumentReadRequestEvent;
  "documents.types_reported": DocumentTypesReportedEvent;
  "documents.types": DocumentTypesRequestEvent;
  "documents.written": DocumentWrittenEvent;
  "documents.write": DocumentWriteRequestEvent;
  "models.files_verified": FilesVerifiedEvent;
  "models.verify_files": FilesVerifyRequestEvent;
  "bus.gap": GapEvent;
  "history.appended": HistoryAppendedEvent;
  "history.append": HistoryAppendRequestEvent;
  "history.changed": HistoryChangedEvent;
  "history.removed": HistoryRemovedEvent;
  "history.clear": HistoryClearRequestEvent;
  "history.delete": HistoryDeleteRequestEvent;
  "history.edited": HistoryEditedEvent;
  "history.edit": HistoryEditRequestEvent;
  "history.exported": HistoryExportedEvent;
  "history.export": HistoryExportRequestEvent;
  "history.found": HistoryFoundEvent;
  "history.status_reported": HistoryStatusEvent;
  "history.keep": HistoryKeepRequestEvent;
  "history.page": HistoryPageEvent;
  "history.prune": HistoryPruneRequestEvent;
  "history.query": HistoryQueryRequestEvent;
  "history.search": HistorySearchRequestEvent;
  "history.status": HistoryStatusRequestEvent;
  "history.storage_changed": HistoryStorageChangedEvent;
  "keys.state_changed": KeysStateChangedEvent;
  "models.licence_accepted": LicenceAcceptedEvent;
  "models.accept_licence": LicenceAcceptRequestEvent;
  "logs.level_changed": LogLevelChangedEvent;
  "logs.set_level": LogLevelRequestEvent;
  "supervision.log_lines_written": LogLinesWrittenEvent;
  "logs.recorded": LogRecordedEvent;
  "logs.ring_read": LogRingReadEvent;
  "logs.read_ring": LogRingRequestEvent;
  "supervision.logs_reported": LogsReportedEvent;
  "supervision.logs": LogsRequestEvent;
  "models.manifest_refreshed": ManifestRefreshedEvent;
  "models.refresh": ManifestRefreshRequestEvent;
  "metrics.reported": MetricsReportedEvent;
  "metrics.wanted": MetricsWantedEvent;
  "models.added": ModelAddedEvent;
  "models.add": ModelAddRequestEvent;
  "models.cancelled": ModelCancelledEvent;
  "models.cancel": ModelCancelRequestEvent;
  "models.catalogue_changed": ModelCatalogueChangedEvent;
  "models.catalogue_stated": ModelCatalogueStatedEvent;
  "models.catalogue": ModelCatalogueRequestEvent;
  "models.download_progressed": ModelDownloadProgressedEvent;
  "models.install_accepted": ModelInstallAcceptedEvent;
  "models.install": ModelInstallRequestEvent;
  "models.installed": ModelInstalledEvent;
  "models.leased": ModelLeasedEvent;
  "models.lease": ModelLeaseRequestEvent;
  "models.name_resolved": ModelNameResolvedEvent;
  "models.resolve": ModelNameResolveRequestEvent;
  "models.paused": ModelPausedEvent;
  "models.pause": ModelPauseRequestEvent;
  "models.released": ModelReleasedEvent;
  "models.release": ModelReleaseRequestEvent;
  "models.removal": ModelRemovalEvent;
  "models.remove": ModelRemoveRequestEvent;
  "models.removed": ModelRemovedEvent;
  "models.repair_accepted": ModelRepairAcceptedEvent;
  "models.repair": ModelRepairRequestEvent;
  "models.resumed": ModelResumedEvent;
  "models.resume": ModelResumeRequestEvent;
  "models.rolled_back": ModelRolledBackEvent;
  "models.rollback": ModelRollbackRequestEvent;
  "models.state_changed": ModelStateChangedEvent;
  "models.verdict": ModelVerdictEvent;
  "models.verification_failed": ModelVerificationFailedEvent;
  "models.verified": ModelVerifiedEvent;
  "models.verify": ModelVerifyRequestEvent;
  "models.withdrawn": ModelWithdrawnEvent;
  "models.withdraw": ModelWithdrawRequestEvent;
  "models.listed": ModelsListedEvent;
  "models.list": ModelsListRequestEvent;
  "paths.models_relocation": ModelsRelocationEvent;
  "paths.relocate_models": ModelsRelocateRequestEvent;
  "paths.models_root_admitted": ModelsRootAdmittedEvent;
  "paths.admit_models_root": ModelsRootAdmitRequestEvent;
  "models.collected": PartialsCollectedEvent;
  "models.collect": PartialsCollectRequestEvent;
  "models.partials_listed": PartialsListedEvent;
  "models.partials": PartialsListRequestEvent;
  "paths.chosen": PathChosenEvent;
  "paths.choose": PathChooseRequestEvent;
  "paths.move_cancelled": PathMoveCancelledEvent;
  "paths.cancel_move": PathMoveCancelRequestEvent;
  "paths.move_changed": PathMoveChangedEvent;
  "paths.settled": PathsSettledEvent;
  "paths.settle": PathSettleRequestEvent;
  "paths.changed": PathsChangedEvent;
  "paths.listed": PathsListedEvent;
  "paths.list": PathsListRequestEvent;
  "bus.peer_joined": PeerJoinedEvent;
  "bus.peer_left": PeerLeftEvent;
  "readiness.changed": ReadinessChangedEvent;
  "readiness.reported": ReadinessReportedEvent;
  "readiness.report": ReadinessReportRequestEvent;
  "readiness.retried": ReadinessRetriedEvent;
  "readiness.retry": ReadinessRetryRequestEvent;
  "readiness.setup_accepted": ReadinessSetupAcceptedEvent;
  "readiness.setup": ReadinessSetupRequestEvent;
  "config.response": RuntimeConfigResponseEvent;
  "config.request": RuntimeConfigRequestEvent;
  "config.secret_revealed": SecretRevealedEvent;
  "config.reveal_secret": SecretRevealRequestEvent;
  "config.settings_changed": SettingsChangedEvent;
  "config.described": SettingsDescribedEvent;
  "config.describe": SettingsDescribeRequestEvent;
  "config.explained": SettingsExplainedEvent;
  "config.explain": SettingsExplainRequestEvent;
  "state.batch_loaded": StateBatchLoadedEvent;
  "state.batch_saved": StateBatchSavedEvent;
  "state.changed": StateChangedEvent;
  "state.checked": StateCheckedEvent;
  "state.check": StateCheckRequestEvent;
  "state.deleted": StateDeletedEvent;
  "state.delete": StateDeleteRequestEvent;
  "state.exists_reported": StateExistsReportedEvent;
  "state.exists": StateExistsRequestEvent;
  "state.health_reported": StateHealthReportedEvent;
  "state.health": StateHealthRequestEvent;
  "state.listed": StateListedEvent;
  "state.list": StateListRequestEvent;
  "state.load_batch": StateLoadBatchRequestEvent;
  "state.loaded": StateLoadedEvent;
  "state.load": StateLoadRequestEvent;
  "state.save_batch": StateSaveBatchRequestEvent;
  "state.saved": StateSavedEvent;
  "state.save": StateSaveRequestEvent;
  "supervision.status_reported": SupervisorStatusEvent;
  "supervision.status": SupervisorStatusRequestEvent;
  "supervision.stopping": SupervisorStoppingEvent;
  "supervision.stop": SupervisorStopRequestEvent;
}

/** Topic of a request to its reply. */
export interface ReplyTo {
  "supervision.restart": ActorRestartAcceptedEvent;
  "backups.create": BackupCreatedEvent;
  "backups.restore": BackupRestoredEvent;
  "backups.list": BackupsListedEvent;
  "backups.prune": BackupsPrunedEvent;
  "backups.verify": BackupsVerifiedEvent;
  "bus.statistics": BusStatisticsEvent;
  "history.conversations": ConversationsListedEvent;
  "diagnostics.generate": DiagnosticsGeneratedEvent;
  "documents.cache": DocumentCacheReportedEvent;
  "documents.read": DocumentReadEvent;
  "documents.types": DocumentTypesReportedEvent;
  "documents.write": DocumentWrittenEvent;
  "models.verify_files": FilesVerifiedEvent;
  "history.append": HistoryAppendedEvent;
  "history.clear": HistoryRemovedEvent;
  "history.delete": HistoryRemovedEvent;
  "history.edit": HistoryEditedEvent;
  "history.export": HistoryExportedEvent;
  "history.keep": HistoryStatusEvent;
  "history.prune": HistoryRemovedEvent;
  "history.query": HistoryPageEvent;
  "history.search": HistoryFoundEvent;
  "history.status": HistoryStatusEvent;
  "models.accept_licence": LicenceAcceptedEvent;
  "logs.set_level": LogLevelChangedEvent;
  "logs.read_ring": LogRingReadEvent;
  "supervision.logs": LogsReportedEvent;
  "models.refresh": ManifestRefreshedEvent;
  "models.add": ModelAddedEvent;
  "models.cancel": ModelCancelledEvent;
  "models.catalogue": ModelCatalogueStatedEvent;
  "models.install": ModelInstallAcceptedEvent;
  "models.lease": ModelLeasedEvent;
  "models.resolve": ModelNameResolvedEvent;
  "models.pause": ModelPausedEvent;
  "models.release": ModelReleasedEvent;
  "models.remove": ModelRemovalEvent;
  "models.repair": ModelRepairAcceptedEvent;
  "models.resume": ModelResumedEvent;
  "models.rollback": ModelRolledBackEvent;
  "models.verify": ModelVerdictEvent;
  "models.withdraw": ModelWithdrawnEvent;
  "models.list": ModelsListedEvent;
  "paths.relocate_models": ModelsRelocationEvent;
  "paths.admit_models_root": ModelsRootAdmittedEvent;
  "models.collect": PartialsCollectedEvent;
  "models.partials": PartialsListedEvent;
  "paths.choose": PathChosenEvent;
  "paths.cancel_move": PathMoveCancelledEvent;
  "paths.settle": PathsSettledEvent;
  "paths.list": PathsListedEvent;
  "readiness.report": ReadinessReportedEvent;
  "readiness.retry": ReadinessRetriedEvent;
  "readiness.setup": ReadinessSetupAcceptedEvent;
  "config.request": RuntimeConfigResponseEvent;
  "config.reveal_secret": SecretRevealedEvent;
  "config.describe": SettingsDescribedEvent;
  "config.explain": SettingsExplainedEvent;
  "state.check": StateCheckedEvent;
  "state.delete": StateDeletedEvent;
  "state.exists": StateExistsReportedEvent;
  "state.health": StateHealthReportedEvent;
  "state.list": StateListedEvent;
  "state.load_batch": StateBatchLoadedEvent;
  "state.load": StateLoadedEvent;
  "state.save_batch": StateBatchSavedEvent;
  "state.save": StateSavedEvent;
  "supervision.status": SupervisorStatusEvent;
  "supervision.stop": SupervisorStoppingEvent;
}

export type Topic = keyof EventOf;

/** Any event; its `type` says which. */
export type AnyEvent = EventOf[Topic];
