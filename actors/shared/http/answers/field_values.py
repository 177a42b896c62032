"""Reads the values of HTTP fields strictly and in bounds; what does not fit is None, never a guess. Pure.

Nothing else parses what a server says of numbers, ranges, dates, tags and digests.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from actors.shared.http.answers.stranger_text import quoted
from schemas.bounds import INTEGER_LIMIT, LAST_UNIX_SECOND

ETAG_LIMIT_CHARACTERS: Final = 1024
"""A longer tag is none: it would have to be sent back with every request."""
DATE_LIMIT_CHARACTERS: Final = 64
NUMBER_LIMIT_DIGITS: Final = 16
HEX_DIGITS: Final = {"sha256": 64}
"""Length of a digest by its algorithm."""

READ: Final = frozenset(
    {
        "accept-ranges",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "etag",
        "last-modified",
        "location",
        "retry-after",
        "transfer-encoding",
    }
)
"""The fields that are read at all; no other is kept."""

_DIGITS: Final = re.compile(r"[0-9]+")
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,16})-([0-9]{1,16})/([0-9]{1,16})", re.IGNORECASE)
_DIGEST: Final = re.compile(r"([a-z0-9]{1,16}):([0-9a-f]{1,128})")


@dataclass(frozen=True, slots=True)
class ContentRange:
    """The bytes [first, last] of a file of `total` bytes."""

    first: int
    last: int
    total: int


def known_fields(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The fields of an answer that are read, by name in lower case.

    One that comes twice with different values is joined by a comma (RFC 9110 section 5.3), so that a length
    that contradicts itself cannot be read as either.

    Args:
        pairs: names and values as they came, in Latin-1.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.lower(), value.strip(" \t")
        if key in READ and found.get(key) != text:
            found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def read_number(text: str, most: int = INTEGER_LIMIT) -> int | None:
    """A whole number of ASCII digits, from 0 to `most`; None for anything else."""
    if not text or len(text) > NUMBER_LIMIT_DIGITS or not _DIGITS.fullmatch(text):
        return None
    number = int(text)
    return number if number <= most else None


def read_content_range(text: str) -> ContentRange | None:
    """A satisfied range of bytes with a known total (RFC 9110 section 14.4)."""
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None:
        return None
    first, last, total = (int(part) for part in found.groups())
    return ContentRange(first, last, total) if first <= last < total <= INTEGER_LIMIT else None


def read_date(text: str) -> float | None:
    """A moment in seconds since the Unix epoch, up to the year 3000."""
    if not text or len(text) > DATE_LIMIT_CHARACTERS or not text.isascii():
        return None
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        seconds = moment.timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return seconds if 0 <= seconds <= LAST_UNIX_SECOND else None


def read_etag(text: str) -> str:
    """An entity tag, weak or strong; empty for anything else."""
    return text if len(text) <= ETAG_LIMIT_CHARACTERS and _ETAG.fullmatch(text) else ""


def read_retry_after(text: str, now: float) -> float | None:
    """Seconds that a `Retry-After` asks for, in either of its forms (RFC 9110 section 10.2.3).

    Args:
        text: of the field.
        now: seconds since the Unix epoch, by the clock that the field is about.
    """
    if _DIGITS.fullmatch(text):
        number = read_number(text)
        return float(INTEGER_LIMIT if number is None else number)
    until = read_date(text)
    return None if until is None else max(0.0, until - now)


def read_media_type(text: str) -> str:
    """Type and subtype in lower case, without parameters; empty if they are none."""
    kind = text.partition(";")[0].strip().lower()
    return kind if re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}", kind) else ""


def read_digest(text: str) -> tuple[str, str] | None:
    """Algorithm and hex digits of a digest such as `sha256:60ed...`; None unless they fit together."""
    found = _DIGEST.fullmatch(text)
    if found is None or HEX_DIGITS.get(found[1]) != len(found[2]):
        return None
    return found[1], found[2]


def length_problem(fields: dict[str, str]) -> str | None:
    """Why nobody can tell where a body ends, in a sentence; None if the fields say it, or say nothing."""
    length, coding = fields.get("content-length"), fields.get("transfer-encoding", "chunked")
    if length is not None and read_number(length) is None:
        return field_problem("Content-Length", length, f"a number up to {INTEGER_LIMIT}")
    if coding.strip().lower() != "chunked":
        return field_problem("Transfer-Encoding", coding, "'chunked' or none")
    return None


def field_problem(name: str, found: str, expected: str) -> str:
    """The sentence for a field that cannot be right."""
    return f"the server's {name} is {quoted(found)!r}, expected {expected}"
