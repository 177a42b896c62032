// Every event of the contract, version 1.0.0. Written by `undercroft contract --clients`; edits are overwritten.

/** Something a person can choose. */
export interface Action {
  name: "change_path" | "report" | "retry";
  title: string;
  /** what an input starts with: the current path, for `change_path`. */
  value?: string;
  /** topic of the request that carries it out. */
  request?: string;
}

/** An actor ended that was not meant to. Says nothing of what it wrote. */
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
  /** name of the file in `<state>/crashes/`; empty if it could not be written. */
  record?: string;
}

/** How one actor fares. */
export interface ActorStatus {
  actor: string;
  state: "backoff" | "failed" | "ready" | "starting" | "stopped" | "stopping" | "waiting";
  /** None while it has no process. */
  pid?: number | null;
  /** how often it was started again since the supervisor began. */
  restarts?: number;
  /** when it entered this state, seconds since the Unix epoch. */
  since?: number;
  /** why it is in this state: exit code, signal, missed heartbeats, a dependency. */
  reason?: string;
  /** the tail of what it wrote to stderr before it last ended. */
  last_words?: string;
  /** delay before the next start or probe; None if none is due. */
  retry_seconds?: number | null;
}

/** The actor is being stopped and will be started again. */
export interface ActorRestartAcceptedEvent {
  type: "supervision.restart_accepted";
  status: ActorStatus;
}

/** Ask for one actor to be stopped in good order and started again; closes an open circuit. */
export interface ActorRestartRequestEvent {
  type: "supervision.restart";
  actor: string;
}

/** An actor is in another state. */
export interface ActorStateChangedEvent {
  type: "supervision.actor_state_changed";
  actor: string;
  status: ActorStatus;
}

/** One thing that is wrong, or was. */
export interface Alert {
  /** what kind of thing, such as `state_persistence.quota_exceeded`. */
  name: string;
  /** which one of its kind, such as a key or a model id; empty if there is only one. */
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
  /** one sentence with what was found and what was expected; holds no secret. */
  message: string;
  /** what to do. */
  advice: string;
}

/** An alert was raised, raised again, or cleared. */
export interface AlertChangedEvent {
  type: "alerts.changed";
  /** `<source>/<name>/<subject>`. */
  key: string;
  alert: Alert;
}

/** One backup. */
export interface BackupInfo {
  /** time (UTC), kind, name and format; also the name of its directory. */
  id: string;
  /** as it was given; empty for none. */
  name: string;
  kind: "before_import" | "before_migration" | "before_restore" | "imported" | "manual" | "scheduled";
  /** seconds since the Unix epoch. */
  created_at: number;
  /** on disk; `content_bytes`: of the documents in it. */
  size_bytes: number;
  content_bytes: number;
  /** how many keys and typed documents it holds. */
  documents: number;
  /** it is. */
  compressed: boolean;
  /** it holds encrypted documents, which need the keys of their home. */
  encrypted: boolean;
  /** of the store, when it was made. */
  revision: number;
  /** of backups. */
  format: number;
}

/** A backup is on disk, and was read back. */
export interface BackupCreatedEvent {
  type: "backups.created";
  backup: BackupInfo;
}

/** Make a full backup; with or without a name, rotation never removes it. */
export interface BackupCreateRequestEvent {
  type: "backups.create";
  name?: string;
}

/** Something wrong with a backup; `key` is empty if it is not about one document. */
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

/** Something that takes long goes on; `total` is 0 while it is not known. */
export interface BackupProgressedEvent {
  type: "backups.progressed";
  doing: "check" | "create" | "restore" | "verify";
  done: number;
  total: number;
}

/** What a backup holds is what the store holds. */
export interface BackupRestoredEvent {
  type: "backups.restored";
  id: string;
  /** id of the backup of what was there before; empty for a dry run. */
  saved_as: string;
  /** how many keys have another value now, new ones included; `removed`: how many are gone. */
  changed: number;
  removed: number;
  unchanged: number;
  /** keys that are not restored, as nobody declares their namespace any more, or as they are damaged in the backup. */
  left_out?: Array<string>;
  /** whether `config.json` was replaced. */
  settings?: boolean;
}

/** Bring back what a backup holds, all or nothing; what is there now is backed up first. */
export interface BackupRestoreRequestEvent {
  type: "backups.restore";
  id: string;
  /** only these; empty: everything, and keys that came later go. A typed document is `document.<type>`. */
  keys?: Array<string>;
  /** also replace `config.json` by the one of the backup. */
  settings?: boolean;
  /** leave out documents that were damaged when the backup was made, instead of refusing. */
  without_damaged?: boolean;
  /** only tell what would change. */
  dry_run?: boolean;
}

/** All backups, the newest first, and what is there and cannot be used. */
export interface BackupsListedEvent {
  type: "backups.listed";
  backups: Array<BackupInfo>;
  faults?: Array<BackupFault>;
}

/** List the backups. */
export interface BackupsListRequestEvent {
  type: "backups.list";
}

/** What stays and what went; `former_values` counts single former values (`backup` of a save) that went. */
export interface BackupsPrunedEvent {
  type: "backups.pruned";
  kept: Array<BackupKept>;
  removed: Array<string>;
  former_values: number;
  dry_run: boolean;
}

/** Remove what the retention of the profile does not keep. */
export interface BackupsPruneRequestEvent {
  type: "backups.prune";
  dry_run?: boolean;
}

/** Backups were read from end to end; `faults` is empty if all is as it was written. */
export interface BackupsVerifiedEvent {
  type: "backups.verified";
  verified: Array<string>;
  faults: Array<BackupFault>;
}

/** Read a backup from end to end: every digest and every envelope. An empty id means all of them. */
export interface BackupsVerifyRequestEvent {
  type: "backups.verify";
  id?: string;
}

/** One step of a batch; fields as in StateSaveRequestEvent. */
export interface BatchOperation {
  type: "delete" | "save";
  key: string;
  value?: unknown;
  encrypt?: boolean | null;
  compress?: boolean | null;
  backup?: boolean | null;
  expected_revision?: number | null;
}

/** How many observations were at most `limit`; cumulative, as in Prometheus. */
export interface Bucket {
  limit: number;
  count: number;
}

/** One model of the bundle that is confirmed once. */
export interface BundleModel {
  model_id: string;
  name: string;
  category: string;
  licence: string;
  size_bytes: number;
  /** so many of `size_bytes` are not on disk yet. */
  missing_bytes: number;
  /** its licence has to be accepted with the bundle. */
  licence_due?: boolean;
  licence_url?: string;
}

/** One peer as the broker sees it; `in_hand` counts the requests that it has yet to answer. */
export interface PeerStatistics {
  peer: string;
  instance: string;
  in_hand: number;
  serves: Array<string>;
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

/** Ask the broker what it counted; it answers itself. */
export interface BusStatisticsRequestEvent {
  type: "bus.statistics";
}

/** The cache of one type. */
export interface CachedDocument {
  type_name: string;
  /** a read would be answered from the cache now. */
  is_fresh: boolean;
  /** since it was read or written; 0 if nothing is cached. */
  age_seconds: number;
  /** reads answered from the cache, and from disk. */
  hits: number;
  /** reads answered from the cache, and from disk. */
  misses: number;
}

/** Digests of the consecutive pieces of a file, so that damage can be found and mended piece by piece. */
export interface Pieces {
  /** length of each piece; the last one may be shorter. */
  size_bytes: number;
  /** one digest a piece, in order. */
  sha256: Array<string>;
}

/** A file that is an archive: once it is verified, its content takes its place in the model's directory. */
export interface Unpack {
  format: "tar" | "tar.bz2" | "tar.gz" | "tar.xz" | "zip";
  /** directory below the model's, where the content goes; empty for the model's directory itself. */
  into?: string;
  /** so many leading directories of each member's path are dropped. */
  strip?: number;
}

/** What the manifest promises of one file. */
export interface FilePromise {
  /** where the file lies below the model's directory; relative, with forward slashes, without `..`. */
  path: string;
  /** exact length. */
  size_bytes: number;
  /** digest of the whole file, 64 lower-case hex digits. */
  sha256: string;
  /** where it can be fetched; the first is tried first, the others are its mirrors. */
  urls: Array<string>;
  /** digests of its pieces, where they are known. */
  pieces?: Pieces | null;
  /** how it is unpacked, if it is an archive. */
  unpack?: Unpack | null;
}

/** One model: what it is for, its licence, its files. */
export interface ModelEntry {
  id: string;
  name: string;
  category: string;
  licence: string;
  /** tells this content from what the same id meant before; empty: the digest of its promises stands in. */
  revision?: string;
  /** where the licence can be read. */
  licence_url?: string;
  /** whether a person has to accept the licence before the model may be fetched. */
  accept_licence?: boolean;
  /** oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty for any. */
  minimum_runtime?: string;
  files: Array<FilePromise>;
}

/** One model that the app knows, and why it knows it. */
export interface CatalogueEntry {
  entry: ModelEntry;
  source: "added" | "bundled" | "remote";
  /** the manifest's file or URL, or the name that a person added, with its revision pinned. */
  where: string;
}

/** One conversation, in numbers. */
export interface ConversationTotals {
  conversation_id: string;
  entries: number;
  tokens: number;
  first_at: number;
  last_at: number;
}

/** Conversations, the one that was spoken in last first; totals over all of them. */
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
  /** since when it only decrypts; 0 if it is the one that encrypts. */
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
  /** how often each kind of private thing was taken out of it, such as `home`, `secret` or `host`. */
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
  /** which one of its kind, such as an actor or a model; empty if there is only one. */
  subject?: string;
}

/** A part of the report that could not be had, and why. */
export interface MissingPart {
  part: string;
  reason: string;
}

/** The report. Nothing was written to disk. */
export interface DiagnosticsGeneratedEvent {
  type: "diagnostics.generated";
  /** seconds since the Unix epoch. */
  made_at: number;
  /** `SUMMARY.md` first; put into a zip by whoever wants one, with the manifest that they make up. */
  files: Array<ReportFile>;
  /** what is wrong, the cause first. */
  findings: Array<ReportFinding>;
  missing: Array<MissingPart>;
  /** one page in Markdown, the content of `SUMMARY.md`. */
  summary: string;
  /** how often each kind was taken out, over all files. */
  redactions: Record<string, number>;
  /** how long it took. */
  seconds: number;
}

/** Ask for a report; it comes within two seconds, whoever of the others answers. */
export interface DiagnosticsGenerateRequestEvent {
  type: "diagnostics.generate";
  /** the newest of the log ring. */
  log_records?: number;
}

/** The cache, after what was asked for. */
export interface DocumentCacheReportedEvent {
  type: "documents.cache_reported";
  ttl_seconds: number;
  types: Array<CachedDocument>;
}

/** Ask for the statistics of the cache. `clear`: forget what is cached of `type_name`, or of all types if that is empty. */
export interface DocumentCacheRequestEvent {
  type: "documents.cache";
  clear?: boolean;
  type_name?: string;
}

/** A document has another value, durably; the value itself is not told. `source` names the peer that asked for it. */
export interface DocumentChangedEvent {
  type: "documents.changed";
  type_name: string;
  revision: number;
  source?: string;
}

/** A whole document. */
export interface DocumentReadEvent {
  type: "documents.read_reported";
  type_name: string;
  /** as its type says it; the defaults of the type if there is none yet. */
  value: Record<string, unknown>;
  /** 0 if there is none yet. */
  revision?: number;
  /** a later version wrote it; it cannot be replaced. */
  read_only?: boolean;
  /** where the value was taken from because the document itself was damaged; empty otherwise. */
  repaired_from?: string;
  /** where a damaged document was put; empty if it was not damaged. */
  evidence?: string;
}

/** Read the document of a type, from the cache while that is fresh. */
export interface DocumentReadRequestEvent {
  type: "documents.read";
  type_name: string;
}

/** A type of documents: `schema` is JSON Schema, `version` that of the type. */
export interface DocumentType {
  type_name: string;
  version: number;
  schema: Record<string, unknown>;
}

/** All types that the profile declares. */
export interface DocumentTypesReportedEvent {
  type: "documents.types_reported";
  types: Array<DocumentType>;
}

/** Ask which types of documents there are. */
export interface DocumentTypesRequestEvent {
  type: "documents.types";
}

/** A document is on disk, and a power cut cannot take it back. */
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
  /** refuse unless the document has this revision now; 0 means that there must be none; None: whatever it is. */
  expected_revision?: number | null;
}

/** How much of one file is durable. */
export interface FileProgress {
  path: string;
  /** over all its ranges. */
  durable_bytes: number;
  size_bytes: number;
  /** so many of them follow each other from the start of the file, and can be hashed; None if all do. */
  prefix_bytes?: number | null;
}

/** One broken promise: where, what was found, what was expected. */
export interface VerificationFinding {
  path: string;
  aspect: "missing" | "sha256" | "size" | "unreadable";
  found: string;
  expected: string;
  /**
   * numbers of the bad pieces, from 0, where the promise knows the digests of pieces: only these have to be fetched again.
   * Empty: nothing is known of pieces, so that the whole file is bad.
   */
  pieces?: Array<number>;
}

/** Verdict over a directory: no findings means that every file keeps its promise. */
export interface FilesVerifiedEvent {
  type: "models.files_verified";
  model_id: string;
  findings: Array<VerificationFinding>;
  hashed_bytes: number;
  /** bytes that were hashed while the download still ran. */
  hashed_behind_bytes: number;
  seconds: number;
  /** when the file that was read longest ago was read, seconds since the Unix epoch; None with findings. */
  verified_at?: number | null;
}

/** Ask the verifier to compare files with what the manifest promised of them. */
export interface FilesVerifyRequestEvent {
  type: "models.verify_files";
  model_id: string;
  directory: string;
  files: Array<FilePromise>;
  /** files that look as they did when they were verified need not be read again. */
  trust_records?: boolean;
  /** there is time: read only while nothing else wants the disk, and not while a download runs. */
  idle?: boolean;
}

/** One thing that the check found. */
export interface Finding {
  kind: "backup" | "damaged" | "evidence" | "journal" | "locked" | "missing" | "restore" | "schema" | "temporary" | "too_new" | "unknown_file" | "unlisted" | "unreadable";
  /** relative to the store, with slashes. */
  path: string;
  /** empty if it is no key's. */
  key: string;
  problem: string;
  /** what was done about it; empty if nothing was. */
  repair?: string;
  /** where the damaged file lies now; empty if it was not moved. */
  evidence?: string;
}

/** Events of a topic are lost to this subscriber for good. Made by the client, never sent over the wire. */
export interface GapEvent {
  type: "bus.gap";
  /** topic of the lost events. */
  lost_topic: string;
  /** how many are lost. */
  count: number;
  /**
   * `ring_exceeded`: the subscriber was too slow or away too long. `broker_restarted`: the former broker took them along
   * and their publisher no longer had them.
   */
  reason: "broker_restarted" | "ring_exceeded";
}

/** A place in a text, in characters; `end` is not part of it. */
export interface Highlight {
  start: number;
  end: number;
}

/** One thing that was dictated, said or answered. */
export interface HistoryEntry {
  /** UUIDv7, so that ids sort by time. */
  id: string;
  /** seconds since the Unix epoch. */
  at: number;
  /** the app's word for what it is, such as `dictation` or `answer`. */
  kind: string;
  text: string;
  mode?: string;
  language?: string;
  /** length of the sound it came from; 0 if it came from none. */
  duration_seconds?: number;
  model_id?: string;
  /** groups the turns of one conversation; empty for none. */
  conversation_id?: string;
  role?: string;
  /** how many a language model counted in it; 0 if none did. */
  tokens?: number;
  /** when the text was last edited; None if never. */
  edited_at?: number | null;
  /** what the app adds. */
  fields?: Record<string, string>;
}

/** The entry is kept as safely as its storage keeps anything: memory outlives a crash of the actor, disk a power cut. */
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
  /** None for now. */
  at?: number | null;
  /** UUIDv7 of the entry, if the asker wants to be able to ask again without adding it twice; empty: one is made. */
  id?: string;
}

/** Something changed in the history: a live tail, and in memory mode the copy from which a crashed actor comes back. */
export interface HistoryChangedEvent {
  type: "history.changed";
  /** in memory mode, the place of the entry in the ring; the broker keeps the last event of each place. On disk: `live`. */
  slot: string;
  change: "added" | "cleared" | "edited" | "removed";
  /** None if the place is empty now. */
  entry?: HistoryEntry | null;
  /** which one it is about; empty if it is about all of them. */
  entry_id?: string;
}

/** Entries are gone, or would be with `dry_run`. */
export interface HistoryRemovedEvent {
  type: "history.removed";
  count: number;
  dry_run: boolean;
  /** what a person should know about it, such as what a purge took; empty if there is nothing. */
  note?: string;
}

/** Delete all entries, or those before a moment. */
export interface HistoryClearRequestEvent {
  type: "history.clear";
  /** seconds since the Unix epoch; None for all. */
  before?: number | null;
  /** on disk, take away segments, index and anchor too, so that nothing remains to be read. */
  purge?: boolean;
  /** with `purge`, take it out of the backups as well. */
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

/** Give an entry another text. */
export interface HistoryEditRequestEvent {
  type: "history.edit";
  id: string;
  text: string;
}

/** One part of an export; parts follow each other without a gap. */
export interface HistoryExportedEvent {
  type: "history.exported";
  /** UTF-8. */
  content: string;
  entries: number;
  /** give it as `after` for the next part; empty if this was the last. */
  next_after: string;
}

/** Ask for entries as text, oldest first, part by part. */
export interface HistoryExportRequestEvent {
  type: "history.export";
  format: "csv" | "jsonl" | "markdown";
  /** id of the last entry of the part before; empty for the first part, which carries the head of the format. */
  after?: string;
  since?: number | null;
  until?: number | null;
  conversation_id?: string;
  limit?: number;
}

/** An entry that holds all the words that were looked for, and where they stand. */
export interface Hit {
  entry: HistoryEntry;
  highlights: Array<Highlight>;
}

/** What a search found, newest first. */
export interface HistoryFoundEvent {
  type: "history.found";
  hits: Array<Hit>;
  next_before: string;
  /** False while entries are still being loaded, so that there may be more. */
  complete?: boolean;
}

/** Where the history is kept, and how much of it there is. */
export interface HistoryStatusEvent {
  type: "history.status_reported";
  mode: "disk" | "memory";
  /** where it is kept now; `memory` although `mode` is `disk` if it cannot be kept there safely. */
  storage: "encrypted" | "memory" | "plaintext";
  /** what a person should know about that; empty if all is as they chose. */
  notice: string;
  entries: number;
  size_bytes: number;
  /** most entries that memory keeps; 0 for no limit (on disk). */
  limit_entries: number;
  /** share of what is on disk that is loaded; 1.0 when all is. */
  loading?: number;
  /** what the last check of the files found: torn, truncated, tampered or missing parts. */
  findings?: Array<string>;
  /** in memory mode, size of what lies on disk from before and is neither read nor changed. */
  left_on_disk_bytes?: number;
}

/** Accept what a notice tells of: files that stay on disk in memory mode, or segments that are missing for good. */
export interface HistoryKeepRequestEvent {
  type: "history.keep";
}

/** Entries, newest first. */
export interface HistoryPageEvent {
  type: "history.page";
  entries: Array<HistoryEntry>;
  /** give it as `before` for the next page; empty if this was the last. */
  next_before: string;
  /** entries that fit the question, on all pages. */
  total: number;
}

/** Delete what the rules of retention do not keep; 0 means that a rule sets no limit, never that everything goes. */
export interface HistoryPruneRequestEvent {
  type: "history.prune";
  /** None for what the settings of the same names in `history` say. */
  keep_days?: number | null;
  /** None for what the settings of the same names in `history` say. */
  keep_entries?: number | null;
  /** None for what the settings of the same names in `history` say. */
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
  /** these entries only; empty for any. */
  ids?: Array<string>;
  /** id of an entry: only older ones are given. */
  before?: string;
  limit?: number;
}

/** Look for entries that hold all words of `words`, whatever their case; the last word may be the beginning of one. */
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

/** The history is kept in another way than before, or a notice about it changed. */
export interface HistoryStorageChangedEvent {
  type: "history.storage_changed";
  status: HistoryStatusEvent;
}

/** How the keys of a home fare. */
export interface KeysReport {
  state: "absent" | "locked" | "unlocked";
  /** why they are locked; None if they are not. */
  reason?: "entry_missing" | "keychain_locked" | "keychain_refused" | "keys_damaged" | "keys_missing" | "keys_not_saved" | "keys_too_new" | "keys_unreadable" | "no_keychain" | "not_asked" | "timed_out" | "wrong_key" | null;
  /** the same in a sentence; holds no secret. */
  detail?: string;
  /** what to do; empty if nothing. */
  advice?: string;
  /** which one is asked. */
  keychain?: string;
  /** which one the key-encryption key was put into, where that is known. */
  kept_in?: string;
  key_encryption_key?: string;
  data_keys?: Array<DataKeyReport>;
  /** whether a recovery code can bring them back. */
  has_recovery_code?: boolean;
}

/** The keys of an actor were unlocked, locked, or rotated. */
export interface KeysStateChangedEvent {
  type: "keys.state_changed";
  /** name of the actor that uses them. */
  source: string;
  report: KeysReport;
}

/** One holder's claim on the revision of a model that was active when it was given. */
export interface Lease {
  lease_id: string;
  model_id: string;
  /** its name, as a person should read it. */
  holder: string;
  /** of the peer whose life ends it; empty if only time does. */
  instance: string;
  revision: string;
  /** seconds since the Unix epoch. */
  since: number;
  /** when it ends unless it is renewed, seconds since the Unix epoch; None: with its peer. */
  until: number | null;
}

/** A person accepted the licence of a model as it read then. */
export interface LicenceAcceptance {
  model_id: string;
  licence: string;
  revision: string;
  /** SHA-256 over licence, licence URL and revision of the entry; for another one the licence is due again. */
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

/** Say that a person read and accepted the licence of a model. */
export interface LicenceAcceptRequestEvent {
  type: "models.accept_licence";
  model_id: string;
}

/** From now on an actor notes what is at least of this level. The level of one actor wins over that of all (`*`). */
export interface LogLevelChangedEvent {
  type: "logs.level_changed";
  actor: string;
  level: "critical" | "debug" | "error" | "info" | "warning" | null;
}

/** Ask for another level, of one actor or of all (`*`). */
export interface LogLevelRequestEvent {
  type: "logs.set_level";
  actor?: string;
  level?: "critical" | "debug" | "error" | "info" | "warning" | null;
}

/** One line that a process wrote to stdout or stderr, redacted. */
export interface LogLine {
  actor: string;
  /** seconds since the Unix epoch. */
  at: number;
  text: string;
  /** it repeats a record that went to the bus as well (`logs.recorded`). */
  recorded?: boolean;
}

/** Processes wrote to their logs. */
export interface LogLinesWrittenEvent {
  type: "supervision.log_lines_written";
  lines: Array<LogLine>;
}

/** One thing that was noted; redacted before it left its process. */
export interface LogRecord {
  actor: string;
  /** seconds since the Unix epoch. */
  at: number;
  level: "critical" | "debug" | "error" | "info" | "warning";
  /** dotted name of the module that noted it; `stderr` for a line that a process wrote there. */
  logger: string;
  message: string;
  /** what belongs to it, by name. */
  fields?: Record<string, string>;
  /** id of the matter that it belongs to, across all actors; empty for none. */
  correlation?: string;
  /** of an exception, without values of variables; empty for none. */
  traceback?: string;
}

/** An actor noted something. */
export interface LogRecordedEvent {
  type: "logs.recorded";
  records: Array<LogRecord>;
  /** records that did not go out since the last event, since there were too many at once. */
  dropped?: number;
}

/** The newest records, oldest first. */
export interface LogRingReadEvent {
  type: "logs.ring_read";
  records: Array<LogRecord>;
  /** records that the ring no longer holds, or that never reached it. */
  dropped: number;
}

/** Ask for the newest records. */
export interface LogRingRequestEvent {
  type: "logs.read_ring";
  /** of this one only; None for all. */
  actor?: string | null;
  /** at least of this level. */
  level?: "critical" | "debug" | "error" | "info" | "warning";
  /** of this matter only; empty for any. */
  correlation?: string;
  limit?: number;
}

/** The newest lines of the ring, oldest first; `dropped` counts the older ones that it no longer holds. */
export interface LogsReportedEvent {
  type: "supervision.logs_reported";
  lines: Array<LogLine>;
  dropped: number;
}

/** Ask for the newest log lines of one actor, or of all. */
export interface LogsRequestEvent {
  type: "supervision.logs";
  actor?: string | null;
  limit?: number;
}

/** The models that an app declares. */
export interface Manifest {
  format: number;
  models: Array<ModelEntry>;
  /** oldest version of Undercroft that may use it (Semantic Versioning 2.0.0); empty for any. */
  minimum_runtime?: string;
  /** counts up with each manifest that is published; 0 for one that never leaves its package. */
  version?: number;
  /** when it was published (RFC 3339); needed for one that is fetched. */
  issued_at?: string | null;
  /** until when nobody needs to worry that a newer one is withheld (RFC 3339); needed for one that is fetched. */
  expires_at?: string | null;
}

/** What became of a look at the remote manifest. */
export interface ManifestRefreshedEvent {
  type: "models.manifest_refreshed";
  /**
   * `taken`: a newer one is in force. `unchanged`: the one in force is the newest. `kept`: what came was refused or
   * nothing came, the former one stays in force. `none`: the profile names no remote manifest.
   */
  outcome: "kept" | "none" | "taken" | "unchanged";
  /** version that is in force; 0 for none. */
  version: number;
  /** one sentence for a person. */
  message: string;
}

/** Ask for the remote manifest to be fetched now. */
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
  /** of a counter or gauge; the sum of what was observed, of a histogram. */
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

/** Somebody wants to read the metrics of all actors: each publishes its own once. */
export interface MetricsWantedEvent {
  type: "metrics.wanted";
  /** tells this reading from others; the answers carry it. */
  reading: string;
}

/** Why something cannot be used now. */
export interface Reason {
  kind: "checking" | "downloading" | "licence_due" | "model_absent" | "model_damaged" | "model_failed" | "model_paused" | "no_model_setting" | "no_path_setting" | "path_mismatch" | "path_missing" | "path_unusable" | "service_down" | "switched_off" | "unknown_model";
  /** model id, category, path or actor that it is about. */
  subject: string;
  /** of the model that it is about; empty if it is about none. */
  category?: string;
  /** one sentence for a person. */
  text?: string;
}

/** Whether one mode of the app may be used now. A frontend gates its modes by this and nothing else. */
export interface ModeAvailability {
  mode: string;
  title: string;
  status: "available" | "checking" | "switched_off" | "unavailable";
  /** required categories that no usable model serves. */
  missing?: Array<string>;
  /** why it is not available; empty if it is. */
  reasons?: Array<Reason>;
  /** names of what a person is told while the mode is used without an optional model, such as `raw_output`. */
  notices?: Array<string>;
  /** the same as sentences. */
  notice_texts?: Array<string>;
}

/** A model is in the catalogue for good, on a person's word. */
export interface ModelAddedEvent {
  type: "models.added";
  entry: ModelEntry;
  pinned: string;
  /** False if the same entry was there before. */
  is_new: boolean;
  skipped?: Array<string>;
}

/** Resolve a name and keep what it means; answered once that is durable. The fields are those of `models.resolve`. */
export interface ModelAddRequestEvent {
  type: "models.add";
  name: string;
  sha256?: string;
  size_bytes?: number | null;
  model_id?: string;
  category?: string;
}

/** Where one model stands. */
export interface ModelStatus {
  model_id: string;
  name: string;
  category: string;
  licence: string;
  state: "absent" | "damaged" | "downloading" | "failed" | "installed" | "partial" | "paused" | "queued" | "verifying";
  size_bytes: number;
  /** bytes that a crash cannot take away; `size_bytes` once installed. */
  durable_bytes: number;
  /** why the model failed or is damaged, and what to do; empty otherwise. */
  problem?: string;
  /** what kind of problem, so that a frontend can tell them apart; empty without one. */
  problem_kind?: "" | "damaged" | "disk" | "held" | "licence" | "mismatch" | "network" | "refused" | "server" | "space";
  /** which revision serves; empty while none is installed. */
  revision?: string;
  /** which one the manifest names now; another than `revision` while an update is due or under way. */
  wanted_revision?: string;
  /** which one a rollback would bring back; empty for none. */
  former_revision?: string;
  /** names of the peers that hold a lease on it. */
  held_by?: Array<string>;
  /** its licence has to be accepted before it can be installed. */
  licence_due?: boolean;
}

/** The install goes on no more. */
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

/** Which models the app knows now: the whole list, each id once. */
export interface ModelCatalogueChangedEvent {
  type: "models.catalogue_changed";
  models: Array<CatalogueEntry>;
  /** licences that a person accepted. */
  accepted: Array<LicenceAcceptance>;
  /** counts the changes of this life of the actor. */
  revision: number;
  reason: "accepted" | "added" | "refreshed" | "start" | "withdrawn";
  /** version of the remote manifest that is in force; 0 for none. */
  manifest_version?: number;
  /** one sentence for each entry or manifest that is not in force, and why. */
  problems?: Array<string>;
}

/** More bytes of a model are durable. At most ten a second for each model; never goes back within an attempt. */
export interface ModelDownloadProgressedEvent {
  type: "models.download_progressed";
  model_id: string;
  name: string;
  /** counts from 1; a new attempt may start from fewer bytes, since it may have had to discard some. */
  attempt: number;
  durable_bytes: number;
  size_bytes: number;
  rate_bytes_per_second: number;
  /** None while the rate is not known yet. */
  seconds_left: number | null;
  /** where the partial files lie. */
  staging_directory: string;
  files: Array<FileProgress>;
}

/** The wish is on disk: the install goes on through any crash, until it is done, failed or cancelled. */
export interface ModelInstallAcceptedEvent {
  type: "models.install_accepted";
  status: ModelStatus;
}

/** Ask for a model; answered once the wish is durable, long before the bytes are there. */
export interface ModelInstallRequestEvent {
  type: "models.install";
  model_id: string;
}

/** A model was verified and is visible under its name, whole. */
export interface ModelInstalledEvent {
  type: "models.installed";
  model_id: string;
  name: string;
  directory: string;
  size_bytes: number;
  fetched_bytes: number;
  attempts: number;
}

/** The model stays as it is, where it is, until the lease ends: removal, update and rollback wait. */
export interface ModelLeasedEvent {
  type: "models.leased";
  lease: Lease;
  /** where its files lie; valid as long as the lease. */
  directory: string;
}

/** Ask to hold an installed model in use. */
export interface ModelLeaseRequestEvent {
  type: "models.lease";
  model_id: string;
  /** name that others are told while they wait. */
  holder: string;
  /**
   * of the peer that asks (`peer.instance`): the lease then ends when that peer leaves the bus, or was not seen for a
   * while. Without one it ends after `ttl_seconds`.
   */
  instance?: string;
  /** how long it lasts without being renewed; ignored for a lease that is bound to a peer. */
  ttl_seconds?: number;
  /** renew this lease instead of asking for a new one. */
  lease_id?: string;
}

/** What a name means now. */
export interface ModelNameResolvedEvent {
  type: "models.name_resolved";
  /** the manifest entry that stands for it. */
  entry: ModelEntry;
  /** the name with its revision pinned, so that it means the same tomorrow. */
  pinned: string;
  /** files of the source that do not belong to the entry, each with the reason. */
  skipped?: Array<string>;
}

/**
 * Ask what a name means: `hf:org/repo[@revision][:file]`, `oci:registry/name:tag`, `ollama:name:tag`, `https://...`,
 * `file:/path`.
 */
export interface ModelNameResolveRequestEvent {
  type: "models.resolve";
  name: string;
  /** digest of the file that a URL names, 64 hex digits, if it is not part of the URL's fragment. */
  sha256?: string;
  /** its length, for a server that does not tell; None to ask it. */
  size_bytes?: number | null;
  /** id of the entry; empty to derive one from the name. */
  model_id?: string;
  /** what the model is for, such as `stt`; empty to guess. */
  category?: string;
}

/** The install rests, through restarts too, until it is resumed. */
export interface ModelPausedEvent {
  type: "models.paused";
  status: ModelStatus;
}

/** Let an install rest. What is durable of it stays; answered once the word is durable. */
export interface ModelPauseRequestEvent {
  type: "models.pause";
  model_id: string;
}

/** The lease has ended; so it had if it was not known (any more). */
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

/** Remove an installed model, its former revision, its partial and its records. */
export interface ModelRemoveRequestEvent {
  type: "models.remove";
  model_id: string;
  dry_run?: boolean;
  /** for so long the removal waits for those who hold a lease; then it is refused, and they are named. */
  wait_seconds?: number;
}

/** A model is gone from disk on somebody's word. */
export interface ModelRemovedEvent {
  type: "models.removed";
  model_id: string;
  freed_bytes: number;
}

/** What is sound of a damaged model is staged again, and what is not is being fetched. */
export interface ModelRepairAcceptedEvent {
  type: "models.repair_accepted";
  status: ModelStatus;
  /** of files, and pieces of files, that need not be fetched. */
  kept_bytes: number;
}

/** Ask for a damaged model to be made whole, fetching only what is bad. */
export interface ModelRepairRequestEvent {
  type: "models.repair";
  model_id: string;
}

/** A paused install goes on. */
export interface ModelResumedEvent {
  type: "models.resumed";
  status: ModelStatus;
}

/** Let a paused install go on. Answered once the word is durable. */
export interface ModelResumeRequestEvent {
  type: "models.resume";
  model_id: string;
}

/** The former revision of a model is active again, and the one that was active is kept as the former one. */
export interface ModelRolledBackEvent {
  type: "models.rolled_back";
  status: ModelStatus;
}

/** Ask for the former revision, which is verified first. */
export interface ModelRollbackRequestEvent {
  type: "models.rollback";
  model_id: string;
  /** for so long the rollback waits for those who hold a lease; then it is refused, and they are named. */
  wait_seconds?: number;
}

/** A model is in another state. */
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

/** The files of a model do not keep what its manifest promised; they are out of use, not deleted. */
export interface ModelVerificationFailedEvent {
  type: "models.verification_failed";
  model_id: string;
  findings: Array<VerificationFinding>;
}

/** The files of a model keep what its manifest promised. */
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

/** An added model is no longer in the catalogue; what is installed of it stays. */
export interface ModelWithdrawnEvent {
  type: "models.withdrawn";
  model_id: string;
}

/** Take an added model out of the catalogue again. */
export interface ModelWithdrawRequestEvent {
  type: "models.withdraw";
  model_id: string;
}

/** Every model of the manifest, with its state. */
export interface ModelsListedEvent {
  type: "models.listed";
  models: Array<ModelStatus>;
  models_directory: string;
}

/** Ask which models there are and where each stands. */
export interface ModelsListRequestEvent {
  type: "models.list";
}

/** The move is on disk and goes on through any crash; with `dry_run` nothing happened. */
export interface ModelsRelocationEvent {
  type: "paths.models_relocation";
  /** what will be brought over. */
  moved_models: Array<string>;
  /** what lies at the new place in its full length already, and is kept there if its hashes match. */
  adopted_models: Array<string>;
  /** to be copied; 0 where both places are on one file system. */
  copy_bytes: number;
  /** tells this move from others; empty with `dry_run`. */
  move_id?: string;
}

/** Asked of the owner of the models: go over to another directory, then have the choice settled. */
export interface ModelsRelocateRequestEvent {
  type: "paths.relocate_models";
  /** the directory; it exists and can be written to. */
  target: string;
  action: "adopt" | "anew" | "move";
  /** the choice that brought this about, to be settled at the end. */
  category: "logs" | "models" | "root" | "tools" | "workspace";
  /** the choice that brought this about, to be settled at the end. */
  path: string;
  dry_run?: boolean;
}

/** Directories below it are looked into from now on. */
export interface ModelsRootAdmittedEvent {
  type: "paths.models_root_admitted";
  directory: string;
}

/** Asked of the verifier by the owner of the models, before models in another directory can be verified. */
export interface ModelsRootAdmitRequestEvent {
  type: "paths.admit_models_root";
  /** of all models; it counts until the verifier ends, and its next life knows the one that was chosen by then. */
  directory: string;
}

/** How one namespace fares; `quota_bytes` is 0 if there is none. */
export interface NamespaceHealth {
  name: string;
  keys: number;
  size_bytes: number;
  quota_bytes: number;
  encrypt: boolean;
  owner: string;
}

/** A banner, a toast, or the head of the recovery screen: words first, then what can be done. */
export interface Notice {
  text: string;
  actions?: Array<Action>;
  /** it leaves by itself after so long; 0: it stays. */
  fade_ms?: number;
}

/** What lies on disk of a model that is not installed. */
export interface PartialFound {
  /** of the manifest, or of a model that it no longer names. */
  model_id: string;
  /** `partial`: an install that is under way or was left. `damaged`: a model that was put out of use. */
  kind: "damaged" | "partial";
  /** state of the model; `partial` for one that the manifest no longer names. */
  state: "absent" | "damaged" | "downloading" | "failed" | "installed" | "partial" | "paused" | "queued" | "verifying";
  /** bytes it takes on disk. */
  size_bytes: number;
  /** bytes of the promised files that a crash cannot take away. */
  durable_bytes: number;
  /** size of the whole model; 0 if that is not known any more. */
  promised_bytes: number;
  /** since its bytes were last added to. */
  age_seconds: number;
  /** where its bytes came from, hosts only: the rest of a URL may hold a secret. */
  url_hosts?: Array<string>;
  /** its install goes on, now or when it is resumed. */
  is_wanted?: boolean;
}

/** What was removed, or would be with `dry_run`; `problems` has one sentence for each that could not be. */
export interface PartialsCollectedEvent {
  type: "models.collected";
  removed: Array<PartialFound>;
  freed_bytes: number;
  keep_days: number;
  dry_run: boolean;
  problems?: Array<string>;
}

/** Remove what lies beside the installed models, is wanted by nobody and is older than a rule says. */
export interface PartialsCollectRequestEvent {
  type: "models.collect";
  dry_run?: boolean;
  /** the rule for this once; None for the one in the settings, where 0 keeps everything. */
  keep_days?: number | null;
}

/** Everything that lies beside the installed models. */
export interface PartialsListedEvent {
  type: "models.partials_listed";
  partials: Array<PartialFound>;
  /** the rule that a person set for what nobody wants; 0 keeps it for ever. */
  keep_days: number;
}

/** Ask what lies beside the installed models, and how old it is. */
export interface PartialsListRequestEvent {
  type: "models.partials";
}

/** Why a directory cannot be used. */
export interface PathProblem {
  kind: "busy" | "environment" | "held" | "missing" | "nested" | "not_a_directory" | "not_writable" | "relative" | "removed_drive" | "space" | "unreadable" | "user_data";
  category: "config" | "logs" | "models" | "state" | "tools" | "workspace" | "root";
  path: string;
  /** a sentence that names the directory and says what to do. */
  message: string;
  /** what a person can do about it, the first one first. */
  offers: Array<"choose" | "connect" | "create" | "free_space" | "reset" | "wait">;
}

/** One category: where it lies and whether that can be used. */
export interface PathStatus {
  category: "config" | "logs" | "models" | "state" | "tools" | "workspace";
  /** the active directory. */
  path: string;
  /** where it will lie from the next start on; empty if that is the same. */
  next_path: string;
  origin: "environment" | "home" | "override" | "platform" | "root";
  /** where it lies if nobody chooses. */
  default: string;
  exists: boolean;
  /** it exists, and its owner may write there. */
  writable: boolean;
  /** on its disk, or on that where it would be created; None if that is not known. */
  free_bytes: number | null;
  /** when a choice for it counts. */
  takes_effect: "next_start" | "now";
  /** empty if all is well. A default that was not created yet is well. */
  problems: Array<PathProblem>;
}

/** What comes of a choice. */
export interface PathChosenEvent {
  type: "paths.chosen";
  /** the choice is durable, or the move to it is and goes on through any crash; with `dry_run`: it would be. */
  accepted: boolean;
  dry_run: boolean;
  /** why not; empty if it was accepted. */
  problems: Array<PathProblem>;
  /** sentences for people. */
  what_happens: Array<string>;
  /** the categories that are concerned, as they will be. */
  paths: Array<PathStatus>;
  /** directories that were, or would be, created. */
  created: Array<string>;
  /** how much has to be copied; 0 if nothing has to. */
  move_bytes: number;
  /** of the move that has begun; empty if the choice counts already. */
  move_id?: string;
}

/** Choose a directory for a category; from the readiness flow and from the settings alike. */
export interface PathChooseRequestEvent {
  type: "paths.choose";
  category: "logs" | "models" | "root" | "tools" | "workspace";
  /** absolute; empty goes back to what applies without this choice. */
  path: string;
  /** what to do with the models; the other categories leave what is there where it is. */
  action?: "adopt" | "anew" | "move";
  /** create the directory if it is missing. */
  create_missing?: boolean;
  dry_run?: boolean;
}

/** No models are on the way (any more); all are where they were. */
export interface PathMoveCancelledEvent {
  type: "paths.move_cancelled";
  was_moving: boolean;
}

/** Stop moving models; refused once the new place serves. */
export interface PathMoveCancelRequestEvent {
  type: "paths.cancel_move";
}

/** How far the models are on their way to another directory. At most ten a second. */
export interface PathMoveChangedEvent {
  type: "paths.move_changed";
  source: string;
  target: string;
  action: "adopt" | "anew" | "move";
  state: "cancelled" | "failed" | "leaving" | "moved" | "moving";
  /** as the answer to the choice said it. */
  move_id?: string;
  /** which model is being brought over; empty between models. */
  model_id?: string;
  /** at the new place already, of `total_bytes`; they count only once all of it does. */
  moved_bytes?: number;
  total_bytes?: number;
  /** what stays at the old place for now, since a program has it in use. */
  kept_back?: Array<string>;
  /** why it failed; all models are at the old place then. */
  problem?: string;
}

/** The choice is on disk. */
export interface PathsSettledEvent {
  type: "paths.settled";
  paths: Array<PathStatus>;
}

/** Asked by whoever owns the files, once they are at the new place: from here on it counts. */
export interface PathSettleRequestEvent {
  type: "paths.settle";
  /** as they were chosen. */
  category: "logs" | "models" | "root" | "tools" | "workspace";
  /** as they were chosen. */
  path: string;
}

/** Where everything lies, whenever any of it is other than it was; also once at every start. */
export interface PathsChangedEvent {
  type: "paths.changed";
  paths: Array<PathStatus>;
  /** `start`, `chosen`, or `observed`: a drive came or went, rights changed. */
  reason: "chosen" | "observed" | "start";
}

/** Every category, looked at just now. */
export interface PathsListedEvent {
  type: "paths.listed";
  paths: Array<PathStatus>;
  /** where the choices are kept. */
  choices_file: string;
}

/** Ask where everything lies. It is looked at anew, so this also notices a drive that is back. */
export interface PathsListRequestEvent {
  type: "paths.list";
}

/** A peer was let in, or came back on a new connection. */
export interface PeerJoinedEvent {
  type: "bus.peer_joined";
  peer: string;
  instance: string;
}

/** A peer is gone: it said so, or its connection ended. */
export interface PeerLeftEvent {
  type: "bus.peer_left";
  peer: string;
  instance: string;
  said_bye: boolean;
}

/** One compact line for a model that is on its way. */
export interface ProgressLine {
  model_id: string;
  name: string;
  /** 0 to 100; 100 only when every byte is durable. */
  percent: number;
  /** name and explicit percent, such as `Whisper base: 41 %`. */
  text: string;
  durable_bytes: number;
  size_bytes: number;
  rate_bytes_per_second?: number;
  /** None while it is not known. */
  seconds_left?: number | null;
}

/** One line of the checklist. */
export interface Step {
  /** `settings`, `storage`, `services`, or `model.<category>`. */
  id: string;
  title: string;
  status: "failed" | "passed" | "running" | "skipped" | "waiting";
  /** seconds since the Unix epoch; None before. */
  started_at?: number | null;
  /** seconds since the Unix epoch; None before. */
  ended_at?: number | null;
  /** what was found; empty while nothing was. */
  detail?: string;
}

/** What is confirmed once before anything is fetched: the location and all models together. */
export interface SetupPrompt {
  heading: string;
  text: string;
  /** directory of the models, the active one. */
  location: string;
  models: Array<BundleModel>;
  size_bytes: number;
  /** what is to be fetched in all. */
  missing_bytes: number;
  /** room at the location; None if it is not known (yet). */
  free_bytes?: number | null;
  /** how another directory is chosen before the bundle is confirmed. */
  change?: Action | null;
}

/** How often something happened to a model that points to a deeper fault, since the runtime came up. */
export interface WarningSign {
  kind: "disk_full" | "fast_mismatch" | "hash_mismatch" | "range_flip" | "size_mismatch";
  model_id: string;
  count: number;
  last_at: number;
  /** what it points to, and what to do. */
  text?: string;
}

/** Everything there is to know about readiness at one moment. */
export interface ReadinessSnapshot {
  /** grows with every snapshot, also across lives of the actor; a lower one is older. Its size means nothing. */
  revision: number;
  state: "checking" | "degraded" | "downloading" | "idle" | "ready" | "recovery_required" | "setup_required";
  /** when this state was entered, seconds since the Unix epoch. */
  since: number;
  /** the state as a short message. */
  state_text: string;
  /** no mode can be used until a person or a download is done. */
  is_blocking: boolean;
  /** what a frontend shows now; the matching field below holds it. The others are there for those who open a view. */
  show: "banner" | "nothing" | "progress" | "recovery" | "setup" | "toast";
  steps: Array<Step>;
  modes: Array<ModeAvailability>;
  reasons?: Array<Reason>;
  /** directory of the models, the active one. */
  location?: string;
  banner?: Notice | null;
  setup?: SetupPrompt | null;
  progress?: Array<ProgressLine>;
  recovery?: Notice | null;
  toast?: Notice | null;
  signs?: Array<WarningSign>;
  locale?: string;
}

/**
 * Readiness is another one now. The snapshot is whole; `changed` names its fields that are new, so that a view redraws
 * only those.
 */
export interface ReadinessChangedEvent {
  type: "readiness.changed";
  snapshot: ReadinessSnapshot;
  changed: Array<string>;
}

/** The snapshot of now, and the full report as text for a person to read or copy. */
export interface ReadinessReportedEvent {
  type: "readiness.reported";
  snapshot: ReadinessSnapshot;
  text: string;
}

/** Ask for the snapshot and the full report. */
export interface ReadinessReportRequestEvent {
  type: "readiness.report";
  /** language of all words, such as `de`; empty for the app's own. */
  locale?: string;
}

/** What failed is tried again. */
export interface ReadinessRetriedEvent {
  type: "readiness.retried";
  /** models that are on their way again. */
  model_ids: Array<string>;
  /** one sentence for each that is not. */
  problems?: Array<string>;
  /** snapshots from this one on know of it. */
  revision?: number;
}

/** Check everything again, and have every model that failed or is damaged fetched or mended again. */
export interface ReadinessRetryRequestEvent {
  type: "readiness.retry";
}

/** The bundle was confirmed: the wish for each of its models is on disk, and they come without another question. */
export interface ReadinessSetupAcceptedEvent {
  type: "readiness.setup_accepted";
  /** models that are on their way now. */
  model_ids: Array<string>;
  /** one sentence for each that is not. */
  problems?: Array<string>;
  /** snapshots from this one on know of it. */
  revision?: number;
}

/** Confirm the whole bundle, once. */
export interface ReadinessSetupRequestEvent {
  type: "readiness.setup";
  /** the directory that the person was shown; refused if the active one is another by now. Empty: whichever it is. */
  location?: string;
  /** the person accepts the licences that the bundle names as due; refused without, if one is. */
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
  /** the new value; secrets as `SECRET_PLACEHOLDER`, or empty. Equal to `before` if a secret was replaced by another. */
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
  /** of the settings that were set, those that are not in effect because a higher layer wins, and which one wins. */
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
 * `reset_section` and `reset_defaults` do what `update` does with `resets`: for one section, for every setting.
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
  /** dotted path to new value, for each setting whose effective value changed; secrets as `SECRET_PLACEHOLDER`. */
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
  /** by key, as it was asked for; null for a key that is not there. */
  values: Record<string, unknown>;
  /** by key; 0 for a key that is not there. */
  revisions: Record<string, number>;
  /** keys that had no room in this answer; ask for them again. */
  left_out?: Array<string>;
}

/** All of a batch is on disk; `revisions` by key, 0 for one that was to be deleted and was not there. */
export interface StateBatchSavedEvent {
  type: "state.batch_saved";
  revisions: Record<string, number>;
}

/** A key has another value, durably; the value itself is not told. */
export interface StateChangedEvent {
  type: "state.changed";
  key: string;
  revision: number;
  /** the key is gone. */
  deleted?: boolean;
  /** name of the peer that asked for it. */
  source?: string;
}

/** Everything was looked at. */
export interface StateCheckedEvent {
  type: "state.checked";
  /** documents that were read; `backups`: backups. */
  checked: number;
  backups: number;
  /** at most FINDING_LIMIT of them; `total`: how many there are. */
  findings: Array<Finding>;
  total: number;
  /** nothing is damaged, missing or unreadable; what is only noteworthy does not count. */
  is_sound: boolean;
}

/**
 * Look at every document and every backup. `repair`: also do something about it; what was damaged is put aside, never
 * removed.
 */
export interface StateCheckRequestEvent {
  type: "state.check";
  repair?: boolean;
}

/** A key is gone from disk; `existed`: it was there before. `revision` is 0 if it was not. */
export interface StateDeletedEvent {
  type: "state.deleted";
  key: string;
  existed: boolean;
  revision?: number;
}

/** Delete a key; options as for a save. */
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

/** Something that went wrong; `at` in seconds since the Unix epoch. Holds no value. */
export interface StateFault {
  at: number;
  key: string;
  problem: string;
}

/** How the state store fares. */
export interface StateHealthReportedEvent {
  type: "state.health_reported";
  namespaces: Array<NamespaceHealth>;
  keys: number;
  /** of all documents on disk; `quota_bytes`: how much they may take, 0 for no limit. */
  size_bytes: number;
  quota_bytes: number;
  /** what is durable in the journal and has yet to be so in its own file. */
  journal_bytes: number;
  /** the newest one given. */
  revision: number;
  /** requests that went well since the store began; `refused`: those that did not. */
  saves: number;
  /** requests that went well since the store began; `refused`: those that did not. */
  loads: number;
  refused: number;
  /** how long they took, 0 without any. */
  save_mean_ms: number;
  /** how long they took, 0 without any. */
  load_mean_ms: number;
  /** keys whose document was damaged and put aside, since the store began. */
  corrupted: number;
  /** the newest ones, the newest first. */
  faults: Array<StateFault>;
  /** names and subjects of the alerts that are active, as `<name>/<subject>`. */
  alerts: Array<string>;
}

/** Ask how the state store fares. */
export interface StateHealthRequestEvent {
  type: "state.health";
}

/** A key in a listing; `size_bytes` is what it takes on disk. */
export interface StateKey {
  key: string;
  size_bytes: number;
}

/** One page of keys, in order. */
export interface StateListedEvent {
  type: "state.listed";
  keys: Array<StateKey>;
  /** what to ask for as `after` to get the next page; empty if this is the last one. */
  next_after?: string;
  /** keys with the prefix that the asker may read, on all pages. */
  total?: number;
}

/** List the keys that begin with a prefix; those that the asker may not read are left out. */
export interface StateListRequestEvent {
  type: "state.list";
  prefix?: string;
  after?: string;
  limit?: number;
}

/** Read several keys as they are at one moment. */
export interface StateLoadBatchRequestEvent {
  type: "state.load_batch";
  keys: Array<string>;
}

/** What lies under a key. */
export interface StateLoadedEvent {
  type: "state.loaded";
  key: string;
  found: boolean;
  /** null if there is no such key. */
  value?: unknown;
  /** 0 if there is no such key. */
  revision?: number;
  /** seconds since the Unix epoch. */
  saved_at?: number;
  encrypted?: boolean;
  compressed?: boolean;
  /** a later version of the app or of Undercroft wrote it; it cannot be replaced. */
  read_only?: boolean;
  /** where the value was taken from because the document itself was damaged; empty otherwise. */
  repaired_from?: string;
  /** where a damaged document was put; empty if it was not damaged. */
  evidence?: string;
}

/** Read the value of a key; `schema` names a schema that it must fit, besides that of the namespace. */
export interface StateLoadRequestEvent {
  type: "state.load";
  key: string;
  schema?: string;
}

/** Save and delete several keys: all of it or none of it, whatever happens. A key may be named once. */
export interface StateSaveBatchRequestEvent {
  type: "state.save_batch";
  operations: Array<BatchOperation>;
}

/** A value is on disk, and a power cut cannot take it back; `size_bytes` is what it takes there. */
export interface StateSavedEvent {
  type: "state.saved";
  key: string;
  revision: number;
  size_bytes: number;
}

/** Keep a value under a key. */
export interface StateSaveRequestEvent {
  type: "state.save";
  key: string;
  value: unknown;
  /**
   * None leaves it to the namespace, whose stricter policy wins over False. `backup` keeps the former value below
   * `backups/auto`.
   */
  encrypt?: boolean | null;
  /**
   * None leaves it to the namespace, whose stricter policy wins over False. `backup` keeps the former value below
   * `backups/auto`.
   */
  compress?: boolean | null;
  /**
   * None leaves it to the namespace, whose stricter policy wins over False. `backup` keeps the former value below
   * `backups/auto`.
   */
  backup?: boolean | null;
  /** refuse unless the key has this revision now; 0 means that there must be no such key; None: whatever it is. */
  expected_revision?: number | null;
  /** name of a schema that the value must fit, besides that of the namespace; empty for none. */
  schema?: string;
}

/** How the whole runtime fares. */
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
}

/** Ask how the runtime fares. */
export interface SupervisorStatusRequestEvent {
  type: "supervision.status";
}

/** The runtime leaves: actors stop in reverse order of their start. */
export interface SupervisorStoppingEvent {
  type: "supervision.stopping";
  reason: string;
}

/** Ask the whole runtime to stop in good order. */
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

/** Any event, told apart by its `type`. */
export type AnyEvent = EventOf[Topic];
