"""Durable lists: models that were added, licences that were accepted.

An item that a later version wrote and this one cannot read does not apply, but stays in the file.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec

from actors.shared.durable.record_file import UNREADABLE_JSON, RecordFile, RecordTooLarge
from actors.shared.places.rooted_place import AnyPlace
from bus.errors import OperatorError

FORMAT: Final = 1
LIMIT_BYTES: Final = 8 * 1024 * 1024
ITEMS_LIMIT: Final = 2000

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
    format: int = FORMAT
    items: list[msgspec.Raw] = []


class ListStore(Generic[ItemT]):
    """A list in a file of its own.

    Attributes:
        items: the items that this version can read.
        problems: one sentence for each thing that cannot be read.
    """

    def __init__(self, path: AnyPlace, type: type[ItemT]) -> None:
        self._file = RecordFile[_Document](
            path, _Document, limit_bytes=LIMIT_BYTES, indent=2, creates_directory=True
        )
        self._type = type
        self._unread: list[msgspec.Raw] = []
        self._format = FORMAT
        self.items: list[ItemT] = []
        self.problems: list[str] = []

    def read(self) -> None:
        """Read the file. One that is not a list is quarantined, never overwritten.

        Raises:
            RecordNotRead: the disk refused.
        """
        self.items, self._unread, self.problems = [], [], []
        path, found = self._file.path, self._file.read_or_quarantine()
        if found.put_aside is not None:
            self.problems = [f"{path}: cannot be read ({found.detail}); renamed to {found.put_aside.name}"]
        if found.value is None:
            return
        self._format = found.value.format
        for raw in found.value.items:
            try:
                self.items.append(msgspec.json.decode(raw, type=self._type))
            except UNREADABLE_JSON as error:
                self._unread.append(msgspec.Raw(bytes(raw)))
                self.problems.append(
                    f"{path}: an item cannot be read ({error}); it does not apply, and stays in the file"
                )

    def write(self, items: list[ItemT]) -> None:
        """Replace the list durably.

        Raises:
            ListFull, ListFormatNewer: the list is not changed.
            DurableWriteFailed, OSError: the disk refused.
        """
        path = str(self._file.path)
        if self._format > FORMAT:
            raise ListFormatNewer(path, self._format)
        if len(items) > ITEMS_LIMIT:
            raise ListFull(path, ITEMS_LIMIT)
        encoded = [msgspec.Raw(msgspec.json.encode(item)) for item in items]
        try:
            self._file.write(_Document(items=[*self._unread, *encoded]))
        except RecordTooLarge as error:
            raise ListFull(path, ITEMS_LIMIT) from error
        self.items = items
