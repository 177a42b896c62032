"""The bytes of an envelope: its header, its two forms, and its digest. Pure.

A value that is neither compressed nor encrypted lies in one JSON document for people. Any other envelope is
the word UNDERCROFT, the header as one line of JSON, and the payload as bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec

from actors.shared.crypto import content_codec as codec
from actors.shared.crypto.content_codec import ValueNotStorable
from actors.shared.crypto.envelope_errors import (
    FORMAT,
    EnvelopeDamaged,
    EnvelopeTooNew,
    NotAnEnvelope,
    StoredValue,
)
from actors.shared.durable import strict_json
from schemas.bounds import Count, Identifier, UnixSeconds

MAGIC: Final = b"UNDERCROFT "
HISTORY_SEGMENT: Final = b'{"undercroft_history":'
"""How a segment of the history begins. It is no envelope, yet encrypted under the same keys."""

HEADER_LIMIT_BYTES: Final = 8192
INDENTED_LIMIT_BYTES: Final = 256 * 1024
"""Larger values lie on one line: nobody reads them, and indentation can multiply their size."""

JSON: Final = "json"
ZSTD: Final = "+zstd"
ENCRYPTED: Final = "+xaes-256-gcm"
CODECS: Final = (JSON, JSON + ZSTD, JSON + ENCRYPTED, JSON + ZSTD + ENCRYPTED)

_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


NAME_LIMIT: Final = 1024
EnvelopeName = Annotated[str, msgspec.Meta(max_length=NAME_LIMIT)]


@dataclass(frozen=True)
class EnvelopeLimits:
    """How much an envelope may hold.

    Attributes:
        content_bytes: of the envelope as it lies on disk.
        value_bytes: of the value as JSON, after decompression.
    """

    content_bytes: int = 96 * 1024 * 1024
    value_bytes: int = 64 * 1024 * 1024


DEFAULT_LIMITS: Final = EnvelopeLimits()


class EnvelopeHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an envelope says about its value.

    Attributes:
        undercroft: format of the envelope itself.
        name: of the document, so that one file in the place of another shows.
        written_at: seconds since the Unix epoch.
        revision: how often the document was written.
        codec: what was done to the value, one of CODECS.
        key: id of the data key; empty if it is not encrypted.
        size_bytes: of the value as canonical JSON.
    """

    undercroft: Count = FORMAT
    name: EnvelopeName
    schema: EnvelopeName
    schema_version: Count
    written_at: UnixSeconds
    revision: Count
    codec: Identifier
    key: Identifier = ""
    size_bytes: Count

    @property
    def is_compressed(self) -> bool:
        """Whether the value went through zstd."""
        return ZSTD in self.codec

    @property
    def is_encrypted(self) -> bool:
        """Whether the value can only be read with a key."""
        return ENCRYPTED in self.codec


class EnvelopeParts(NamedTuple):
    """An envelope taken apart; the digest was found to fit.

    Attributes:
        payload: empty in the form for people.
        value: of the form for people only.
    """

    header: EnvelopeHeader
    digest: str
    payload: memoryview
    value: Any


class _Signed(EnvelopeHeader, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A header with its digest.

    The digest is SHA-256 over the header without it, a newline, and the payload or the canonical value.
    """

    digest: Identifier


class _Document(_Signed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An envelope for people: all in one JSON document."""

    value: Any


class _AnyFormat(msgspec.Struct):
    undercroft: Count


HeaderT = TypeVar("HeaderT", bound=_Signed)


def is_encrypted(head: bytes) -> bool:
    """Whether a file is an encrypted envelope, or an encrypted segment of the history.

    Args:
        head: the first HEADER_LIMIT_BYTES of the file.
    """
    line = head.partition(b"\n")[0]
    return (head.startswith(MAGIC) and ENCRYPTED.encode() in line) or (
        head.startswith(HISTORY_SEGMENT) and b'"aes-256-gcm"' in line
    )


def take_apart(content: bytes, limits: EnvelopeLimits, name: str) -> EnvelopeParts:
    """Header, digest, payload and, in the form for people, the value. The digest proves all of them.

    Raises:
        NotAnEnvelope, EnvelopeDamaged, EnvelopeTooNew: see `open_envelope`.
    """
    if len(content) > limits.content_bytes:
        raise EnvelopeDamaged(f"it has {len(content)} bytes, expected at most {limits.content_bytes}")
    signed: _Signed
    if content.startswith(MAGIC):
        signed, payload = _take_apart_binary(content)
        value: Any = None
    else:
        signed = document = _take_apart_document(content, limits)
        payload, value = memoryview(b""), document.value
    if name and signed.name != name:
        remains = stored_value(signed, value) if signed.codec == JSON else None
        raise EnvelopeDamaged(
            f"it is the document {signed.name!r}, expected {name!r}", signed.digest, remains
        )
    return EnvelopeParts(_unsigned(signed), signed.digest, payload, value)


def header_line(header: EnvelopeHeader) -> bytes:
    """A header as JSON; it is the associated data of an encrypted payload."""
    return msgspec.json.encode(header)


def render_binary(header: EnvelopeHeader, payload: bytes) -> bytes:
    """The envelope of a compressed or encrypted payload."""
    return b"".join((MAGIC, _signed_line(header, _digest(header, payload)), b"\n", payload))


def render_document(header: EnvelopeHeader, value: bytes) -> bytes:
    """The envelope for people of a value in canonical JSON."""
    line = _signed_line(header, _digest(header, value))
    document = line[:-1] + b',"value":' + value + b"}"
    if len(value) <= INDENTED_LIMIT_BYTES:
        document = msgspec.json.format(document, indent=2)
    return document + b"\n"


def stored_value(header: EnvelopeHeader, value: Any) -> StoredValue:
    """A value with what its header says."""
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


def _take_apart_binary(content: bytes) -> tuple[_Signed, memoryview]:
    end = content.find(b"\n", 0, HEADER_LIMIT_BYTES)
    if end < 0:
        raise EnvelopeDamaged("its header has no end")
    line = content[len(MAGIC) : end]
    signed = _decode_header(line, _Signed)
    payload = memoryview(content)[end + 1 :]
    if signed.codec not in CODECS[1:] or signed.is_encrypted != bool(signed.key):
        raise EnvelopeDamaged(
            f"it says it is {signed.codec!r}, expected one of {', '.join(CODECS[1:])}", signed.digest
        )
    found = _digest(_unsigned(signed), payload)
    if found != signed.digest:
        raise EnvelopeDamaged(f"its digest is {found}, expected {signed.digest}", signed.digest)
    if line != _signed_line(_unsigned(signed), signed.digest):
        raise EnvelopeDamaged("its header is not written as it should be", signed.digest)
    return signed, payload


def _take_apart_document(content: bytes, limits: EnvelopeLimits) -> _Document:
    content = content.removeprefix(b"\xef\xbb\xbf")
    document = _decode_header(content, _Document)
    if document.codec != JSON or document.key:
        raise EnvelopeDamaged(f"it says it is {document.codec!r}, expected {JSON!r}", document.digest)
    remains = stored_value(document, document.value)
    try:
        value = codec.encode(document.value, limits.value_bytes)
    except ValueNotStorable as error:
        raise EnvelopeDamaged(f"its value cannot be stored: {error.problem}", document.digest) from error
    found = _digest(_unsigned(document), value)
    if found != document.digest:
        raise EnvelopeDamaged(f"its digest is {found}, expected {document.digest}", document.digest, remains)
    if content != render_document(_unsigned(document), value):
        try:  # another layout is fine, unless it is ambiguous
            strict_json.parse(content, limits.content_bytes)
        except strict_json.NotStrictJson as error:
            raise EnvelopeDamaged(str(error), document.digest, remains) from error
    return document


def _decode_header(content: bytes, kind: type[HeaderT]) -> HeaderT:
    """Decode a header. Which error it is depends on how much of the header can still be seen."""
    try:
        format = msgspec.json.decode(content, type=_AnyFormat).undercroft
    except _UNREADABLE as error:
        if b'"undercroft"' in content[:256]:
            raise EnvelopeDamaged(f"its header cannot be read: {error}") from error
        raise NotAnEnvelope(f"expected JSON with a field 'undercroft': {error}") from error
    if format > FORMAT:
        raise EnvelopeTooNew(format)
    try:
        return msgspec.json.decode(content, type=kind)
    except _UNREADABLE as error:
        raise EnvelopeDamaged(f"its header cannot be read: {error}") from error


def _unsigned(signed: EnvelopeHeader) -> EnvelopeHeader:
    return EnvelopeHeader(**{name: getattr(signed, name) for name in EnvelopeHeader.__struct_fields__})


def _signed_line(header: EnvelopeHeader, digest: str) -> bytes:
    return header_line(header)[:-1] + b',"digest":' + msgspec.json.encode(digest) + b"}"


def _digest(header: EnvelopeHeader, payload: bytes | memoryview) -> str:
    state = hashlib.sha256(header_line(header))
    state.update(b"\n")
    state.update(payload)
    return "sha256:" + state.hexdigest()
