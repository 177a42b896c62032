"""From what was found to what is answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from actors.state_store.documents.document_cache import CacheStatistics
from actors.state_store.documents.document_store import Document
from actors.state_store.documents.document_types import Kind, thawed
from actors.state_store.engine.operations import Done, Loaded
from actors.state_store.engine.value_schemas import Schemata
from schemas.documents import (
    CachedDocument,
    DocumentCacheReportedEvent,
    DocumentReadEvent,
    DocumentType,
    DocumentTypesReportedEvent,
)
from schemas.state import (
    StateBatchLoadedEvent,
    StateBatchSavedEvent,
    StateDeletedEvent,
    StateKey,
    StateListedEvent,
    StateLoadedEvent,
    StateSavedEvent,
)

ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024 - 64 * 1024
"""What values of a batch may take in one answer, as MessagePack, together with their keys."""


def saved(done: Sequence[Done]) -> StateSavedEvent:
    """One key was saved."""
    return StateSavedEvent(key=done[0].key, revision=done[0].revision, size_bytes=done[0].size_bytes)


def deleted(done: Sequence[Done]) -> StateDeletedEvent:
    """One key was deleted, or was not there."""
    return StateDeletedEvent(key=done[0].key, existed=done[0].existed, revision=done[0].revision)


def batch_saved(done: Sequence[Done]) -> StateBatchSavedEvent:
    """A batch was carried out."""
    return StateBatchSavedEvent(revisions={one.key: one.revision for one in done})


def loaded(found: Loaded) -> StateLoadedEvent:
    """What lies under a key."""
    return StateLoadedEvent(**vars(found))


def batch_loaded(asked: Sequence[str], found: Sequence[Loaded]) -> StateBatchLoadedEvent:
    """What lies under several keys, under the names by which they were asked for, as far as one answer holds it."""
    values: dict[str, Any] = {}
    revisions: dict[str, int] = {}
    left_out: list[str] = []
    room = ANSWER_LIMIT_BYTES
    for key, one in zip(asked, found, strict=True):
        size_bytes = len(msgspec.msgpack.encode(one.value)) + 2 * len(key.encode()) + 32
        if size_bytes > room and values:
            left_out.append(key)
            room -= len(key.encode()) + 8
            continue
        room -= size_bytes
        values[key], revisions[key] = one.value, one.revision
    return StateBatchLoadedEvent(values=values, revisions=revisions, left_out=left_out)


def listed(found: Sequence[tuple[str, int]], total: int, has_more: bool) -> StateListedEvent:
    """A page of keys."""
    page = [StateKey(key=key, size_bytes=size_bytes) for key, size_bytes in found]
    return StateListedEvent(keys=page, next_after=page[-1].key if has_more and page else "", total=total)


def document(found: Document) -> DocumentReadEvent:
    """A typed document."""
    return DocumentReadEvent(
        type_name=found.type_name,
        value=thawed(found.payload),
        revision=found.revision,
        read_only=found.read_only,
        repaired_from=found.repaired_from,
        evidence=found.evidence,
    )


def types(kinds: Mapping[str, Kind], schemata: Schemata) -> DocumentTypesReportedEvent:
    """All types of documents."""
    return DocumentTypesReportedEvent(
        types=[
            DocumentType(type_name=name, version=schemata.version(name), schema=kind.schema.json_schema())
            for name, kind in kinds.items()
        ]
    )


def cache(ttl_seconds: float, statistics: Mapping[str, CacheStatistics]) -> DocumentCacheReportedEvent:
    """How the cache does."""
    found = [CachedDocument(type_name=name, **vars(one)) for name, one in statistics.items()]
    return DocumentCacheReportedEvent(ttl_seconds=ttl_seconds, types=found)
