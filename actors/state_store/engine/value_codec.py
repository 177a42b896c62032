"""From the bytes of a file to a value of the present version, and back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

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
from actors.state_store.engine.key_index import Entry
from actors.state_store.engine.key_paths import rest_of
from actors.state_store.engine.operations import Loaded, Save
from actors.state_store.engine.value_schemas import Mismatch, Schemata
from actors.state_store.engine.write_rules import Treatment
from actors.state_store.errors import LoadFailed, SaveFailed, ValidationFailed
from actors.state_store.namespaces import Namespaces
from bus.errors import UndercroftError
from schemas.state import VALUE_LIMIT_BYTES

READ_LIMIT_BYTES: Final = DEFAULT_LIMITS.content_bytes


class Damaged(UndercroftError):
    """A document is not what was written.

    Attributes:
        key: which one.
        problem: what was found and what was expected.
    """

    key: str
    problem: str
    words = "{key}: {problem}"


class Opener:
    """Knows keys, schemas and their versions; touches no file."""

    def __init__(
        self,
        namespaces: Namespaces,
        schemata: Schemata,
        keys: KeySource | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Args: clock: seconds since the Unix epoch."""
        self._namespaces = namespaces
        self._schemata = schemata
        self._keys = keys
        self._clock = clock

    def seal(self, step: Save, treatment: Treatment, revision: int) -> bytes:
        """The envelope of a value that fits.

        Raises:
            ValidationFailed: it does not fit its schema, is not JSON, or is too large.
            SaveFailed: it is to be encrypted and there is no key to be had; it is never written in plain
                instead.
        """
        declared = self.schema_of(step.key)
        for name in {declared, step.schema} - {""}:
            try:
                self._schemata.check(name, step.value)
            except Mismatch as mismatch:
                raise ValidationFailed(step.key, name, mismatch.problem) from None
        name = declared or step.schema
        try:
            check_size(step.key, step.value)
            return seal(
                step.value,
                schema=name,
                schema_version=self._schemata.version(name),
                revision=revision,
                now=self._clock(),
                compress=treatment.compress,
                key=self._key() if treatment.encrypt else None,
                name=step.key,
            )
        except ValueNotStorable as error:
            raise ValidationFailed(step.key, "JSON", error.problem) from None
        except KeyUnavailable as error:
            raise SaveFailed(
                step.key, f"locked: it is to be encrypted, and no key is to be had: {error.reason}", True
            ) from None

    def open(self, key: str, content: bytes, schema: str = "") -> Loaded:
        """The value in an envelope, brought to the present version of its schema.

        Raises:
            Damaged: the envelope is not what was written.
            LoadFailed: it is whole, and locked.
            ValidationFailed: it is whole, and does not fit.
        """
        try:
            stored = open_envelope(content, self._keys.data_key if self._keys else None, name=key)
        except EnvelopeTooNew as error:
            raise LoadFailed(key, str(error)) from None
        except EnvelopeLocked as error:
            raise LoadFailed(key, str(error), True) from None
        except (EnvelopeDamaged, NotAnEnvelope) as error:
            raise Damaged(key, error.problem) from error
        name = self.schema_of(key) or stored.schema
        is_newer = stored.schema_version > self._schemata.version(name)
        value = stored.value if is_newer else self._fitting(key, name, stored, schema)
        return Loaded(
            key=key,
            found=True,
            value=value,
            revision=stored.revision,
            saved_at=stored.written_at,
            encrypted=stored.is_encrypted,
            compressed=stored.is_compressed,
            read_only=is_newer,
        )

    def look(self, key: str, content: bytes) -> Entry:
        """What an envelope says of itself, without a key.

        Raises:
            Damaged: it is not what was written.
        """
        try:
            header = check_envelope(content, name=key)
        except EnvelopeTooNew as error:
            return Entry(len(content), newer=str(error))
        except (EnvelopeDamaged, NotAnEnvelope) as error:
            raise Damaged(key, error.problem) from error
        name = self.schema_of(key) or header.schema
        version = self._schemata.version(name)
        newer = ""
        if header.schema_version > version:
            newer = f"a later version of the app wrote it ({name or 'schema'} version {header.schema_version}, this one knows {version})"
        return Entry(
            len(content), max(1, header.revision), header.is_encrypted, newer, header.schema_version < version
        )

    def reseal(self, key: str, content: bytes, revision: int) -> bytes:
        """The same value, of the same version and time, with another revision; encrypted if it was, or its namespace says so.

        Raises:
            Damaged: it is not what was written.
            LoadFailed: it is whole and locked, or a later version wrote it.
            SaveFailed: there is no key to encrypt it with.
        """
        try:
            stored = open_envelope(content, self._keys.data_key if self._keys else None, name=key)
        except (EnvelopeTooNew, EnvelopeLocked) as error:
            raise LoadFailed(key, str(error), isinstance(error, EnvelopeLocked)) from None
        except (EnvelopeDamaged, NotAnEnvelope) as error:
            raise Damaged(key, error.problem) from error
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
            raise SaveFailed(key, f"locked: it is to be encrypted and {error}", True) from None

    def schema_of(self, key: str) -> str:
        """Name of the schema that the key's namespace asks for."""
        return self._namespaces.of(key).schema_for(rest_of(key))

    def _fitting(self, key: str, name: str, stored: StoredValue, schema: str) -> Any:
        try:
            value = self._schemata.bring_up(name, stored.schema_version, stored.value)
            if name and self._schemata.get(name) is not None:
                self._schemata.check(name, value)
            if schema:
                self._schemata.check(schema, value)
        except Mismatch as mismatch:
            raise ValidationFailed(key, schema or name, mismatch.problem) from None
        return value

    def _key(self) -> Any:
        if self._keys is None:
            raise KeyUnavailable("", "no keys are at hand")
        return self._keys.current()


def check_size(key: str, value: Any) -> None:
    """See that a value can be brought back over the bus.

    Raises:
        ValidationFailed: it is too large, or holds what MessagePack or JSON do not know.
    """
    try:
        size_bytes = len(msgspec.msgpack.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValidationFailed(
            key, "JSON", f"it holds a number, or an object, that cannot be sent ({type(error).__name__})"
        ) from None
    if size_bytes > VALUE_LIMIT_BYTES:
        raise ValidationFailed(
            key, "JSON", f"it has {size_bytes} bytes, expected at most {VALUE_LIMIT_BYTES}"
        )
