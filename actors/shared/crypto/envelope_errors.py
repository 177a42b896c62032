"""How opening an envelope ends: with a stored value, or with one of the errors that tell damage, absence of a key and newer versions apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bus.errors import UndercroftError

FORMAT: Final = 1
"""The newest format of envelopes that this version knows."""


@dataclass(frozen=True)
class StoredValue:
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

    problem: str
    words = "not an envelope: {problem}; keep the file and restore the document from a backup"


class EnvelopeDamaged(UndercroftError):
    """The content is not what was written: a digest does not fit, a part is missing, or it is another document's.

    Attributes:
        problem: what was found and what was expected.
        digest: the digest that the envelope carries, empty if it cannot be read.
        remains: what can still be read and may be wrong; None if nothing can.
    """

    problem: str
    digest: str = ""
    remains: StoredValue | None = None
    words = "damaged: {problem}; keep the file and restore the document from a backup"


class EnvelopeLocked(UndercroftError):
    """The content is whole but its key is not to be had, or not the right one. It is no damage: nothing may be overwritten.

    Attributes:
        key_id: the data key that it needs.
        reason: why that is not to be had.
    """

    key_id: str
    reason: str
    words = "locked: it needs the key {key_id}: {reason}; see 'undercroft keys status'"


class EnvelopeTooNew(UndercroftError):
    """A later version of Undercroft wrote it. It is read-only for this one, and nothing may be overwritten.

    Attributes:
        format: its format; this version knows those up to `FORMAT`.
    """

    format: int

    def __str__(self) -> str:
        return (
            f"written by a later version (format {self.format}, expected at most {FORMAT}); update Undercroft"
        )


class KeyUnavailable(UndercroftError):
    """A data key cannot be given now; raised by the `keys` of `open_envelope`.

    Attributes:
        key_id: which one.
        reason: why, for a person.
    """

    key_id: str
    reason: str
    words = "the key {key_id} is not available: {reason}"
