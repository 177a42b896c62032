"""Typed documents: one type, one file, read and written whole."""

from __future__ import annotations

import msgspec

from schemas.bounds import Count, Many, PlaceText, Plain, Seconds, Word
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

    type_name: Word
    value: Plain
    revision: Count = 0
    read_only: bool = False
    repaired_from: Word = ""
    evidence: PlaceText = ""


class DocumentReadRequestEvent(Request[DocumentReadEvent], frozen=True, kw_only=True, tag="documents.read"):
    """Read the document of a type, from the cache while it is fresh."""

    type_name: Word


class DocumentWrittenEvent(Event, frozen=True, kw_only=True, tag="documents.written"):
    """A document is on disk, safe from a power cut."""

    type_name: Word
    revision: Count


class DocumentWriteRequestEvent(
    Request[DocumentWrittenEvent], frozen=True, kw_only=True, tag="documents.write"
):
    """Replace the document of a type.

    Attributes:
        value: the whole document; there are no partial updates.
        expected_revision: refuse unless the document has this revision now; 0: unless there is none; None: do
            not check.
    """

    type_name: Word
    value: Plain
    expected_revision: Count | None = None


class DocumentChangedEvent(Event, frozen=True, kw_only=True, tag="documents.changed"):
    """A document has another value, durably. The event does not hold the value.

    Attributes:
        source: name of the peer that asked for the change.
    """

    type_name: Word
    revision: Count
    source: Word = ""


class DocumentType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of documents. `version`: of the type; `schema`: JSON Schema."""

    type_name: Word
    version: Count
    schema: Plain


class DocumentTypesReportedEvent(Event, frozen=True, kw_only=True, tag="documents.types_reported"):
    """All types of documents that the profile declares."""

    types: Many[DocumentType]


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

    type_name: Word
    is_fresh: bool
    age_seconds: Seconds
    hits: Count
    misses: Count


class DocumentCacheReportedEvent(Event, frozen=True, kw_only=True, tag="documents.cache_reported"):
    """The cache, after the request."""

    ttl_seconds: Seconds
    types: Many[CachedDocument]


class DocumentCacheRequestEvent(
    Request[DocumentCacheReportedEvent], frozen=True, kw_only=True, tag="documents.cache"
):
    """Ask for the statistics of the cache.

    Attributes:
        clear: first drop what is cached of `type_name`, or of all types if that is empty.
    """

    clear: bool = False
    type_name: Word = ""
