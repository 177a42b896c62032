"""Turns the bytes of a file into a value of the present schema version, and a value into bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.content_codec import ValueNotStorable
from actors.shared.crypto.envelope import (
    DEFAULT_LIMITS,
    EnvelopeDamaged,
    EnvelopeLocked,
    EnvelopeTooNew,
    KeyUnavailable,
    NotAnEnvelope,
    StoredValue,
    check_envelope,
    open_envelope,
    seal,
)
from actors.shared.keys.key_source import KeySource
from actors.state_store.engine.key_index import KeyEntry
from actors.state_store.engine.key_paths import rest_of
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Save
from actors.state_store.engine.values.value_schemas import ValueMismatch, ValueSchemas
from actors.state_store.engine.write_rules import Treatment
from actors.state_store.errors import LoadFailed, SaveFailed, ValidationFailed
from bus.errors import UndercroftError
from schemas.state import VALUE_LIMIT_BYTES, StateLoadedEvent

READ_LIMIT_BYTES: Final = DEFAULT_LIMITS.content_bytes


class DocumentDamaged(UndercroftError):
    """A document is not what was written.

    Attributes:
        key: which one.
        problem: what was found and what was expected.
    """

    key: str
    problem: str
    words = "{key}: {problem}"


class ValueCodec:
    """Knows keys, schemas and their versions; touches no file."""

    def __init__(
        self,
        namespaces: Namespaces,
        schemas: ValueSchemas,
        keys: KeySource | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make a codec.

        Args:
            namespaces: what they require of values.
            schemas: what values look like, and their migrations.
            keys: source of keys; without it encrypted values are locked.
            clock: seconds since the Unix epoch.
        """
        self._namespaces = namespaces
        self._schemas = schemas
        self._keys = keys
        self._clock = clock

    def seal(self, step: Save, treatment: Treatment, revision: int) -> bytes:
        """Check a value, and wrap it into an envelope.

        Raises:
            ValidationFailed: it does not fit its schema, is not JSON, or is too large.
            SaveFailed: it must be encrypted and no key is available. It is never written in plain instead.
        """
        declared = self.schema_of(step.key)
        for name in {declared, step.schema} - {""}:
            try:
                self._schemas.check(name, step.value)
            except ValueMismatch as mismatch:
                raise ValidationFailed(step.key, name, mismatch.problem) from None
        name = declared or step.schema
        try:
            check_size(step.key, step.value)
            return seal(
                step.value,
                schema=name,
                schema_version=self._schemas.version(name),
                revision=revision,
                now=self._clock(),
                compress=treatment.compress,
                key=self._key() if treatment.encrypt else None,
                name=step.key,
            )
        except ValueNotStorable as error:
            raise ValidationFailed(step.key, "JSON", error.problem) from None
        except KeyUnavailable as error:
            raise _locked(step.key, error) from None

    def open(self, key: str, content: bytes, schema: str = "") -> StateLoadedEvent:
        """Read the value in an envelope, and bring it to the present version of its schema.

        Args:
            key: whose file it is.
            content: the bytes of the file.
            schema: name of a further schema that the value must fit.

        Raises:
            DocumentDamaged: the envelope is not what was written.
            LoadFailed: it is whole and locked, or a later version wrote it.
            ValidationFailed: it is whole and does not fit.
        """
        stored = self._unsealed(key, content)
        name = self.schema_of(key) or stored.schema
        is_newer = stored.schema_version > self._schemas.version(name)
        value = stored.value if is_newer else self._migrated(key, name, stored, schema)
        return StateLoadedEvent(
            key=key,
            found=True,
            value=value,
            revision=stored.revision,
            saved_at=stored.written_at,
            encrypted=stored.is_encrypted,
            compressed=stored.is_compressed,
            read_only=is_newer,
        )

    def look(self, key: str, content: bytes) -> KeyEntry:
        """Check the digest of an envelope and read its header. Needs no key.

        Raises:
            DocumentDamaged: it is not what was written.
        """
        try:
            header = check_envelope(content, name=key)
        except EnvelopeTooNew as error:
            return KeyEntry(len(content), newer=str(error))
        except (EnvelopeDamaged, NotAnEnvelope) as error:
            raise DocumentDamaged(key, error.problem) from error
        name = self.schema_of(key) or header.schema
        version, found = self._schemas.version(name), header.schema_version
        newer = ""
        if found > version:
            versions = f"{name or 'schema'} version {found}, this one knows {version}"
            newer = f"a later version of the app wrote it ({versions})"
        return KeyEntry(len(content), max(1, header.revision), header.is_encrypted, newer, found < version)

    def reseal(self, key: str, content: bytes, revision: int) -> bytes:
        """Wrap the same value again under another revision, with its version and time unchanged.

        It is encrypted if it was, or if its namespace requires that.

        Raises:
            DocumentDamaged: it is not what was written.
            LoadFailed: it is whole and locked, or a later version wrote it.
            SaveFailed: no key to encrypt it with is available.
        """
        stored = self._unsealed(key, content)
        try:
            return seal(
                stored.value,
                schema=stored.schema,
                schema_version=stored.schema_version,
                revision=revision,
                now=stored.written_at,
                compress=stored.is_compressed,
                key=self._key() if stored.is_encrypted or self._namespaces.of(key).encrypt else None,
                name=key,
            )
        except KeyUnavailable as error:
            raise _locked(key, error) from None

    def schema_of(self, key: str) -> str:
        """Name of the schema that the namespace requires; empty for none."""
        return self._namespaces.of(key).schema_for(rest_of(key))

    def _unsealed(self, key: str, content: bytes) -> StoredValue:
        try:
            return open_envelope(content, self._keys.data_key if self._keys else None, name=key)
        except (EnvelopeTooNew, EnvelopeLocked) as error:
            raise LoadFailed(key, str(error), isinstance(error, EnvelopeLocked)) from None
        except (EnvelopeDamaged, NotAnEnvelope) as error:
            raise DocumentDamaged(key, error.problem) from error

    def _migrated(self, key: str, name: str, stored: StoredValue, schema: str) -> Any:
        try:
            value = self._schemas.migrate(name, stored.schema_version, stored.value)
            if name and self._schemas.get(name) is not None:
                self._schemas.check(name, value)
            if schema:
                self._schemas.check(schema, value)
        except ValueMismatch as mismatch:
            raise ValidationFailed(key, schema or name, mismatch.problem) from None
        return value

    def _key(self) -> DataKey:
        if self._keys is None:
            raise KeyUnavailable("", "the store has no keys")
        return self._keys.current()


def check_size(key: str, value: Any) -> None:
    """Check that a value can travel over the bus.

    Raises:
        ValidationFailed: it is too large, or holds something that MessagePack or JSON cannot express.
    """
    try:
        size_bytes = len(msgspec.msgpack.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        problem = f"it holds a number, or an object, that cannot be sent ({type(error).__name__})"
        raise ValidationFailed(key, "JSON", problem) from None
    if size_bytes > VALUE_LIMIT_BYTES:
        problem = f"it has {size_bytes} bytes, expected at most {VALUE_LIMIT_BYTES}"
        raise ValidationFailed(key, "JSON", problem)


def _locked(key: str, error: KeyUnavailable) -> SaveFailed:
    return SaveFailed(key, f"locked: it must be encrypted, and no key is available: {error.reason}", True)
