"""How opening an envelope ends: with a stored value, or with one of the errors that tell damage, absence of a key and newer versions apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bus.errors import UndercroftError

FORMAT: Final = 1
"""The newest format of envelopes that this version knows."""


@dataclass(frozen=True)
class Stored:
    """A value and what its envelope says about it."""

    value: Any
    schema: str
    schema_version: int
    written_at: float
    revision: int
    name: str = ""
    is_compressed: bool = False
    is_encrypted: bool = False
    key_id: str = ""


class NotAnEnvelope(UndercroftError):
    """The content was never an envelope, or has lost its beginning.

    Attributes:
        problem: what was found and what was expected.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"not an envelope: {self.problem}; keep the file and restore the document from a backup"


class EnvelopeDamaged(UndercroftError):
    """The content is not what was written: a digest does not fit, a part is missing, or it is another document's.

    Attributes:
        problem: what was found and what was expected.
        digest: the digest that the envelope carries, empty if it cannot be read.
        salvage: what can still be read and may be wrong; None if nothing can.
    """

    def __init__(self, problem: str, digest: str = "", salvage: Stored | None = None) -> None:
        super().__init__(problem, digest, salvage)
        self.problem = problem
        self.digest = digest
        self.salvage = salvage

    def __str__(self) -> str:
        return f"damaged: {self.problem}; keep the file and restore the document from a backup"


class EnvelopeLocked(UndercroftError):
    """The content is whole but its key is not to be had, or not the right one. It is no damage: nothing may be overwritten.

    Attributes:
        key_id: the data key that it needs.
        reason: why that is not to be had.
    """

    def __init__(self, key_id: str, reason: str) -> None:
        super().__init__(key_id, reason)
        self.key_id = key_id
        self.reason = reason

    def __str__(self) -> str:
        return f"locked: it needs the key {self.key_id}: {self.reason}; see 'undercroft keys status'"


class EnvelopeTooNew(UndercroftError):
    """A later version of Undercroft wrote it. It is read-only for this one, and nothing may be overwritten.

    Attributes:
        format: its format; this version knows those up to `FORMAT`.
    """

    def __init__(self, format: int) -> None:
        super().__init__(format)
        self.format = format

    def __str__(self) -> str:
        return (
            f"written by a later version (format {self.format}, expected at most {FORMAT}); update Undercroft"
        )


class KeyNotToBeHad(UndercroftError):
    """A data key cannot be given now; raised by the `keys` of `open_envelope`.

    Attributes:
        key_id: which one.
        reason: why, for a person.
    """

    def __init__(self, key_id: str, reason: str) -> None:
        super().__init__(key_id, reason)
        self.key_id = key_id
        self.reason = reason

    def __str__(self) -> str:
        return f"the key {self.key_id} is not to be had: {self.reason}"
