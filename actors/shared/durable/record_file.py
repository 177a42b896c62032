"""Keeps one JSON record in a file: read with a limit, put aside if damaged, replaced whole."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

import msgspec

from actors.shared.durable.bounded_read import NEVER_A_FILE, FileUnreadable, read_file
from actors.shared.durable.durable_write import (
    DurableWriteFailed,
    make_directory,
    remove_file,
    replace_file,
)
from actors.shared.durable.numbered_name import first_free
from actors.shared.durable.quarantine import PARTLY_READ, claim_file, quarantine
from actors.shared.durable.what_fits import what_fits
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, below
from bus.error_words import in_words
from bus.errors import OperatorError
from schemas.bounds import Count

UNREADABLE_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding JSON of unknown origin may raise: a wrong shape, text that is not UTF-8, endless nesting."""

UNWRITABLE_JSON: Final = (*UNREADABLE_JSON, UnicodeEncodeError, OverflowError)
"""What encoding and decoding it again may raise besides: half of a character, a number beyond 64 bits."""

RecordT = TypeVar("RecordT")
Fault = Literal["", "unreadable", "damaged", "other_format"]
"""Why there is no record although something lies there. `unreadable`: the system does not let us read it, so
nothing is known of its content. `damaged`: it is no record of this type, no file, or longer than the limit.
`other_format`: another version of Undercroft wrote it."""


class RecordTooLarge(DurableWriteFailed):
    """A record would be longer than what is read back, so it was not written."""


class RecordUnfit(DurableWriteFailed):
    """A record holds what its type refuses when it is read, such as a text beyond its bound."""


class RecordNotRead(OperatorError):
    """Something lies in the place of a record, and says nothing that could be used.

    Attributes:
        path: of the file.
        detail: what was found, and what was expected.
    """

    path: str
    detail: str
    words = "{path}: cannot be read ({detail})"


@dataclass(frozen=True, slots=True)
class RecordFound(Generic[RecordT]):
    """What lies under the name of a record.

    Attributes:
        value: the record; None if there is none that can be used.
        fault: why not; empty if there is a record, or no file at all.
        detail: what was found and expected, as half a sentence.
        put_aside: where a damaged file lies now, or a copy of one with entries that do not fit; None if it
            was left where it was.
        left_out: entries of lists and maps that do not fit; `value` is without them.
    """

    value: RecordT | None = None
    fault: Fault = ""
    detail: str = ""
    put_aside: Path | None = None
    left_out: tuple[str, ...] = ()


class RecordFile(Generic[RecordT]):
    """One record in one file that has one owner.

    Attributes:
        path: of the file.
    """

    def __init__(
        self,
        path: AnyPlace,
        type: type[RecordT],
        *,
        limit_bytes: int,
        format: int | None = None,
        indent: int = 0,
        creates_directory: bool = False,
    ) -> None:
        """Touch nothing yet.

        Args:
            path: of the file; a link is not followed.
            type: what the JSON has to fit, such as a struct or `list[Lease]`.
            limit_bytes: more is neither read nor written.
            format: expected value of the record's field `format`; None: it has no such field.
            indent: spaces for each level, for files that people read; 0: all on one line.
            creates_directory: a write makes the directory if it is missing. Leave it out where a missing
                directory means that a drive is away.
        """
        self.path = path
        self._limit_bytes = limit_bytes
        self._format = format
        self._indent = indent
        self._creates_directory = creates_directory
        self._type = type
        self._decoder: msgspec.json.Decoder[RecordT] = msgspec.json.Decoder(type)

    def load(self) -> RecordT | None:
        """The record; None if there is none that can be used. Changes nothing, never raises."""
        return self.read().value

    def read(self) -> RecordFound[RecordT]:
        """The record, or why there is none. Changes nothing, never raises."""
        try:
            content = read_file(self.path, self._limit_bytes)
        except FileUnreadable as error:
            fault: Fault = "damaged" if error.found in NEVER_A_FILE else "unreadable"
            return RecordFound(fault=fault, detail=error.detail)
        return RecordFound() if content is None else self._decode(content)

    def read_or_quarantine(self) -> RecordFound[RecordT]:
        """As `read`, but a damaged file goes out of the way, so that the next write loses nothing.

        Of a file with entries that do not fit, a copy is kept.

        Raises:
            RecordNotRead: the file cannot be read, or not be put aside: do not write over it.
        """
        found = self.read()
        if found.fault == "unreadable":
            raise RecordNotRead(str(self.path), found.detail)
        if found.left_out:
            return replace(found, put_aside=self._copy_aside())
        if found.fault != "damaged":
            return found
        try:
            return RecordFound(fault="damaged", detail=found.detail, put_aside=quarantine(self._place).path)
        except OSError as error:
            detail = f"{found.detail}; it cannot be put aside: {error.strerror or error}"
            raise RecordNotRead(str(self.path), detail) from error

    def write(self, record: RecordT) -> None:
        """Replace the record; once this returns, a power cut does not bring the former one back.

        What has its name and can never be a file is put aside.

        Raises:
            RecordTooLarge, RecordUnfit: it would not be read back.
            DurableWriteFailed: a step failed.
            OSError: the directory cannot be made.
        """
        try:
            content = msgspec.json.encode(record)
            self._decoder.decode(content)
        except UNWRITABLE_JSON as error:
            raise RecordUnfit(str(self.path), "write", errno.EINVAL, in_words(error)) from error
        if self._indent:
            content = msgspec.json.format(content, indent=self._indent)
        if len(content) > self._limit_bytes:
            reason = f"it would have {len(content)} bytes, expected at most {self._limit_bytes}"
            raise RecordTooLarge(str(self.path), "write", errno.EFBIG, reason)
        if self._creates_directory:
            make_directory(self.path.parent)
        with contextlib.suppress(OSError):  # `replace_file` says what is in the way
            claim_file(self.path)
        replace_file(self.path, content)

    def remove(self) -> None:
        """Remove the file, durably; it need not exist.

        Raises:
            OSError: it stays.
        """
        remove_file(self.path)

    def _decode(self, content: bytes) -> RecordFound[RecordT]:
        expected = self._format
        try:
            value = self._decoder.decode(content)
            found = getattr(value, "format", None) if expected is not None else None
        except UNREADABLE_JSON as error:
            found = _format_of(content) if expected is not None else None
            if found is None or found == expected:
                return self._without_what_does_not_fit(content, error)
            value = None
        if found != expected:
            return RecordFound(fault="other_format", detail=f"format {found}, expected {expected}")
        return RecordFound(value)

    def _without_what_does_not_fit(self, content: bytes, error: Exception) -> RecordFound[RecordT]:
        try:
            value, left_out = what_fits(msgspec.json.decode(content), self._type)
        except UNREADABLE_JSON:
            return RecordFound(fault="damaged", detail=str(error))
        if not value:  # a list or map of which nothing fits
            return RecordFound(fault="damaged", detail=str(error))
        return RecordFound(value, detail=left_out[0] if left_out else "", left_out=tuple(left_out))

    def _copy_aside(self) -> Path | None:
        """A copy of the file, whose entries the next write drops; None: it cannot be kept."""
        try:
            content = read_file(self.path, self._limit_bytes)
            target = first_free(self._place.with_name(f"{self.path.name}{PARTLY_READ}"))
            replace_file(target, content or b"")
        except (FileUnreadable, DurableWriteFailed, OSError):
            return None
        return target.path

    @property
    def _place(self) -> RootedPlace:
        return below(self.path.parent) / self.path.name


class _Versioned(msgspec.Struct):
    format: Count


def _format_of(content: bytes) -> int | None:
    """The format of a record whose other fields do not fit; None if it names none."""
    try:
        return msgspec.json.decode(content, type=_Versioned).format
    except UNREADABLE_JSON:
        return None
