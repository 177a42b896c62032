"""Answers the requests about typed documents: read, write, types, and the cache."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import assert_never

from actors.state_store import state_replies
from actors.state_store.documents.document_store import DocumentStore, TypedDocument, document_key
from actors.state_store.engine.operations import StepDone, WriteStep
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import StateError
from actors.state_store.store_access import NOTED_KEY_LIMIT, Access, Answer, StoreAccess
from schemas.documents import (
    DocumentCacheRequestEvent,
    DocumentReadRequestEvent,
    DocumentTypesRequestEvent,
    DocumentWriteRequestEvent,
    DocumentWrittenEvent,
)
from schemas.event import Event

DocumentRequest = (
    DocumentReadRequestEvent
    | DocumentWriteRequestEvent
    | DocumentTypesRequestEvent
    | DocumentCacheRequestEvent
)


class DocumentService:
    """Serves typed documents, from memory while they are fresh."""

    def __init__(self, store: StateStore, documents: DocumentStore, access: StoreAccess) -> None:
        self._store = store
        self._documents = documents
        self._access = access

    def handle(self, who: str, event: DocumentRequest) -> Event | Answer:
        """Check who asks; returns the reply, or the work that finds it.

        Raises:
            Refused: the request is not valid, or the peer may not.
        """
        match event:
            case DocumentReadRequestEvent():
                return self._read(who, event)
            case DocumentWriteRequestEvent():
                return self._write(who, event)
            case DocumentTypesRequestEvent():
                return state_replies.types(self._documents.kinds, self._store.schemas)
            case DocumentCacheRequestEvent():
                return self._cache(who, event)
            case _:
                assert_never(event)

    def _read(self, who: str, event: DocumentReadRequestEvent) -> Event | Answer:
        access = Access(who, "load", document_key(event.type_name))
        try:
            self._store.namespaces.check_any("read", access.name, who)
            cached = self._documents.cached(event.type_name)
        except StateError as error:
            raise self._access.refusal(access, error, error.key[:NOTED_KEY_LIMIT]) from error
        if cached is not None:
            self._access.succeeded(access)
            return state_replies.document(cached)
        read = functools.partial(self._documents.fetch, event.type_name)
        return self._access.read(access, read, state_replies.document)

    def _write(self, who: str, event: DocumentWriteRequestEvent) -> Answer:
        access = Access(who, "save", document_key(event.type_name))
        prepared: list[TypedDocument] = []

        def make_steps() -> Sequence[WriteStep]:
            self._store.namespaces.check_any("write", access.name, who)
            document, step = self._documents.prepare(event.type_name, event.value, event.expected_revision)
            prepared.append(document)
            return [step]

        def reply(done: list[StepDone]) -> DocumentWrittenEvent:
            revision = self._documents.written(prepared[0], done[0])
            return DocumentWrittenEvent(type_name=event.type_name, revision=revision)

        return self._access.write(access, make_steps, reply)

    def _cache(self, who: str, event: DocumentCacheRequestEvent) -> Event:
        try:
            if event.clear:
                self._documents.clear(event.type_name or None)
        except StateError as error:
            raise self._access.refusal(Access(who, "load", ""), error, error.key[:NOTED_KEY_LIMIT]) from error
        return state_replies.cache(self._documents.ttl_seconds, self._documents.statistics())
