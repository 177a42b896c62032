"""A segment: a header with the wrapped key of this file, then lines. Pure: bytes in, bytes out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from actors.history.segments.segment_catalog import FileId, SegmentNumber, SegmentRef
from actors.history.segments.segment_lines import (
    TAG_BYTES,
    LineCipher,
    LineKind,
    LineRefused,
    open_line,
    parse_line,
    write_line,
)
from schemas.bounds import Count, Identifier, Word

FORMAT: Final = 1
HEADER_LIMIT_BYTES: Final = 4096
SEGMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""A segment that reached this size is closed, and the next one begun."""

READ_LIMIT_BYTES: Final = 64 * 1024 * 1024
SUSPECTS_LIMIT: Final = 10_000
"""Of a segment with more lines that cannot be verified, the rest is not read."""

ENCRYPTED: Final = "aes-256-gcm"
PLAIN: Final = "none"
NAME: Final = re.compile(r"segment-(\d{6,12})-([0-9a-f]{16})\.jsonl")


class SegmentHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a segment.

    Attributes:
        undercroft_history: format of the file; comes first, so that a reader recognizes the file.
        cipher: says whether a key is needed.
        file: random id of this file; a rewritten segment gets another one.
        number: position among the segments; the higher, the newer.
        key: id of the ring's key that wraps the key of this file; empty if the segment is plain.
        wrapped: the key of this file, wrapped.
    """

    undercroft_history: Count = FORMAT
    cipher: Literal["aes-256-gcm", "none"]
    file: FileId
    number: SegmentNumber
    key: Identifier = ""
    wrapped: Word = ""


@dataclass(frozen=True)
class SegmentBody:
    """What follows the header of a segment, as far as it was verified.

    Attributes:
        batches: contents of the verified batch lines, in order.
        tags: tag of each verified line by its number.
        last: number of the last verified line; 0 for none.
        is_sealed: whether the last verified line is a seal.
        faults: lines that are not what was written or lack their predecessor, in words.
        torn_bytes: length of what follows the last verified line.
    """

    batches: list[bytes]
    tags: dict[int, str]
    last: int
    is_sealed: bool
    faults: list[str] = field(default_factory=list)
    torn_bytes: int = 0


def segment_name(ref: SegmentRef | SegmentHeader) -> str:
    """Return the name of the file of a segment."""
    return f"segment-{ref.number:06d}-{ref.file}.jsonl"


def header_line(header: SegmentHeader) -> bytes:
    """Return the first line of a segment."""
    return msgspec.json.encode(header) + b"\n"


def read_header(content: bytes) -> SegmentHeader:
    """Return the header at the beginning of a segment.

    Raises:
        LineRefused: there is no header, or it is not in canonical form.
    """
    line = content[:HEADER_LIMIT_BYTES].partition(b"\n")[0]
    try:
        header = msgspec.json.decode(line, type=SegmentHeader)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LineRefused("its header cannot be read") from error
    if header_line(header) != line + b"\n" or (header.cipher == ENCRYPTED) != bool(header.key):
        raise LineRefused("its header is not in canonical form")
    return header


def first_tag(header: SegmentHeader) -> str:
    """Return what the first line names as its predecessor: a digest that binds header and lines."""
    return hashlib.sha256(header_line(header)).digest()[:TAG_BYTES].hex()


class SegmentEncoder:
    """Encodes the lines of a new segment, one after the other."""

    def __init__(self, header: SegmentHeader, cipher: LineCipher) -> None:
        self._header = header
        self._cipher = cipher
        self._sequence = 0
        self._tag = first_tag(header)

    @property
    def ref(self) -> SegmentRef:
        """The segment as if it ended with the newest line."""
        return SegmentRef(
            number=self._header.number, file=self._header.file, last=self._sequence, tag=self._tag
        )

    def encode(self, kind: LineKind, content: bytes) -> bytes:
        """Return the next line. Its number is used up even if the line never reaches the disk."""
        self._sequence += 1
        self._tag, line = write_line(
            self._cipher, self._header.file, self._sequence, kind, self._tag, content
        )
        return line


def whole_segment(
    header: SegmentHeader, cipher: LineCipher, batches: Iterable[bytes]
) -> tuple[bytes, SegmentRef]:
    """Return a sealed segment with these batches. Without any, only its header; `last` is 0 then."""
    encoder = SegmentEncoder(header, cipher)
    parts = [header_line(header), *(encoder.encode("batch", batch) for batch in batches)]
    if encoder.ref.last:
        parts.append(encoder.encode("seal", b"{}"))
    return b"".join(parts), encoder.ref


def read_segment(content: bytes, header: SegmentHeader, cipher: LineCipher) -> SegmentBody:
    """Read what follows the header: keeps what can be verified and describes the rest. Never raises."""
    batches: list[bytes] = []
    tags: dict[int, str] = {}
    faults: list[str] = []
    suspects: list[str] = []  # unverified lines: torn, unless a verified line follows
    last, after, is_sealed = 0, first_tag(header), False
    end = content.find(b"\n") + 1  # of the last verified line
    for line, line_end in _lines(content, end):
        try:
            found = parse_line(line)
            batch = open_line(cipher, header.file, found)
        except LineRefused as error:
            suspects.append(f"after line {last}: {error}")
            if len(faults) + len(suspects) >= SUSPECTS_LIMIT:
                break
            continue
        faults += suspects
        if found.seq != last + 1 or found.after != after or is_sealed:
            faults.append(f"line {found.seq} follows line {last}")
        suspects, end = [], line_end
        last, after, is_sealed = found.seq, found.tag, found.kind == "seal"
        tags[found.seq] = found.tag
        if found.kind == "batch":
            batches.append(batch)
    return SegmentBody(batches, tags, last, is_sealed, faults, len(content) - end)


def _lines(content: bytes, start: int) -> Iterator[tuple[bytes, int]]:
    """Each whole line from there on, without its line feed, and where the next one begins."""
    while (found := content.find(b"\n", start)) >= 0:
        yield content[start:found], found + 1
        start = found + 1
