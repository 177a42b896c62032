"""Typed documents: one type, one file, whole values only; read from memory while that is fresh."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from actors.state_store.documents.document_cache import Cache, CacheStatistics
from actors.state_store.documents.document_types import Kind
from actors.state_store.engine.key_paths import DOCUMENTS
from actors.state_store.engine.operations import Done, Save
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.value_schemas import Mismatch
from actors.state_store.errors import StateError, UnknownType, ValidationFailed

if TYPE_CHECKING:
    from pydantic import BaseModel

CACHE_SECONDS: Final = 300.0
ModelT = TypeVar("ModelT", bound="BaseModel")


@dataclass(frozen=True)
class Document:
    """A whole document; fields as in DocumentReadEvent, `instance` is that of its type."""

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
        kinds: Mapping[str, Kind],
        ttl_seconds: float = CACHE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args: ttl_seconds: for so long a document is read from memory. clock: seconds, never set back."""
        self.kinds = dict(kinds)
        self._store = store
        self._cache: Cache[Document] = Cache(ttl_seconds, clock)
        for kind in self.kinds.values():
            store.schemata.add(kind.schema)

    @property
    def ttl_seconds(self) -> float:
        """For how long a document is read from memory."""
        return self._cache.ttl_seconds

    @overload
    def read(self, type: type[ModelT]) -> ModelT: ...
    @overload
    def read(self, type: str) -> Any: ...
    def read(self, type: type[BaseModel] | str) -> Any:
        """The validated instance of a type, its defaults if there is no document. What is handed out changes nothing here.

        Raises:
            UnknownType: the profile does not declare it.
            StateError: it is there and cannot be read.
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
            UnknownType: the profile does not declare it.
            ValidationFailed: it does not fit.
            StateError: it was not written.
        """
        kind = self.kind(type_name or type(value).__name__)
        given = dict(value) if isinstance(value, Mapping) else kind.payload(value)
        document, step = self.prepare(kind.name, given, expected_revision)
        (outcome,) = self._store.commit([[step]])
        if isinstance(outcome, StateError):
            raise outcome
        return self.written(document, outcome[0])

    def kind(self, type: type[BaseModel] | str) -> Kind:
        """The kind of a type.

        Raises:
            UnknownType: the profile does not declare it.
        """
        found = self.kinds.get(type if isinstance(type, str) else type.__name__)
        if found is None:
            raise UnknownType(type if isinstance(type, str) else type.__name__, sorted(self.kinds))
        return found

    def cached(self, type_name: str) -> Document | None:
        """The document from memory, while that is fresh. Counts a hit or a miss.

        Raises:
            UnknownType: the profile does not declare it.
        """
        return self._cache.get(self.kind(type_name).name)

    def read_document(self, type_name: str) -> Document:
        """The document of a type with what is known of it, from memory or from disk.

        Raises:
            UnknownType, StateError: see `read`.
        """
        return self.cached(type_name) or self.fetch(type_name)

    def fetch(self, type_name: str) -> Document:
        """The document of a type from disk; one that does not fit is put aside and the newest good copy, or the defaults, count.

        Raises:
            UnknownType, StateError: see `read`.
        """
        kind = self.kind(type_name)
        loaded = self._store.load(key_of(type_name), type_name, condemn=True)
        instance = kind.default()
        if loaded.found:
            with contextlib.suppress(
                Mismatch
            ):  # only that of a later version may not fit; then the defaults are shown and nothing is written
                instance = kind.instance(loaded.value)
        document = Document(
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

    def prepare(self, type_name: str, value: Any, expected_revision: int | None) -> tuple[Document, Save]:
        """The document that a value would be, and the step that writes it.

        Raises:
            UnknownType: the profile does not declare it.
            ValidationFailed: it does not fit.
        """
        kind = self.kind(type_name)
        try:
            instance = kind.instance(value)
        except Mismatch as mismatch:
            raise ValidationFailed(key_of(type_name), type_name, mismatch.problem) from None
        instance = kind.instance(
            kind.payload(instance)
        )  # of its own: whoever gave the value may change theirs
        payload = kind.payload(instance)
        return Document(type_name, instance, payload), Save(
            key_of(type_name), payload, expected_revision=expected_revision, schema=type_name
        )

    def written(self, document: Document, done: Done) -> int:
        """Let a document that was written be what is read from now on; returns its revision."""
        self._cache.put(document.type_name, replace(document, revision=done.revision), done.revision)
        return done.revision

    def forget(self) -> None:
        """All documents may be others now, also such of an earlier revision: what is read next counts."""
        for name in self.kinds:
            self._cache.forget(name)

    def clear(self, type: type[BaseModel] | str | None = None) -> None:
        """Forget what is in memory, of one type or of all.

        Raises:
            UnknownType: the profile does not declare it.
        """
        self._cache.clear(None if type is None else self.kind(type).name)

    def statistics(self) -> dict[str, CacheStatistics]:
        """How the cache does, by type."""
        return {name: self._cache.statistics(name) for name in self.kinds}


def key_of(type_name: str) -> str:
    """Under which key of the store a type's document lies."""
    return f"{DOCUMENTS}.{type_name}"
