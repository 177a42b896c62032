"""What opening an envelope ends with: a stored value, or an error that tells damage from a missing key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bus.errors import UndercroftError

FORMAT: Final = 1
"""The newest format of envelopes that this version knows."""


@dataclass(frozen=True)
class StoredValue:
    """A value, and what its envelope says about it.

    Attributes:
        written_at: seconds since the Unix epoch.
        revision: how often the document was written.
        key_id: of the data key; empty if the value was not encrypted.
    """

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
    """The content is not what was written: the digest does not fit, or it is another document's.

    Attributes:
        problem: what was found and what was expected.
        digest: that the envelope carries; empty if it cannot be read.
        remains: what can still be read, and may be wrong; None if nothing can.
    """

    problem: str
    digest: str = ""
    remains: StoredValue | None = None
    words = "damaged: {problem}; keep the file and restore the document from a backup"


class EnvelopeLocked(UndercroftError):
    """The content is whole, but its key is missing or the wrong one. That is no damage: overwrite nothing.

    Attributes:
        key_id: of the data key that it needs.
        reason: why there is no such key now.
    """

    key_id: str
    reason: str
    words = "locked: it needs the key {key_id}: {reason}; see 'undercroft keys status'"


class EnvelopeTooNew(UndercroftError):
    """A later version of Undercroft wrote it. This one only reads around it: overwrite nothing.

    Attributes:
        format: of the envelope; this version knows those up to `FORMAT`.
    """

    format: int
    words = f"written by a later version (format {{format}}, expected at most {FORMAT}); update Undercroft"


class KeyUnavailable(UndercroftError):
    """There is no such data key now. Raised by the `keys` that are handed to `open_envelope`.

    Attributes:
        key_id: which one.
        reason: why, for a person.
    """

    key_id: str
    reason: str
    words = "the key {key_id} is not available: {reason}"
