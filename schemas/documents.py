"""Typed documents: one type, one file, read and written whole."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.event import Event, Request


class DocumentReadEvent(Event, frozen=True, kw_only=True, tag="documents.read_reported"):
    """A whole document.

    Attributes:
        value: as its type says it; the defaults of the type if there is none yet.
        revision: 0 if there is none yet.
        read_only: a later version wrote it; it cannot be replaced.
        repaired_from: where the value was taken from because the document itself was damaged; empty
            otherwise.
        evidence: where a damaged document was put; empty if it was not damaged.
    """

    type_name: str
    value: dict[str, Any]
    revision: int = 0
    read_only: bool = False
    repaired_from: str = ""
    evidence: str = ""


class DocumentReadRequestEvent(Request[DocumentReadEvent], frozen=True, kw_only=True, tag="documents.read"):
    """Read the document of a type, from the cache while that is fresh."""

    type_name: str


class DocumentWrittenEvent(Event, frozen=True, kw_only=True, tag="documents.written"):
    """A document is on disk, and a power cut cannot take it back."""

    type_name: str
    revision: int


class DocumentWriteRequestEvent(
    Request[DocumentWrittenEvent], frozen=True, kw_only=True, tag="documents.write"
):
    """Replace the document of a type.

    Attributes:
        value: the whole document; there are no partial updates.
        expected_revision: refuse unless the document has this revision now; 0 means that there must be none;
            None: whatever it is.
    """

    type_name: str
    value: dict[str, Any]
    expected_revision: int | None = None


class DocumentChangedEvent(Event, frozen=True, kw_only=True, tag="documents.changed"):
    """A document has another value, durably; the value itself is not told. `source` names the peer that asked for it."""

    type_name: str
    revision: int
    source: str = ""


class DocumentType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of documents: `schema` is JSON Schema, `version` that of the type."""

    type_name: str
    version: int
    schema: dict[str, Any]


class DocumentTypesReportedEvent(Event, frozen=True, kw_only=True, tag="documents.types_reported"):
    """All types that the profile declares."""

    types: list[DocumentType]


class DocumentTypesRequestEvent(
    Request[DocumentTypesReportedEvent], frozen=True, kw_only=True, tag="documents.types"
):
    """Ask which types of documents there are."""


class CachedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The cache of one type.

    Attributes:
        is_fresh: a read would be answered from the cache now.
        age_seconds: since it was read or written; 0 if nothing is cached.
        hits, misses: reads answered from the cache, and from disk.
    """

    type_name: str
    is_fresh: bool
    age_seconds: float
    hits: int
    misses: int


class DocumentCacheReportedEvent(Event, frozen=True, kw_only=True, tag="documents.cache_reported"):
    """The cache, after what was asked for."""

    ttl_seconds: float
    types: list[CachedDocument]


class DocumentCacheRequestEvent(
    Request[DocumentCacheReportedEvent], frozen=True, kw_only=True, tag="documents.cache"
):
    """Ask for the statistics of the cache. `clear`: forget what is cached of `type_name`, or of all types if that is empty."""

    clear: bool = False
    type_name: str = ""
