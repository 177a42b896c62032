"""What can go wrong with backups. Nothing here holds a value of a document."""

from __future__ import annotations

from bus.errors import OperatorError, UndercroftError


class BackupNotFound(OperatorError):
    """There is no such backup: none of that id, or one that was never finished.

    Attributes:
        id: as it was given.
    """

    id: str

    def __str__(self) -> str:
        return f"there is no backup {self.id[:120]!r}; 'undercroft backup list' shows which there are"


class BackupDamaged(UndercroftError):
    """A backup is not what was written.

    Attributes:
        id: which one.
        problem: what was found and what was expected.
    """

    id: str
    problem: str
    words = "backup {id}: damaged: {problem}; take another one, and check the disk"


class BackupTooNew(OperatorError):
    """A later version of Undercroft made it.

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
    """A backup was not made; what is in the store is untouched.

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


class PlaceSilent(UndercroftError):
    """The disk with the backups does not answer, as that of a server that is gone.

    Attributes:
        place: the directory.
        patience_seconds: for so long nothing came.
    """

    place: str
    patience_seconds: float
    words = (
        "{place}: no answer for {patience_seconds:g} s; see whether its disk, or the server that "
        "it is on, is there"
    )


class PassphraseWrong(OperatorError):
    """The passphrase is not the one that an export was made with. The file is whole, as far as can be told without it.

    Attributes:
        path: of the export.
    """

    path: str
    words = "{path}: the passphrase is not the one that it was exported with; nothing was changed"


class PassphraseTooShort(OperatorError):
    """Somebody who has the file could guess the passphrase.

    Attributes:
        length: how many signs it has.
        expected: how many it has to have.
    """

    length: int
    expected: int
    words = "the passphrase has {length} signs, expected at least {expected}; take some words"


class ExportDamaged(OperatorError):
    """A file is no export, or not as it was written.

    Attributes:
        path: of the file.
        problem: what was found and what was expected.
    """

    path: str
    problem: str
    words = "{path}: {problem}; nothing was changed; bring the file over again, or take another one"
