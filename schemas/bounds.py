"""How large, how long and how late the values of the contract may be. Pure.

Every number, text, list and map of an event has a bound from here, or one of its own. Decoders refuse what is
beyond it, JSON Schema and the clients show it, and `tests/schemas/test_bounds.py` finds a field without one.
A lower bound also keeps NaN out: no comparison holds for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, TypeVar

from msgspec import Meta

INTEGER_LIMIT: Final = 2**53
"""Beyond it, JavaScript and JSON readers lose digits (RFC 8259, section 6)."""

LAST_UNIX_SECOND: Final = 32_503_680_000
"""The first second of the year 3000: later times are mistakes, and some calendars end."""

SECONDS_LIMIT: Final = 10_000_000_000
"""Longest duration: about 317 years."""

END_OF_TEXT: Final = r"(?![\s\S])"
"""End of a pattern, in Python and ECMAScript alike. `$` would let a line feed through in Python."""


def whole(pattern: str) -> str:
    """A pattern that fits the whole text, in Python and ECMAScript alike."""
    return f"^(?:{pattern}){END_OF_TEXT}"


ItemT = TypeVar("ItemT")

Identifier = Annotated[str, Meta(max_length=256)]
"""An id, digest, cursor or revision."""

Word = Annotated[str, Meta(max_length=512)]
"""A name, key, kind or title."""

PlaceText = Annotated[str, Meta(max_length=32_768)]
"""A path: as long as Windows lets one be."""

NAME: Final = r"(?!\.{1,2}(?:/|(?![\s\S])))[^/\x00]+"
"""Of one file or directory, as a pattern."""

OneName = Annotated[str, Meta(max_length=1024, pattern=whole(NAME))]
"""The name of one file or directory: without a slash, and never that of the directory above."""

InnerPlace = Annotated[str, Meta(max_length=32_768, pattern=whole(f"{NAME}(?:/{NAME})*"))]
"""A place below a directory: names with slashes between them, none of which leads up."""

UrlText = Annotated[str, Meta(max_length=8_192)]
"""An address on the web."""

Sentence = Annotated[str, Meta(max_length=1024 * 1024)]
"""Words for people: a message, a problem, a piece of advice, a line of a log."""

Body = Annotated[str, Meta(max_length=16 * 1024 * 1024)]
"""Content: as much as one message of the bus holds."""

Count = Annotated[int, Meta(ge=0, le=INTEGER_LIMIT)]
"""How many, or which in a sequence: a count, a size in bytes, a revision."""

Whole = Annotated[int, Meta(ge=-INTEGER_LIMIT, le=INTEGER_LIMIT)]
"""A whole number, where a sentence of its own says what it may be."""

ProcessId = Annotated[int, Meta(ge=0, le=2**32)]
"""The id of a process."""

ExitCode = Annotated[int, Meta(ge=-(2**31), le=2**32)]
"""How a process ended; negative: by which signal. Windows has 32 bits without a sign."""

Wide = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What 64 bits hold: nanoseconds since the Unix epoch, the number of a file. Only in files that no client
reads: some lose digits."""

Percent = Annotated[int, Meta(ge=0, le=100)]
"""Hundredths."""

UnixSeconds = Annotated[float, Meta(ge=0, le=LAST_UNIX_SECOND)]
"""Seconds since the Unix epoch; 0 often stands for never."""

UnixMilliseconds = Annotated[float, Meta(ge=0, le=LAST_UNIX_SECOND * 1000)]
"""Milliseconds since the Unix epoch, as JavaScript counts them."""

Seconds = Annotated[float, Meta(ge=0, le=SECONDS_LIMIT)]
"""A duration."""

Amount = Annotated[float, Meta(ge=-1e300, le=1e300)]
"""A finite number: a measure, a rate, a place on a screen."""

Share = Annotated[float, Meta(ge=0, le=1)]
"""A part of a whole."""

Many = Annotated[list[ItemT], Meta(max_length=1_000_000)]
"""A list: as many items as one message of the bus holds short ones."""

Named = Annotated[dict[Word, ItemT], Meta(max_length=100_000)]
"""Items by their names."""

Plain = Annotated[dict[Word, Any], Meta(max_length=100_000)]
"""A map of plain values: what JSON holds. `schemas.plain_values` has the bounds of what lies in it."""


def sum_of_counts(counts: Iterable[int]) -> int:
    """The sum of counts, as large as a count may be: each fits into an event, their sum need not."""
    return min(sum(counts), INTEGER_LIMIT)
