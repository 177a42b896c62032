"""A segment: one file of lines behind a header that holds the wrapped key of this file alone. Pure: bytes in, bytes out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from actors.history.segments.segment_records import (
    TAG_BYTES,
    Kind,
    RecordRefused,
    Sealing,
    open_line,
    parse_line,
    write_line,
)

FORMAT: Final = 1
HEADER_LIMIT_BYTES: Final = 4096
SEGMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""A segment that is longer is closed, and the next one begun."""

READ_LIMIT_BYTES: Final = 64 * 1024 * 1024
ENCRYPTED: Final = "aes-256-gcm"
PLAIN: Final = "none"
NAME: Final = re.compile(r"segment-(\d{6,12})-([0-9a-f]{16})\.jsonl")


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line. The first field tells what the file is, the second whether a key is needed.

    Attributes:
        file: random id of this file; a rewritten segment has another.
        number: place among the segments; the higher, the newer.
        key: id of the key of the ring that wraps this file's own; empty if it is plain.
        wrapped: this file's own key.
    """

    undercroft_history: int = FORMAT
    cipher: Literal["aes-256-gcm", "none"]
    file: str
    number: int
    key: str = ""
    wrapped: str = ""


@dataclass(frozen=True)
class SegmentRead:
    """What was found behind the header.

    Attributes:
        batches: contents of the records that are proven, in their order.
        tags: tag of each proven line by its number.
        last: number of the last proven line; 0 for none.
        is_sealed: whether the last one is a seal.
        faults: lines that are not what was written, and lines that lack their predecessor, in words.
        torn_bytes: length of what follows the last line that could be read.
    """

    batches: list[bytes]
    tags: dict[int, str]
    last: int
    is_sealed: bool
    faults: list[str] = field(default_factory=list)
    torn_bytes: int = 0


def name_of(number: int, file_id: str) -> str:
    """Name of the file of a segment."""
    return f"segment-{number:06d}-{file_id}.jsonl"


def header_line(header: Header) -> bytes:
    """The first line of a segment."""
    return msgspec.json.encode(header) + b"\n"


def read_header(content: bytes) -> Header:
    """The header at the beginning of a segment.

    Raises:
        RecordRefused: there is none, or it is not written as it should be.
    """
    line = content[:HEADER_LIMIT_BYTES].partition(b"\n")[0]
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordRefused("its header cannot be read") from error
    if header_line(header) != line + b"\n" or (header.cipher == ENCRYPTED) != bool(header.key):
        raise RecordRefused("its header is not written as it should be")
    return header


def first_tag(header: Header) -> str:
    """What the first line follows: a digest of the header, so that nobody exchanges it."""
    return hashlib.sha256(header_line(header)).digest()[:TAG_BYTES].hex()


class Lines:
    """Makes the lines of a new segment, one after the other."""

    def __init__(self, header: Header, sealing: Sealing) -> None:
        self.header = header
        self.sequence = 0
        self.tag = first_tag(header)
        self._sealing = sealing

    def next(self, kind: Kind, plain: bytes) -> bytes:
        """The next line. Its number is used up, whatever becomes of the line."""
        self.sequence += 1
        self.tag, line = write_line(self._sealing, self.header.file, self.sequence, kind, self.tag, plain)
        return line


def read_lines(content: bytes, header: Header, sealing: Sealing) -> SegmentRead:
    """Read what follows the header. Never raises: what can be proven is kept, and the rest told."""
    start = content.find(b"\n") + 1
    *lines, rest = content[start:].split(b"\n")
    batches: list[bytes] = []
    tags: dict[int, str] = {}
    faults: list[str] = []
    trouble: list[str] = []  # of lines behind the last proven one: torn, unless something proven follows
    last, after, is_sealed, torn = 0, first_tag(header), False, len(rest)
    for line in lines:
        try:
            found = parse_line(line)
            plain = open_line(sealing, header.file, found)
        except RecordRefused as error:
            trouble.append(f"behind line {last}: {error}")
            torn += len(line) + 1
            continue
        faults += trouble
        if found.seq != last + 1 or found.after != after or is_sealed:
            faults.append(f"line {found.seq} follows line {last}")
        trouble, torn = [], len(rest)
        last, after, is_sealed = found.seq, found.tag, found.kind == "seal"
        tags[found.seq] = found.tag
        if found.kind == "batch":
            batches.append(plain)
    return SegmentRead(batches, tags, last, is_sealed, faults, torn)
