"""Lines of a segment: numbered, each bound to its file, its number, its kind and the line before it. Pure.

    {"seq":7,"kind":"batch","after":"<tag of the line before>","tag":"<16 bytes as hex>","data":"<base64>"}

Encrypted lines are AES-256-GCM (NIST SP 800-38D) under a key that only this segment has, with the number as
nonce: a number comes once in a segment, so a nonce comes once under its key (8.2.1, the deterministic
construction). A
plain line has its value as JSON in `data`, and the first half of a SHA-256 as tag, which shows damage but
keeps nobody
from forging.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final, Literal, Protocol

import msgspec

from schemas.history import HistoryEntry

Kind = Literal["batch", "seal"]
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12
LINE_LIMIT_BYTES: Final = 32 * 1024 * 1024


class RecordRefused(ValueError):
    """A line is not what was written here: damaged, forged, or moved from elsewhere."""


class Operations(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one record does: entries that are as they stand here from now on, and ids that are no more."""

    put: list[HistoryEntry] = []
    remove: list[str] = []


class RawOperations(msgspec.Struct, frozen=True):
    """The same, with each entry as the JSON that it is."""

    put: list[msgspec.Raw] = []
    remove: list[str] = []


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line, not yet proven."""

    seq: int
    kind: Kind
    after: str
    tag: str
    data: msgspec.Raw


class Sealing(Protocol):
    """Proves and hides the content of the lines of one segment."""

    def seal(self, associated: bytes, sequence: int, plain: bytes) -> tuple[str, bytes]:
        """Tag and data, the latter as JSON."""

    def open(self, associated: bytes, sequence: int, tag: str, data: bytes) -> bytes:
        """What was sealed.

        Raises:
            RecordRefused: it does not fit.
        """


class Encrypted:
    """AES-256-GCM under the key of one segment. Whoever writes never uses a number twice, also after a restart."""

    def __init__(self, secret: bytes) -> None:
        """Args: secret: 32 random bytes that no other segment has."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(secret)

    def seal(self, associated: bytes, sequence: int, plain: bytes) -> tuple[str, bytes]:
        """See `Sealing`."""
        sealed = self._cipher.encrypt(sequence.to_bytes(NONCE_BYTES), plain, associated)
        return sealed[-TAG_BYTES:].hex(), b'"' + base64.b64encode(sealed[:-TAG_BYTES]) + b'"'

    def open(self, associated: bytes, sequence: int, tag: str, data: bytes) -> bytes:
        """See `Sealing`."""
        from cryptography.exceptions import InvalidTag

        try:
            sealed, end = base64.b64decode(data[1:-1], validate=True), bytes.fromhex(tag)
            if (
                base64.b64encode(sealed) != data[1:-1] or end.hex() != tag
            ):  # several spellings would mean the same
                raise RecordRefused("its tag or its data are not written as they should be")
            return self._cipher.decrypt(sequence.to_bytes(NONCE_BYTES), sealed + end, associated)
        except (InvalidTag, ValueError, OverflowError) as error:
            raise RecordRefused("its tag does not fit") from error


class Plain:
    """Readable by everybody; damage shows."""

    def seal(self, associated: bytes, sequence: int, plain: bytes) -> tuple[str, bytes]:
        """See `Sealing`."""
        return self._tag(associated, plain), plain

    def open(self, associated: bytes, sequence: int, tag: str, data: bytes) -> bytes:
        """See `Sealing`."""
        if self._tag(associated, data) != tag:
            raise RecordRefused("its digest does not fit")
        return data

    def _tag(self, associated: bytes, plain: bytes) -> str:
        return hashlib.sha256(associated + b"\n" + plain).digest()[:TAG_BYTES].hex()


def write_line(
    sealing: Sealing, file_id: str, sequence: int, kind: Kind, after: str, plain: bytes
) -> tuple[str, bytes]:
    """The tag of a new line, and the line."""
    tag, data = sealing.seal(_associated(file_id, sequence, kind, after), sequence, plain)
    return tag, _render(Line(sequence, kind, after, tag, msgspec.Raw(data)))


def parse_line(line: bytes) -> Line:
    """The parts of a line (without its end), which are not proven yet.

    Raises:
        RecordRefused: it is no line, or not written as it should be.
    """
    if len(line) > LINE_LIMIT_BYTES:
        raise RecordRefused(f"it has {len(line)} bytes, expected at most {LINE_LIMIT_BYTES}")
    try:
        found = msgspec.json.decode(line, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordRefused("it is no line of a segment") from error
    if _render(found) != line + b"\n":
        raise RecordRefused("it is not written as it should be")
    return found


def open_line(sealing: Sealing, file_id: str, line: Line) -> bytes:
    """The content of a line, proven to have been written at this place.

    Raises:
        RecordRefused: it was not.
    """
    return sealing.open(
        _associated(file_id, line.seq, line.kind, line.after), line.seq, line.tag, bytes(line.data)
    )


def _associated(file_id: str, sequence: int, kind: Kind, after: str) -> bytes:
    return f"undercroft/history/{file_id}/{sequence}/{kind}/{after}".encode()


def _render(line: Line) -> bytes:
    head = f'{{"seq":{line.seq},"kind":"{line.kind}","after":"{line.after}","tag":"{line.tag}","data":'
    return b"".join((head.encode(), bytes(line.data), b"}\n"))
