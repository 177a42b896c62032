"""What can be done to the store, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Save:
    """Keep a value under a key. Options and expectation as in StateSaveRequestEvent; `schema` is checked besides the namespace's."""

    key: str
    value: Any
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: int | None = None
    schema: str = ""


@dataclass(frozen=True)
class Delete:
    """Let a key go."""

    key: str
    backup: bool | None = None
    expected_revision: int | None = None


@dataclass(frozen=True)
class Restore:
    """Put back the bytes of an envelope that the store wrote before, as they are."""

    key: str
    content: bytes


Step = Save | Delete | Restore


@dataclass(frozen=True)
class Done:
    """What came of a step, durably.

    Attributes:
        revision: the new one; 0 if a key was to go that was not there.
        size_bytes: what the key takes on disk now.
        existed: it was there before.
    """

    key: str
    revision: int
    size_bytes: int = 0
    existed: bool = False
    deleted: bool = False


@dataclass(frozen=True)
class Loaded:
    """What lies under a key; fields as in StateLoadedEvent."""

    key: str
    found: bool = False
    value: Any = None
    revision: int = 0
    saved_at: float = 0.0
    encrypted: bool = False
    compressed: bool = False
    read_only: bool = False
    repaired_from: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Repaired:
    """The bytes of an earlier envelope of a key, and where they come from."""

    content: bytes
    source: str


Repair = Callable[[str], Repaired | None]
"""Given the key of a damaged document: the newest good copy of it, or None if there is none."""


@dataclass(frozen=True)
class Incident:
    """Something that somebody has to be told of.

    Attributes:
        kind: `corruption`: a document (or the journal) was damaged; `quota`: there was no room; `disk`: files
            could not be made durable.
        subject: the key, or whose quota.
        evidence: where what was damaged lies now.
        source: what it was repaired from; empty if it was not.
    """

    kind: Literal["corruption", "quota", "disk"]
    subject: str
    problem: str
    evidence: str = ""
    source: str = ""
