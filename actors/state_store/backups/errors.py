"""What can go wrong with backups. Nothing here holds a value of a document."""

from __future__ import annotations

from bus.errors import OperatorError, UndercroftError


class BackupNotFound(OperatorError):
    """There is no such backup: none of that id, or one that was never finished.

    Attributes:
        id: as it was given.
    """

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id

    def __str__(self) -> str:
        return f"there is no backup {self.id[:120]!r}; 'undercroft backup list' shows which there are"


class BackupDamaged(UndercroftError):
    """A backup is not what was written.

    Attributes:
        id: which one.
        problem: what was found and what was expected.
    """

    def __init__(self, id: str, problem: str) -> None:
        super().__init__(id, problem)
        self.id = id
        self.problem = problem

    def __str__(self) -> str:
        return f"backup {self.id}: damaged: {self.problem}; take another one, and check the disk"


class BackupTooNew(OperatorError):
    """A later version of Undercroft made it.

    Attributes:
        id: which one.
        format: its format.
        known: the newest format that this version knows.
    """

    def __init__(self, id: str, format: int, known: int) -> None:
        super().__init__(id, format, known)
        self.id = id
        self.format = format
        self.known = known

    def __str__(self) -> str:
        return f"backup {self.id}: made by a later version (format {self.format}, expected at most {self.known}); update Undercroft"


class BackupFailed(UndercroftError):
    """A backup was not made; what is in the store is untouched.

    Attributes:
        reason: why.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"no backup was made: {self.reason}"


class RestoreRefused(OperatorError):
    """A backup was not restored; the store is as it was.

    Attributes:
        id: of the backup.
        reason: why.
    """

    def __init__(self, id: str, reason: str) -> None:
        super().__init__(id, reason)
        self.id = id
        self.reason = reason

    def __str__(self) -> str:
        return f"backup {self.id}: not restored: {self.reason}; nothing was changed"


class PlaceSilent(UndercroftError):
    """The disk with the backups does not answer, as that of a server that is gone.

    Attributes:
        place: the directory.
        patience_seconds: for so long nothing came.
    """

    def __init__(self, place: str, patience_seconds: float) -> None:
        super().__init__(place, patience_seconds)
        self.place = place
        self.patience_seconds = patience_seconds

    def __str__(self) -> str:
        return f"{self.place}: no answer for {self.patience_seconds:g} s; see whether its disk, or the server that it is on, is there"


class PassphraseWrong(OperatorError):
    """The passphrase is not the one that an export was made with. The file is whole, as far as can be told without it.

    Attributes:
        path: of the export.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: the passphrase is not the one that it was exported with; nothing was changed"


class PassphraseTooShort(OperatorError):
    """Somebody who has the file could guess the passphrase.

    Attributes:
        length: how many signs it has.
        expected: how many it has to have.
    """

    def __init__(self, length: int, expected: int) -> None:
        super().__init__(length, expected)
        self.length = length
        self.expected = expected

    def __str__(self) -> str:
        return f"the passphrase has {self.length} signs, expected at least {self.expected}; take some words"


class ExportDamaged(OperatorError):
    """A file is no export, or not as it was written.

    Attributes:
        path: of the file.
        problem: what was found and what was expected.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; nothing was changed; bring the file over again, or take another one"
