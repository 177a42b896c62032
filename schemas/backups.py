"""Backups of the state store, and the check of everything it keeps."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.bounds import Count, Identifier, Many, PlaceText, Sentence, UnixSeconds, Word
from schemas.event import Event, Request

BACKUP_NAME_LIMIT = 200
FINDING_LIMIT = 1000
RESTORE_KEY_LIMIT = 1000

BackupKind = Literal["manual", "imported", "scheduled", "before_migration", "before_import", "before_restore"]
"""Why a backup was made. Rotation never removes manual and imported ones."""

FindingKind = Literal[
    "damaged",
    "unreadable",
    "schema",
    "locked",
    "too_new",
    "missing",
    "unlisted",
    "temporary",
    "unknown_file",
    "evidence",
    "journal",
    "restore",
    "backup",
]
"""What the check found. `damaged`: it is not what was written, or that of another key. `unreadable`: the disk
does not return it. `schema`: it is whole, but does not fit. `locked`: it is whole, as far as that shows
without its key. `too_new`: a later version wrote it. `missing`: a key without a file. `unlisted`: a file that
the store did not write. `temporary`: left by an interrupted write. `unknown_file`: it belongs to nothing.
`evidence`: a damaged file that was put aside earlier. `journal`: records that cannot be read. `restore`: left
by an interrupted restore. `backup`: one that is damaged or was never finished."""


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

    id: Identifier
    name: Word
    kind: BackupKind
    created_at: UnixSeconds
    size_bytes: Count
    content_bytes: Count
    documents: Count
    compressed: bool
    encrypted: bool
    revision: Count
    format: Count


class BackupFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault in a backup. `key`: the document; empty: it concerns the whole backup."""

    id: Identifier
    key: Word
    problem: Sentence


class BackupCreatedEvent(Event, frozen=True, kw_only=True, tag="backups.created"):
    """A backup is on disk, and was read back to check it."""

    backup: BackupInfo


class BackupCreateRequestEvent(Request[BackupCreatedEvent], frozen=True, kw_only=True, tag="backups.create"):
    """Make a full backup. Rotation never removes it, with or without a name."""

    name: Word = ""


class BackupsListedEvent(Event, frozen=True, kw_only=True, tag="backups.listed"):
    """All backups, the newest first, and those that cannot be used.

    Attributes:
        unfinished: what counts as no backup: a cut left it while it was made or removed.
    """

    backups: Many[BackupInfo]
    faults: Many[BackupFault] = []
    unfinished: Many[Identifier] = []


class BackupsListRequestEvent(Request[BackupsListedEvent], frozen=True, kw_only=True, tag="backups.list"):
    """List the backups."""


class BackupsVerifiedEvent(Event, frozen=True, kw_only=True, tag="backups.verified"):
    """Backups were read from end to end. No faults: everything is as it was written.

    Attributes:
        unfinished: what counts as no backup: a cut left it while it was made or removed.
    """

    verified: Many[Word]
    faults: Many[BackupFault]
    unfinished: Many[Identifier] = []


class BackupsVerifyRequestEvent(
    Request[BackupsVerifiedEvent], frozen=True, kw_only=True, tag="backups.verify"
):
    """Read a backup from end to end, and check every digest and every envelope. Empty id: all backups."""

    id: Identifier = ""


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

    id: Identifier
    saved_as: Word
    changed: Count
    removed: Count
    unchanged: Count
    left_out: Many[Sentence] = []
    settings: bool = False


class BackupRestoreRequestEvent(
    Request[BackupRestoredEvent], frozen=True, kw_only=True, tag="backups.restore"
):
    """Restore a backup, all or nothing. The present content is backed up first.

    Attributes:
        keys: only these; empty: everything, and keys that came later are removed. A typed document is
            `document.<type>`.
        settings: also replace `config.json` by that of the backup.
        without_damaged: leave out documents that were damaged when the backup was made, instead of refusing.
        dry_run: only report what would change.
    """

    id: Identifier
    keys: Many[Word] = []
    settings: bool = False
    without_damaged: bool = False
    dry_run: bool = False


class BackupKept(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that stays, and why."""

    id: Identifier
    reasons: Many[Sentence]


class BackupsPrunedEvent(Event, frozen=True, kw_only=True, tag="backups.pruned"):
    """Which backups stay, and which were removed.

    Attributes:
        former_values: how many single former values (`backup` of a save) were removed.
    """

    kept: Many[BackupKept]
    removed: Many[Word]
    former_values: Count
    dry_run: bool


class BackupsPruneRequestEvent(Request[BackupsPrunedEvent], frozen=True, kw_only=True, tag="backups.prune"):
    """Remove the backups that the retention rules of the profile do not keep."""

    dry_run: bool = False


class BackupProgressedEvent(Event, frozen=True, kw_only=True, tag="backups.progressed"):
    """Progress of a long operation. `total`: 0 while it is not known."""

    doing: Literal["create", "verify", "restore", "check"]
    done: Count
    total: Count


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the check found.

    Attributes:
        path: relative to the store, with slashes.
        key: the key that it belongs to; empty: none.
        repair: what was done about it; empty: nothing.
        evidence: where the damaged file is now; empty: it was not moved.
    """

    kind: FindingKind
    path: PlaceText
    key: Word
    problem: Sentence
    repair: Sentence = ""
    evidence: PlaceText = ""


class StateCheckedEvent(Event, frozen=True, kw_only=True, tag="state.checked"):
    """The result of a check.

    Attributes:
        checked: documents that were read.
        backups: backups that were read.
        findings: at most FINDING_LIMIT of them.
        total: how many findings there are.
        is_sound: nothing is damaged, missing or unreadable; lesser findings do not count.
    """

    checked: Count
    backups: Count
    findings: Many[Finding]
    total: Count
    is_sound: bool


class StateCheckRequestEvent(Request[StateCheckedEvent], frozen=True, kw_only=True, tag="state.check"):
    """Check every document and every backup.

    Attributes:
        repair: also repair what can be repaired. Damaged files are put aside, never removed.
    """

    repair: bool = False
