"""Typed documents: one type, one file, whole values only; read from memory while that is fresh."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from actors.state_store.documents.document_cache import CacheStatistics, DocumentCache
from actors.state_store.documents.document_types import DocumentKind
from actors.state_store.engine.key_paths import DOCUMENTS
from actors.state_store.engine.operations import Save, StepDone
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.values.value_schemas import ValueMismatch
from actors.state_store.errors import StateError, UnknownType, ValidationFailed

if TYPE_CHECKING:
    from pydantic import BaseModel

CACHE_SECONDS: Final = 300.0
ModelT = TypeVar("ModelT", bound="BaseModel")


@dataclass(frozen=True)
class TypedDocument:
    """A whole document; fields as in DocumentReadEvent. `instance` is its value as its type has it."""

    type_name: str
    instance: Any
    payload: Mapping[str, Any]
    revision: int = 0
    read_only: bool = False
    repaired_from: str = ""
    evidence: str = ""


class DocumentStore:
    """Reads and writes the documents of a profile's types."""

    def __init__(
        self,
        store: StateStore,
        kinds: Mapping[str, DocumentKind],
        ttl_seconds: float = CACHE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a document store, and add the schemas of its types to the store.

        Args:
            store: where the documents are kept.
            kinds: the types, by name.
            ttl_seconds: how long a document is read from memory.
            clock: seconds, never set back.
        """
        self.kinds = dict(kinds)
        self._store = store
        self._cache: DocumentCache[TypedDocument] = DocumentCache(ttl_seconds, clock)
        for kind in self.kinds.values():
            store.schemas.add(kind.schema)

    @property
    def ttl_seconds(self) -> float:
        """How long a document is read from memory."""
        return self._cache.ttl_seconds

    @overload
    def read(self, type: type[ModelT]) -> ModelT: ...
    @overload
    def read(self, type: str) -> Any: ...
    def read(self, type: type[BaseModel] | str) -> Any:
        """The validated instance of a type; its defaults if there is no document.

        Changing the instance changes nothing here.

        Raises:
            UnknownType: the profile does not declare the type.
            StateError: the document cannot be read.
        """
        kind = self.kind(type)
        return kind.handed_out(self.read_document(kind.name).instance)

    def write(
        self,
        value: BaseModel | Mapping[str, Any],
        *,
        type_name: str = "",
        expected_revision: int | None = None,
    ) -> int:
        """Replace the document of the value's type, durably; returns its revision.

        Raises:
            UnknownType: the profile does not declare the type.
            ValidationFailed: the value does not fit.
            StateError: it was not written.
        """
        kind = self.kind(type_name or type(value).__name__)
        given = dict(value) if isinstance(value, Mapping) else kind.payload(value)
        document, step = self.prepare(kind.name, given, expected_revision)
        (outcome,) = self._store.commit([[step]])
        if isinstance(outcome, StateError):
            raise outcome
        return self.written(document, outcome[0])

    def kind(self, type: type[BaseModel] | str) -> DocumentKind:
        """What is known of a type.

        Raises:
            UnknownType: the profile does not declare it.
        """
        name = type if isinstance(type, str) else type.__name__
        found = self.kinds.get(name)
        if found is None:
            raise UnknownType(name, sorted(self.kinds))
        return found

    def cached(self, type_name: str) -> TypedDocument | None:
        """The document in memory, while it is fresh. Counts a hit or a miss.

        Raises:
            UnknownType: the profile does not declare the type.
        """
        return self._cache.get(self.kind(type_name).name)

    def read_document(self, type_name: str) -> TypedDocument:
        """The document of a type with its revision, from memory or from disk.

        Raises:
            UnknownType, StateError: see `read`.
        """
        return self.cached(type_name) or self.fetch(type_name)

    def fetch(self, type_name: str) -> TypedDocument:
        """The document of a type from disk.

        A document that does not fit is put aside; then the newest good copy counts, or the defaults.

        Raises:
            UnknownType, StateError: see `read`.
        """
        kind = self.kind(type_name)
        loaded = self._store.load(document_key(type_name), type_name, condemn=True)
        instance = kind.default()
        if loaded.found:
            # Only a document of a later version may not fit: the defaults are shown, nothing is written.
            with contextlib.suppress(ValueMismatch):
                instance = kind.instance(loaded.value)
        document = TypedDocument(
            type_name,
            instance,
            kind.payload(instance),
            loaded.revision,
            loaded.read_only,
            loaded.repaired_from,
            loaded.evidence,
        )
        if document.evidence:
            self._cache.forget(type_name)
        self._cache.put(type_name, replace(document, repaired_from="", evidence=""), document.revision)
        return document

    def prepare(
        self, type_name: str, value: Any, expected_revision: int | None
    ) -> tuple[TypedDocument, Save]:
        """The document that a value will be, and the step that writes it.

        Raises:
            UnknownType: the profile does not declare the type.
            ValidationFailed: the value does not fit.
        """
        kind = self.kind(type_name)
        try:
            instance = kind.instance(value)
        except ValueMismatch as mismatch:
            raise ValidationFailed(document_key(type_name), type_name, mismatch.problem) from None
        instance = kind.instance(kind.payload(instance))  # a copy: the caller may change the given value
        payload = kind.payload(instance)
        step = Save(document_key(type_name), payload, expected_revision=expected_revision, schema=type_name)
        return TypedDocument(type_name, instance, payload), step

    def written(self, document: TypedDocument, done: StepDone) -> int:
        """Keep a document that was written in memory; returns its revision."""
        self._cache.put(document.type_name, replace(document, revision=done.revision), done.revision)
        return done.revision

    def forget(self) -> None:
        """Drop all documents and their revisions: earlier revisions may be on disk now."""
        for name in self.kinds:
            self._cache.forget(name)

    def clear(self, type: type[BaseModel] | str | None = None) -> None:
        """Drop what is in memory, of one type or of all.

        Raises:
            UnknownType: the profile does not declare the type.
        """
        self._cache.clear(None if type is None else self.kind(type).name)

    def statistics(self) -> dict[str, CacheStatistics]:
        """Use of the cache, by type."""
        return {name: self._cache.statistics(name) for name in self.kinds}


def document_key(type_name: str) -> str:
    """The key of the store that a type's document has."""
    return f"{DOCUMENTS}.{type_name}"
