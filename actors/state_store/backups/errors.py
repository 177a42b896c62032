"""Errors about backups. None holds anything of the value of a document."""

from __future__ import annotations

from bus.errors import OperatorError, UndercroftError


class BackupNotFound(OperatorError):
    """There is no such backup: the id is unknown, or the backup was never finished.

    Attributes:
        id: as it was given.
    """

    id: str

    def __str__(self) -> str:
        return f"there is no backup {self.id[:120]!r}; 'undercroft backup list' shows all backups"


class BackupDamaged(UndercroftError):
    """A backup is not what was written.

    Attributes:
        id: which one.
        problem: what was found and what was expected.
    """

    id: str
    problem: str
    words = "backup {id}: damaged: {problem}; use another one, and check the disk"


class BackupTooNew(OperatorError):
    """A later version of Undercroft made the backup.

    Attributes:
        id: which one.
        format: its format.
        known: the newest format that this version knows.
    """

    id: str
    format: int
    known: int
    words = (
        "backup {id}: made by a later version (format {format}, expected at most {known}); update Undercroft"
    )


class BackupFailed(UndercroftError):
    """A backup could not be made; the store is untouched.

    Attributes:
        reason: why.
    """

    reason: str
    words = "no backup was made: {reason}"


class RestoreRefused(OperatorError):
    """A backup was not restored; the store is as it was.

    Attributes:
        id: of the backup.
        reason: why.
    """

    id: str
    reason: str
    words = "backup {id}: not restored: {reason}; nothing was changed"


class TransferRefused(OperatorError):
    """A document cannot be exported or imported.

    Attributes:
        key: which one.
        reason: why.
    """

    key: str
    reason: str
    words = "{key}: cannot be transferred: {reason}; nothing was changed"


class PassphraseWrong(OperatorError):
    """An export was made with another passphrase. The file itself seems whole.

    Attributes:
        path: of the export.
    """

    path: str
    words = "{path}: the passphrase is not the one of the export; nothing was changed"


class PassphraseTooShort(OperatorError):
    """Somebody with the file could guess the passphrase.

    Attributes:
        length: number of its characters.
        expected: the least number.
    """

    length: int
    expected: int
    words = "the passphrase has {length} characters, expected at least {expected}; use several words"


class ExportDamaged(OperatorError):
    """A file is not an export, or not as it was written.

    Attributes:
        path: of the file.
        problem: what was found and what was expected.
    """

    path: str
    problem: str
    words = "{path}: {problem}; nothing was changed; copy the file again, or use another one"
