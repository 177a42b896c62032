"""Seals values into envelopes and opens them: what a value is, when it was written, and whether it is whole.

The header is the associated data of an encrypted payload. So a file under another document's name, or with
another time or revision, does not open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.shared.crypto import cipher
from actors.shared.crypto import content_codec as codec
from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.content_codec import NotDecodable, ValueNotStorable
from actors.shared.crypto.envelope_errors import FORMAT as FORMAT
from actors.shared.crypto.envelope_errors import EnvelopeDamaged as EnvelopeDamaged
from actors.shared.crypto.envelope_errors import EnvelopeLocked as EnvelopeLocked
from actors.shared.crypto.envelope_errors import EnvelopeTooNew as EnvelopeTooNew
from actors.shared.crypto.envelope_errors import KeyUnavailable as KeyUnavailable
from actors.shared.crypto.envelope_errors import NotAnEnvelope as NotAnEnvelope
from actors.shared.crypto.envelope_errors import StoredValue as StoredValue
from actors.shared.crypto.envelope_layout import DEFAULT_LIMITS as DEFAULT_LIMITS
from actors.shared.crypto.envelope_layout import (
    ENCRYPTED,
    JSON,
    ZSTD,
    header_line,
    render_binary,
    render_document,
    stored_value,
    take_apart,
)
from actors.shared.crypto.envelope_layout import HEADER_LIMIT_BYTES as HEADER_LIMIT_BYTES
from actors.shared.crypto.envelope_layout import NAME_LIMIT as NAME_LIMIT
from actors.shared.crypto.envelope_layout import EnvelopeHeader as EnvelopeHeader
from actors.shared.crypto.envelope_layout import EnvelopeLimits as EnvelopeLimits
from actors.shared.crypto.envelope_layout import is_encrypted as is_encrypted
from schemas.bounds import INTEGER_LIMIT, LAST_UNIX_SECOND

KeyLookup = Callable[[str], DataKey]
"""Gives the data key of an id, or raises KeyUnavailable."""


def seal(
    value: Any,
    *,
    schema: str,
    schema_version: int,
    revision: int,
    now: float,
    compress: bool = False,
    key: DataKey | None = None,
    name: str = "",
    limits: EnvelopeLimits = DEFAULT_LIMITS,
) -> bytes:
    """The bytes of an envelope around a value. Compresses first, then encrypts.

    Args:
        value: anything that JSON can hold.
        schema: name of the value's schema.
        schema_version: of that schema.
        revision: how often the document was written.
        now: seconds since the Unix epoch.
        compress: with zstd.
        key: encrypts the value; None: it stays readable.
        name: of the document.
        limits: how large the value may be.

    Raises:
        ValueNotStorable: opening would not give an equal value, or it is too large.
    """
    content = codec.encode(value, limits.value_bytes)
    if len(name) > NAME_LIMIT or len(schema) > NAME_LIMIT or not 0 <= now <= LAST_UNIX_SECOND:
        raise ValueNotStorable(
            f"its name or schema is longer than {NAME_LIMIT} characters, or its time is none of the calendar"
        )
    if not (0 <= revision <= INTEGER_LIMIT and 0 <= schema_version <= INTEGER_LIMIT):
        raise ValueNotStorable("its revision, or the version of its schema, is negative or too large")
    header = EnvelopeHeader(
        name=name,
        schema=schema,
        schema_version=schema_version,
        written_at=float(now),
        revision=revision,
        codec=JSON + (ZSTD if compress else "") + (ENCRYPTED if key else ""),
        key=key.id if key else "",
        size_bytes=len(content),
    )
    if header.codec == JSON:
        return render_document(header, content)
    payload = codec.compress(content) if compress else content
    if key:
        payload = cipher.encrypt(key.secret, payload, header_line(header))
    return render_binary(header, payload)


def open_envelope(
    content: bytes, keys: KeyLookup | None = None, limits: EnvelopeLimits = DEFAULT_LIMITS, *, name: str = ""
) -> StoredValue:
    """Read an envelope.

    Args:
        content: the bytes of the file.
        keys: where the data key comes from; None: encrypted values stay locked.
        limits: how much the envelope may hold.
        name: of the document that it must be; empty: any.

    Raises:
        NotAnEnvelope: it is something else.
        EnvelopeDamaged: it is not what was written.
        EnvelopeLocked: it is whole, but its key is missing or the wrong one.
        EnvelopeTooNew: a later version wrote it.
    """
    header, digest, payload, value = take_apart(content, limits, name)
    if header.codec == JSON:
        return stored_value(header, value)
    try:
        plain = _decrypt(header, payload, keys) if header.is_encrypted else bytes(payload)
        if header.is_compressed:
            plain = codec.decompress(plain, header.size_bytes, limits.value_bytes)
        if len(plain) != header.size_bytes:
            raise NotDecodable(f"the value has {len(plain)} bytes, expected {header.size_bytes}")
        return stored_value(header, codec.decode(plain))
    except NotDecodable as error:
        raise EnvelopeDamaged(str(error), digest) from error


def check_envelope(
    content: bytes, limits: EnvelopeLimits = DEFAULT_LIMITS, *, name: str = ""
) -> EnvelopeHeader:
    """Check an envelope as far as that is possible without a key. Returns its header.

    Raises:
        NotAnEnvelope, EnvelopeDamaged, EnvelopeTooNew: see `open_envelope`.
    """
    header, digest, payload, _ = take_apart(content, limits, name)
    if header.is_compressed and not header.is_encrypted:
        try:
            codec.decompress(bytes(payload), header.size_bytes, limits.value_bytes)
        except NotDecodable as error:
            raise EnvelopeDamaged(str(error), digest) from error
    return header


def _decrypt(header: EnvelopeHeader, payload: memoryview, keys: KeyLookup | None) -> bytes:
    if keys is None:
        raise EnvelopeLocked(header.key, "no keys are at hand")
    try:
        return cipher.decrypt(keys(header.key).secret, payload, header_line(header))
    except KeyUnavailable as error:
        raise EnvelopeLocked(header.key, error.reason) from error
    except cipher.WrongKey as error:
        reason = f"the key of that name is not the one it was encrypted with ({error})"
        raise EnvelopeLocked(header.key, reason) from error
