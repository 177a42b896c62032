"""The envelope of every stored value: what it is, when it was written, and a digest by which damage shows.

Two forms. Neither compressed nor encrypted: one JSON document for people, with the value in it. Otherwise:
the word UNDERCROFT, the header as one line of JSON, and the payload as bytes. The associated data of an
encrypted
payload are its header, so a file under another's name, or with another's time or revision, does not open.
docs/keys.md shows
both.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

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
from actors.shared.durable import strict_json

MAGIC: Final = b"UNDERCROFT "
HISTORY_SEGMENT: Final = b'{"undercroft_history":'
"""How a segment of the history begins: no envelope, yet encrypted under the same keys."""

HEADER_LIMIT_BYTES: Final = 8192
NAME_LIMIT: Final = 1024
INDENTED_LIMIT_BYTES: Final = 256 * 1024
"""Larger values are written on one line: nobody reads them, and indentation can make them many times as large."""

JSON: Final = "json"
ZSTD: Final = "+zstd"
ENCRYPTED: Final = "+xaes-256-gcm"
CODECS: Final = (JSON, JSON + ZSTD, JSON + ENCRYPTED, JSON + ZSTD + ENCRYPTED)


@dataclass(frozen=True)
class EnvelopeLimits:
    """How much an envelope may hold.

    Attributes:
        content_bytes: of the envelope as it lies on disk.
        value_bytes: of the value as JSON, after it was decompressed.
    """

    content_bytes: int = 96 * 1024 * 1024
    value_bytes: int = 64 * 1024 * 1024


DEFAULT_LIMITS: Final = EnvelopeLimits()


class EnvelopeHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an envelope says about its value.

    Attributes:
        undercroft: format of the envelope itself.
        name: which document it is, so that one file put in the place of another shows.
        written_at: seconds since the Unix epoch.
        revision: how often the document was written.
        codec: what was done to the value, one of CODECS.
        key: id of the data key; empty if it is not encrypted.
        size_bytes: of the value as canonical JSON.
    """

    undercroft: int = FORMAT
    name: str
    schema: str
    schema_version: int
    written_at: float
    revision: int
    codec: str
    key: str = ""
    size_bytes: int

    @property
    def is_compressed(self) -> bool:
        """Whether the value went through zstd."""
        return ZSTD in self.codec

    @property
    def is_encrypted(self) -> bool:
        """Whether the value can only be read with a key."""
        return ENCRYPTED in self.codec


class _Signed(EnvelopeHeader, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A header with its digest: SHA-256 over the header without it, a newline, and the payload (or the canonical value)."""

    digest: str


class _Document(_Signed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An envelope for people: all in one JSON document."""

    value: Any


class _AnyFormat(msgspec.Struct):
    undercroft: int


HeaderT = TypeVar("HeaderT", bound=_Signed)
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
    """The bytes of an envelope around a value; compressed first, then encrypted. `now` is in seconds since the Unix epoch.

    Raises:
        ValueNotStorable: opening would not give an equal value, or it is too large.
    """
    content = codec.encode(value, limits.value_bytes)
    if len(name) > NAME_LIMIT or len(schema) > NAME_LIMIT or not math.isfinite(now):
        raise ValueNotStorable(
            f"its name or schema is longer than {NAME_LIMIT} signs, or its time is no number"
        )
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
        return _render(header, content)
    payload = codec.compress(content) if compress else content
    if key:
        payload = cipher.encrypt(key.secret, payload, _line(header))
    return b"".join((MAGIC, _line(header, _digest(header, payload)), b"\n", payload))


def open_envelope(
    content: bytes, keys: KeyLookup | None = None, limits: EnvelopeLimits = DEFAULT_LIMITS, *, name: str = ""
) -> StoredValue:
    """Read an envelope; with a `name`, it must be that document's.

    Raises:
        NotAnEnvelope: it is something else.
        EnvelopeDamaged: it is not what was written.
        EnvelopeLocked: it is whole, but its key is not to be had.
        EnvelopeTooNew: a later version wrote it.
    """
    header, digest, payload, value = _take_apart(content, limits, name)
    if header.codec == JSON:
        return _stored(header, value)
    try:
        plain = _decrypt(header, payload, keys) if header.is_encrypted else bytes(payload)
        if header.is_compressed:
            plain = codec.decompress(plain, header.size_bytes, limits.value_bytes)
        if len(plain) != header.size_bytes:
            raise NotDecodable(f"the value has {len(plain)} bytes, expected {header.size_bytes}")
        return _stored(header, codec.decode(plain))
    except NotDecodable as error:
        raise EnvelopeDamaged(str(error), digest) from error


def check_envelope(
    content: bytes, limits: EnvelopeLimits = DEFAULT_LIMITS, *, name: str = ""
) -> EnvelopeHeader:
    """Check an envelope as far as that goes without a key, and return what it says of itself.

    Raises:
        NotAnEnvelope, EnvelopeDamaged, EnvelopeTooNew: see `open_envelope`.
    """
    header, digest, payload, _ = _take_apart(content, limits, name)
    if header.is_compressed and not header.is_encrypted:
        try:
            codec.decompress(bytes(payload), header.size_bytes, limits.value_bytes)
        except NotDecodable as error:
            raise EnvelopeDamaged(str(error), digest) from error
    return header


def is_encrypted(head: bytes) -> bool:
    """Whether the beginning of a file (HEADER_LIMIT_BYTES of it) is that of an encrypted envelope, or of a segment of the history."""
    line = head.partition(b"\n")[0]
    return (head.startswith(MAGIC) and ENCRYPTED.encode() in line) or (
        head.startswith(HISTORY_SEGMENT) and b'"aes-256-gcm"' in line
    )


def _take_apart(
    content: bytes, limits: EnvelopeLimits, name: str
) -> tuple[EnvelopeHeader, str, memoryview, Any]:
    """Header, digest, payload and, for the form for people, the value; all of them proven by the digest."""
    if len(content) > limits.content_bytes:
        raise EnvelopeDamaged(f"it has {len(content)} bytes, expected at most {limits.content_bytes}")
    if content.startswith(MAGIC):
        signed, payload, value = _take_apart_binary(content)
    else:
        signed, payload, value = _take_apart_document(content, limits)
    if name and signed.name != name:
        remains = _stored(signed, value) if signed.codec == JSON else None
        raise EnvelopeDamaged(
            f"it is the document {signed.name!r}, expected {name!r}", signed.digest, remains
        )
    return _unsigned(signed), signed.digest, payload, value


def _take_apart_binary(content: bytes) -> tuple[_Signed, memoryview, None]:
    end = content.find(b"\n", 0, HEADER_LIMIT_BYTES)
    if end < 0:
        raise EnvelopeDamaged("its header has no end")
    line = content[len(MAGIC) : end]
    signed = _header(line, _Signed)
    payload = memoryview(content)[end + 1 :]
    if signed.codec not in CODECS[1:] or signed.is_encrypted != bool(signed.key):
        raise EnvelopeDamaged(
            f"it says it is {signed.codec!r}, expected one of {', '.join(CODECS[1:])}", signed.digest
        )
    found = _digest(_unsigned(signed), payload)
    if found != signed.digest:
        raise EnvelopeDamaged(f"its digest is {found}, expected {signed.digest}", signed.digest)
    if line != _line(_unsigned(signed), signed.digest):
        raise EnvelopeDamaged("its header is not written as it should be", signed.digest)
    return signed, payload, None


def _take_apart_document(content: bytes, limits: EnvelopeLimits) -> tuple[_Document, memoryview, Any]:
    content = content.removeprefix(b"\xef\xbb\xbf")
    document = _header(content, _Document)
    if document.codec != JSON or document.key:
        raise EnvelopeDamaged(f"it says it is {document.codec!r}, expected {JSON!r}", document.digest)
    remains = _stored(document, document.value)
    try:
        value = codec.encode(document.value, limits.value_bytes)
    except ValueNotStorable as error:
        raise EnvelopeDamaged(
            f"its value is not one that is stored: {error.problem}", document.digest
        ) from error
    found = _digest(_unsigned(document), value)
    if found != document.digest:
        raise EnvelopeDamaged(f"its digest is {found}, expected {document.digest}", document.digest, remains)
    if content != _render(
        _unsigned(document), value
    ):  # formatted by somebody else, which is fine, unless it is ambiguous
        try:
            strict_json.parse(content, limits.content_bytes)
        except strict_json.NotStrictJson as error:
            raise EnvelopeDamaged(str(error), document.digest, remains) from error
    return document, memoryview(b""), document.value


def _header(content: bytes, kind: type[HeaderT]) -> HeaderT:
    """Decode a header; which of the errors it is depends on what can still be seen of it."""
    try:
        format = msgspec.json.decode(content, type=_AnyFormat).undercroft
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if b'"undercroft"' in content[:256]:
            raise EnvelopeDamaged(f"its header cannot be read: {error}") from error
        raise NotAnEnvelope(f"expected JSON with a field 'undercroft': {error}") from error
    if format > FORMAT:
        raise EnvelopeTooNew(format)
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeDamaged(f"its header cannot be read: {error}") from error


def _decrypt(header: EnvelopeHeader, payload: memoryview, keys: KeyLookup | None) -> bytes:
    if keys is None:
        raise EnvelopeLocked(header.key, "no keys are at hand")
    try:
        return cipher.decrypt(keys(header.key).secret, payload, _line(header))
    except KeyUnavailable as error:
        raise EnvelopeLocked(header.key, error.reason) from error
    except cipher.WrongKey as error:
        raise EnvelopeLocked(
            header.key, f"the key of that name is not the one it was encrypted with ({error})"
        ) from error


def _unsigned(signed: EnvelopeHeader) -> EnvelopeHeader:
    return EnvelopeHeader(**{name: getattr(signed, name) for name in EnvelopeHeader.__struct_fields__})


def _line(header: EnvelopeHeader, digest: str = "") -> bytes:
    line = msgspec.json.encode(header)
    return line[:-1] + b',"digest":' + msgspec.json.encode(digest) + b"}" if digest else line


def _render(header: EnvelopeHeader, value: bytes) -> bytes:
    line = _line(header, _digest(header, value))
    document = line[:-1] + b',"value":' + value + b"}"
    return (
        msgspec.json.format(document, indent=2) if len(value) <= INDENTED_LIMIT_BYTES else document
    ) + b"\n"


def _digest(header: EnvelopeHeader, payload: bytes | memoryview) -> str:
    state = hashlib.sha256(_line(header))
    state.update(b"\n")
    state.update(payload)
    return "sha256:" + state.hexdigest()


def _stored(header: EnvelopeHeader, value: Any) -> StoredValue:
    return StoredValue(
        value=value,
        schema=header.schema,
        schema_version=header.schema_version,
        written_at=header.written_at,
        revision=header.revision,
        name=header.name,
        is_compressed=header.is_compressed,
        is_encrypted=header.is_encrypted,
        key_id=header.key,
    )
