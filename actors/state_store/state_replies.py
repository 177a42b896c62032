"""Turns what was found or done into replies and announcements. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from actors.state_store.documents.document_cache import CacheStatistics
from actors.state_store.documents.document_store import TypedDocument
from actors.state_store.documents.document_types import DocumentKind, thawed
from actors.state_store.engine.key_paths import DOCUMENTS, namespace_of, rest_of
from actors.state_store.engine.operations import StepDone
from actors.state_store.engine.values.value_schemas import ValueSchemas
from schemas.documents import (
    CachedDocument,
    DocumentCacheReportedEvent,
    DocumentChangedEvent,
    DocumentReadEvent,
    DocumentType,
    DocumentTypesReportedEvent,
)
from schemas.state import (
    StateBatchLoadedEvent,
    StateBatchSavedEvent,
    StateChangedEvent,
    StateDeletedEvent,
    StateKey,
    StateListedEvent,
    StateLoadedEvent,
    StateSavedEvent,
)

ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024 - 64 * 1024
"""Limit for the values of a batch in one answer, as MessagePack, together with their keys."""


def saved(done: Sequence[StepDone]) -> StateSavedEvent:
    """One key was saved."""
    return StateSavedEvent(key=done[0].key, revision=done[0].revision, size_bytes=done[0].size_bytes)


def deleted(done: Sequence[StepDone]) -> StateDeletedEvent:
    """One key was deleted, or did not exist."""
    return StateDeletedEvent(key=done[0].key, existed=done[0].existed, revision=done[0].revision)


def batch_saved(done: Sequence[StepDone]) -> StateBatchSavedEvent:
    """A batch was carried out."""
    return StateBatchSavedEvent(revisions={one.key: one.revision for one in done})


def changed(
    key: str, revision: int, source: str, *, deleted: bool = False
) -> StateChangedEvent | DocumentChangedEvent:
    """The announcement that a key, or the document behind it, has another value."""
    if namespace_of(key) == DOCUMENTS:
        return DocumentChangedEvent(type_name=rest_of(key), revision=revision, source=source)
    return StateChangedEvent(key=key, revision=revision, deleted=deleted, source=source)


def batch_loaded(asked: Sequence[str], found: Sequence[StateLoadedEvent]) -> StateBatchLoadedEvent:
    """The values of several keys, by the names in the request, as far as they fit into one answer."""
    values: dict[str, Any] = {}
    revisions: dict[str, int] = {}
    left_out: list[str] = []
    left_bytes = ANSWER_LIMIT_BYTES
    for key, one in zip(asked, found, strict=True):
        size_bytes = len(msgspec.msgpack.encode(one.value)) + 2 * len(key.encode()) + 32
        if size_bytes > left_bytes and values:
            left_out.append(key)
            left_bytes -= len(key.encode()) + 8
            continue
        left_bytes -= size_bytes
        values[key], revisions[key] = one.value, one.revision
    return StateBatchLoadedEvent(values=values, revisions=revisions, left_out=left_out)


def listed(found: Sequence[tuple[str, int]], total: int, has_more: bool) -> StateListedEvent:
    """One page of keys."""
    page = [StateKey(key=key, size_bytes=size_bytes) for key, size_bytes in found]
    return StateListedEvent(keys=page, next_after=page[-1].key if has_more and page else "", total=total)


def document(found: TypedDocument) -> DocumentReadEvent:
    """A typed document."""
    return DocumentReadEvent(
        type_name=found.type_name,
        value=thawed(found.payload),
        revision=found.revision,
        read_only=found.read_only,
        repaired_from=found.repaired_from,
        evidence=found.evidence,
    )


def types(kinds: Mapping[str, DocumentKind], schemas: ValueSchemas) -> DocumentTypesReportedEvent:
    """All types of documents."""
    return DocumentTypesReportedEvent(
        types=[
            DocumentType(type_name=name, version=schemas.version(name), schema=kind.schema.json_schema())
            for name, kind in kinds.items()
        ]
    )


def cache(ttl_seconds: float, statistics: Mapping[str, CacheStatistics]) -> DocumentCacheReportedEvent:
    """Use of the cache."""
    found = [CachedDocument(type_name=name, **vars(one)) for name, one in statistics.items()]
    return DocumentCacheReportedEvent(ttl_seconds=ttl_seconds, types=found)
