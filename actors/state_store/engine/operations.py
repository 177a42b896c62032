"""What can be done to the store, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Save:
    """Keep a value under a key; options as in StateSaveRequestEvent.

    `schema` is checked in addition to the schema of the namespace.
    """

    key: str
    value: Any
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: int | None = None
    schema: str = ""


@dataclass(frozen=True)
class Delete:
    """Remove a key and its value."""

    key: str
    backup: bool | None = None
    expected_revision: int | None = None


@dataclass(frozen=True)
class PutBack:
    """Write the bytes of an envelope that the store made earlier, unchanged."""

    key: str
    content: bytes


WriteStep = Save | Delete | PutBack


@dataclass(frozen=True)
class StepDone:
    """Outcome of a step, durable.

    Attributes:
        revision: the new one; 0 if a key was deleted that did not exist.
        size_bytes: size of the file of the key now.
        existed: the key existed before.
    """

    key: str
    revision: int
    size_bytes: int = 0
    existed: bool = False
    deleted: bool = False


@dataclass(frozen=True)
class DamagedDocument:
    """A document that needs a good copy, and what the store itself still has of it.

    Attributes:
        path: its file, which may be gone.
        content: the damaged bytes; empty if they cannot be read.
        journaled: the newest bytes in the journal; None if the journal holds none.
        is_good: tells whether bytes can take the place of the document.
        next_revision: gives a revision to a copy that is sealed again.
    """

    key: str
    path: Path
    content: bytes
    journaled: bytes | None
    is_good: Callable[[bytes], bool]
    next_revision: Callable[[], int]


@dataclass(frozen=True)
class RepairedCopy:
    """The bytes of an earlier envelope of a key, and where they come from."""

    content: bytes
    source: str


RepairHook = Callable[[DamagedDocument], RepairedCopy | None]
"""Finds the newest good copy of a damaged document; None if there is none."""


@dataclass(frozen=True)
class Incident:
    """Something that went wrong in the store and that a person should know.

    Attributes:
        kind: `corruption`: a document or the journal was damaged. `quota`: there was no space. `disk`: files
            could not be made durable.
        subject: the key, or the owner of the quota.
        evidence: where the damaged file lies now.
        source: where the good copy came from; empty if there was none.
    """

    kind: Literal["corruption", "quota", "disk"]
    subject: str
    problem: str
    evidence: str = ""
    source: str = ""
