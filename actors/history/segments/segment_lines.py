"""Lines of a segment, each bound to its file, its number, its kind and the line before it. Pure.

    {"seq":7,"kind":"batch","after":"<tag of the line before>","tag":"<16 bytes as hex>","data":"<base64>"}

Encrypted lines use AES-256-GCM (NIST SP 800-38D) under a key that only this segment has. The nonce is the
line's number: a number occurs once in a segment, so a nonce occurs once under its key (section 8.2.1, the
deterministic construction). A plain line holds its content as JSON in `data`. Its tag is the first half of a
SHA-256, which shows damage but does not prevent forgery.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final, Literal, Protocol

import msgspec

from schemas.bounds import Count, Identifier

LineKind = Literal["batch", "seal"]
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12
LINE_LIMIT_BYTES: Final = 32 * 1024 * 1024


class LineRefused(ValueError):
    """A line is not what was written here: it was damaged, forged, or moved from elsewhere."""


class SegmentLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One parsed line. Its content is not verified yet; see `open_line`."""

    seq: Count
    kind: LineKind
    after: Identifier
    tag: Identifier
    data: msgspec.Raw


class LineCipher(Protocol):
    """Authenticates the lines of one segment, and may encrypt them."""

    def seal(self, associated: bytes, sequence: int, content: bytes) -> tuple[str, bytes]:
        """Return the tag and the data of a line, the data as JSON."""

    def open(self, associated: bytes, sequence: int, tag: str, data: bytes) -> bytes:
        """Return the content of a line.

        Raises:
            LineRefused: tag and data do not belong together here.
        """


class EncryptedLines:
    """AES-256-GCM under the key of one segment. Callers never seal two lines with one number."""

    def __init__(self, secret: bytes) -> None:
        """Prepare the cipher.

        Args:
            secret: 32 random bytes that no other segment has.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(secret)

    def seal(self, associated: bytes, sequence: int, content: bytes) -> tuple[str, bytes]:
        """See `LineCipher`."""
        sealed = self._cipher.encrypt(sequence.to_bytes(NONCE_BYTES), content, associated)
        return sealed[-TAG_BYTES:].hex(), b'"' + base64.b64encode(sealed[:-TAG_BYTES]) + b'"'

    def open(self, associated: bytes, sequence: int, tag: str, data: bytes) -> bytes:
        """See `LineCipher`."""
        from cryptography.exceptions import InvalidTag

        try:
            sealed, end = base64.b64decode(data[1:-1], validate=True), bytes.fromhex(tag)
            # Only one spelling is valid, or a changed byte could go unnoticed.
            if base64.b64encode(sealed) != data[1:-1] or end.hex() != tag:
                raise LineRefused("its tag or its data are not in canonical form")
            return self._cipher.decrypt(sequence.to_bytes(NONCE_BYTES), sealed + end, associated)
        except (InvalidTag, ValueError, OverflowError) as error:
            raise LineRefused("its tag does not match") from error


class PlainLines:
    """No encryption. A digest shows damage."""

    def seal(self, associated: bytes, sequence: int, content: bytes) -> tuple[str, bytes]:
        """See `LineCipher`."""
        return _digest(associated, content), content

    def open(self, associated: bytes, sequence: int, tag: str, data: bytes) -> bytes:
        """See `LineCipher`."""
        if _digest(associated, data) != tag:
            raise LineRefused("its digest does not match")
        return data


def write_line(
    cipher: LineCipher, file_id: str, sequence: int, kind: LineKind, after: str, content: bytes
) -> tuple[str, bytes]:
    """Return the tag of a new line, and the line."""
    tag, data = cipher.seal(_associated(file_id, sequence, kind, after), sequence, content)
    return tag, _render(SegmentLine(sequence, kind, after, tag, msgspec.Raw(data)))


def parse_line(line: bytes) -> SegmentLine:
    """Parse a line without its line feed. Nothing in it is verified yet.

    Raises:
        LineRefused: it is not a line of a segment, or not in canonical form.
    """
    if len(line) > LINE_LIMIT_BYTES:
        raise LineRefused(f"it has {len(line)} bytes, expected at most {LINE_LIMIT_BYTES}")
    try:
        found = msgspec.json.decode(line, type=SegmentLine)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LineRefused("it is not a line of a segment") from error
    if _render(found) != line + b"\n":
        raise LineRefused("it is not in canonical form")
    return found


def open_line(cipher: LineCipher, file_id: str, line: SegmentLine) -> bytes:
    """Return the content of a line after verifying that it was written at this place.

    Raises:
        LineRefused: it was not.
    """
    associated = _associated(file_id, line.seq, line.kind, line.after)
    return cipher.open(associated, line.seq, line.tag, bytes(line.data))


def _associated(file_id: str, sequence: int, kind: LineKind, after: str) -> bytes:
    return f"undercroft/history/{file_id}/{sequence}/{kind}/{after}".encode()


def _digest(associated: bytes, content: bytes) -> str:
    return hashlib.sha256(associated + b"\n" + content).digest()[:TAG_BYTES].hex()


def _render(line: SegmentLine) -> bytes:
    head = f'{{"seq":{line.seq},"kind":"{line.kind}","after":"{line.after}","tag":"{line.tag}","data":'
    return b"".join((head.encode(), bytes(line.data), b"}\n"))
