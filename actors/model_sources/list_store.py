"""Durable lists: models that were added, licences that were accepted.

An item that a later version wrote and this one cannot read does not apply, but stays in the file.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from actors.shared.durable.record_file import (
    UNREADABLE_JSON,
    UNWRITABLE_JSON,
    RecordFile,
    RecordNotRead,
    RecordTooLarge,
    RecordUnfit,
)
from actors.shared.http.answers.stranger_text import sentence
from actors.shared.places.rooted_place import AnyPlace
from bus.error_words import in_words
from bus.errors import OperatorError
from schemas.bounds import Count, Many

FORMAT: Final = 1
LIMIT_BYTES: Final = 8 * 1024 * 1024
ITEMS_LIMIT: Final = 2000
ITEMS_TOLD: Final = 20
"""Items that cannot be read and are named; more are only counted."""

ItemT = TypeVar("ItemT", bound=msgspec.Struct)


class ListFull(OperatorError):
    """A list has as many items as it may have.

    Attributes:
        path: its file.
        limit: most items.
    """

    path: str
    limit: int
    words = "{path}: is full ({limit} items at most); withdraw models that are not needed"


class ListFormatNewer(OperatorError):
    """A later version wrote a list, so this one does not change it.

    Attributes:
        path: its file.
        found: its format.
        expected: the newest format that this version writes.
    """

    path: str
    found: int
    expected: int = FORMAT
    words = "{path}: has format {found}, expected {expected}; a later version wrote it, so it is not changed"


class _Document(msgspec.Struct, kw_only=True):
    format: Count = FORMAT
    items: Many[msgspec.Raw] = []


@dataclass(frozen=True)
class UnreadItem:
    """An item as it stands in the file, and why it cannot be read."""

    raw: msgspec.Raw
    problem: str


class ListStore(Generic[ItemT]):
    """A list in a file of its own.

    Attributes:
        items: the items that this version can read.
        unread: the items that it cannot read.
    """

    def __init__(self, path: AnyPlace, type: type[ItemT], limit_bytes: int = LIMIT_BYTES) -> None:
        self._file = RecordFile[_Document](
            path, _Document, limit_bytes=limit_bytes, indent=2, creates_directory=True
        )
        self._type = type
        self._format = FORMAT
        self._file_problem = ""
        self._not_read: RecordNotRead | None = None
        self.items: list[ItemT] = []
        self.unread: list[UnreadItem] = []

    @property
    def problems(self) -> list[str]:
        """What cannot be read, or not be changed: as many sentences as a message of the bus holds."""
        newer = str(ListFormatNewer(str(self._file.path), self._format)) if self._format > FORMAT else ""
        more = len(self.unread) - ITEMS_TOLD
        counted = f"{self._file.path}: {more} more items cannot be read" if more > 0 else ""
        named = [item.problem for item in self.unread[:ITEMS_TOLD]]
        return [sentence(problem) for problem in (self._file_problem, newer, counted, *named) if problem]

    def read(self) -> None:
        """Read the file. One that is no list is quarantined; one that cannot be read stays as it is."""
        self.items, self.unread, self._file_problem, self._not_read = [], [], "", None
        try:
            path, found = self._file.path, self._file.read_or_quarantine()
        except RecordNotRead as error:
            self._file_problem, self._not_read = f"{error}; it does not apply, and is not changed", error
            return
        if found.put_aside is not None:
            self._file_problem = f"{path}: cannot be read ({found.detail}); renamed to {found.put_aside.name}"
        if found.value is None:
            return
        self._format = found.value.format
        for raw in found.value.items:
            try:
                self.items.append(msgspec.json.decode(raw, type=self._type))
            except UNREADABLE_JSON as error:
                problem = f"{path}: an item cannot be read ({error})"
                more = "it does not apply, and stays in the file until it is withdrawn"
                self.unread.append(UnreadItem(msgspec.Raw(bytes(raw)), f"{problem}; {more}"))

    def write(self, items: list[ItemT], unread: list[UnreadItem] | None = None) -> None:
        """Replace the list durably.

        Args:
            items: those that this version can read.
            unread: those that it cannot read; None: as before.

        Raises:
            ListFull, ListFormatNewer, RecordNotRead: the list is not changed.
            RecordUnfit: an item would not be read back.
            DurableWriteFailed, OSError: the disk refused.
        """
        path = str(self._file.path)
        if self._not_read is not None:
            raise self._not_read
        if self._format > FORMAT:
            raise ListFormatNewer(path, self._format)
        if len(items) > ITEMS_LIMIT:
            raise ListFull(path, ITEMS_LIMIT)
        encoded = [self._encoded(item) for item in items]
        unread = self.unread if unread is None else unread
        try:
            self._file.write(_Document(items=[*(item.raw for item in unread), *encoded]))
        except RecordTooLarge as error:
            raise ListFull(path, ITEMS_LIMIT) from error
        self.items, self.unread = items, unread

    def _encoded(self, item: ItemT) -> msgspec.Raw:
        """An item as it stands in the file, where the next life reads it."""
        try:
            content = msgspec.json.encode(item)
            msgspec.json.decode(content, type=self._type)
        except UNWRITABLE_JSON as error:
            raise RecordUnfit(str(self._file.path), "write", errno.EINVAL, in_words(error)) from error
        return msgspec.Raw(content)
