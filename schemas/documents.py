"""Typed documents: one type, one file, read and written whole."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.event import Event, Request


class DocumentReadEvent(Event, frozen=True, kw_only=True, tag="documents.read_reported"):
    """A whole document.

    Attributes:
        value: the document, or the defaults of its type if there is none yet.
        revision: 0: there is none yet.
        read_only: a later version wrote it, so it cannot be replaced.
        repaired_from: the copy that the value comes from, since the document was damaged; empty otherwise.
        evidence: where the damaged document was put; empty: it was not damaged.
    """

    type_name: str
    value: dict[str, Any]
    revision: int = 0
    read_only: bool = False
    repaired_from: str = ""
    evidence: str = ""


class DocumentReadRequestEvent(Request[DocumentReadEvent], frozen=True, kw_only=True, tag="documents.read"):
    """Read the document of a type, from the cache while it is fresh."""

    type_name: str


class DocumentWrittenEvent(Event, frozen=True, kw_only=True, tag="documents.written"):
    """A document is on disk, safe from a power cut."""

    type_name: str
    revision: int


class DocumentWriteRequestEvent(
    Request[DocumentWrittenEvent], frozen=True, kw_only=True, tag="documents.write"
):
    """Replace the document of a type.

    Attributes:
        value: the whole document; there are no partial updates.
        expected_revision: refuse unless the document has this revision now; 0: unless there is none; None: do
            not check.
    """

    type_name: str
    value: dict[str, Any]
    expected_revision: int | None = None


class DocumentChangedEvent(Event, frozen=True, kw_only=True, tag="documents.changed"):
    """A document has another value, durably. The event does not hold the value.

    Attributes:
        source: name of the peer that asked for the change.
    """

    type_name: str
    revision: int
    source: str = ""


class DocumentType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of documents. `version`: of the type; `schema`: JSON Schema."""

    type_name: str
    version: int
    schema: dict[str, Any]


class DocumentTypesReportedEvent(Event, frozen=True, kw_only=True, tag="documents.types_reported"):
    """All types of documents that the profile declares."""

    types: list[DocumentType]


class DocumentTypesRequestEvent(
    Request[DocumentTypesReportedEvent], frozen=True, kw_only=True, tag="documents.types"
):
    """Ask which types of documents there are."""


class CachedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The cache of one type.

    Attributes:
        is_fresh: a read would be answered from the cache now.
        age_seconds: since it was read or written; 0: nothing is cached.
        hits, misses: reads answered from the cache, and from disk.
    """

    type_name: str
    is_fresh: bool
    age_seconds: float
    hits: int
    misses: int


class DocumentCacheReportedEvent(Event, frozen=True, kw_only=True, tag="documents.cache_reported"):
    """The cache, after the request."""

    ttl_seconds: float
    types: list[CachedDocument]


class DocumentCacheRequestEvent(
    Request[DocumentCacheReportedEvent], frozen=True, kw_only=True, tag="documents.cache"
):
    """Ask for the statistics of the cache.

    Attributes:
        clear: first drop what is cached of `type_name`, or of all types if that is empty.
    """

    clear: bool = False
    type_name: str = ""
