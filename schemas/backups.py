"""Backups of the state store, and the check of everything it keeps."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.event import Event, Request

BACKUP_NAME_LIMIT = 200
FINDING_LIMIT = 1000
RESTORE_KEY_LIMIT = 1000

BackupKind = Literal["manual", "imported", "scheduled", "before_migration", "before_import", "before_restore"]
"""Why it was made. Those made by hand and imported ones are never removed by rotation."""

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
"""What the check found. `damaged`: not what was written, or another key's; `unreadable`: the disk does not give it; `schema`:
whole, and does not fit; `locked`: whole as far as can be seen without its key; `too_new`: a later version
wrote it; `missing`:
a key without a file; `unlisted`: a file that was put there behind the store's back; `temporary`: left by an
interrupted write;
`unknown_file`: nobody's; `evidence`: put aside earlier; `journal`: records that cannot be read; `restore`:
    left by an
interrupted restore; `backup`: one that is damaged or was never finished."""


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
    kind: BackupKind
    created_at: float
    size_bytes: int
    content_bytes: int
    documents: int
    compressed: bool
    encrypted: bool
    revision: int
    format: int


class BackupFault(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a backup; `key` is empty if it is not about one document."""

    id: str
    key: str
    problem: str


class BackupCreatedEvent(Event, frozen=True, kw_only=True, tag="backups.created"):
    """A backup is on disk, and was read back."""

    backup: BackupInfo


class BackupCreateRequestEvent(Request[BackupCreatedEvent], frozen=True, kw_only=True, tag="backups.create"):
    """Make a full backup; with or without a name, rotation never removes it."""

    name: str = ""


class BackupsListedEvent(Event, frozen=True, kw_only=True, tag="backups.listed"):
    """All backups, the newest first, and what is there and cannot be used."""

    backups: list[BackupInfo]
    faults: list[BackupFault] = []


class BackupsListRequestEvent(Request[BackupsListedEvent], frozen=True, kw_only=True, tag="backups.list"):
    """List the backups."""


class BackupsVerifiedEvent(Event, frozen=True, kw_only=True, tag="backups.verified"):
    """Backups were read from end to end; `faults` is empty if all is as it was written."""

    verified: list[str]
    faults: list[BackupFault]


class BackupsVerifyRequestEvent(
    Request[BackupsVerifiedEvent], frozen=True, kw_only=True, tag="backups.verify"
):
    """Read a backup from end to end: every digest and every envelope. An empty id means all of them."""

    id: str = ""


class BackupRestoredEvent(Event, frozen=True, kw_only=True, tag="backups.restored"):
    """What a backup holds is what the store holds.

    Attributes:
        saved_as: id of the backup of what was there before; empty for a dry run.
        changed: how many keys have another value now, new ones included; `removed`: how many are gone.
        left_out: keys that are not restored, as nobody declares their namespace any more, or as they are
            damaged in the backup.
        settings: whether `config.json` was replaced.
    """

    id: str
    saved_as: str
    changed: int
    removed: int
    unchanged: int
    left_out: list[str] = []
    settings: bool = False


class BackupRestoreRequestEvent(
    Request[BackupRestoredEvent], frozen=True, kw_only=True, tag="backups.restore"
):
    """Bring back what a backup holds, all or nothing; what is there now is backed up first.

    Attributes:
        keys: only these; empty: everything, and keys that came later go. A typed document is
            `document.<type>`.
        settings: also replace `config.json` by the one of the backup.
        without_damaged: leave out documents that were damaged when the backup was made, instead of refusing.
        dry_run: only tell what would change.
    """

    id: str
    keys: list[str] = []
    settings: bool = False
    without_damaged: bool = False
    dry_run: bool = False


class BackupKept(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that stays, and why."""

    id: str
    reasons: list[str]


class BackupsPrunedEvent(Event, frozen=True, kw_only=True, tag="backups.pruned"):
    """What stays and what went; `former_values` counts single former values (`backup` of a save) that went."""

    kept: list[BackupKept]
    removed: list[str]
    former_values: int
    dry_run: bool


class BackupsPruneRequestEvent(Request[BackupsPrunedEvent], frozen=True, kw_only=True, tag="backups.prune"):
    """Remove what the retention of the profile does not keep."""

    dry_run: bool = False


class BackupProgressedEvent(Event, frozen=True, kw_only=True, tag="backups.progressed"):
    """Something that takes long goes on; `total` is 0 while it is not known."""

    doing: Literal["create", "verify", "restore", "check"]
    done: int
    total: int


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the check found.

    Attributes:
        path: relative to the store, with slashes.
        key: empty if it is no key's.
        repair: what was done about it; empty if nothing was.
        evidence: where the damaged file lies now; empty if it was not moved.
    """

    kind: FindingKind
    path: str
    key: str
    problem: str
    repair: str = ""
    evidence: str = ""


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
    """Look at every document and every backup. `repair`: also do something about it; what was damaged is put aside, never removed."""

    repair: bool = False
