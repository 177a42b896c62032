"""Durable lists: what was added, whose licence was accepted. What a later version wrote and this one cannot read stays in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from actors.shared.durable.durable_write import make_directory, replace_file
from actors.shared.durable.quarantine import quarantine
from bus.errors import OperatorError

FORMAT: Final = 1
LIMIT_BYTES: Final = 8 * 1024 * 1024
ITEMS_LIMIT: Final = 2000

ItemT = TypeVar("ItemT", bound=msgspec.Struct)


class ShelfFull(OperatorError):
    """A list holds as much as it may."""

    path: str
    limit: int
    words = "{path}: holds as much as it may ({limit}); withdraw what is not needed"


class ShelfNewer(OperatorError):
    """A list was written by a later version, and is not touched."""

    path: str
    found: int

    def __str__(self) -> str:
        return f"{self.path}: has format {self.found}, of a later version; this one writes format {FORMAT}, so it only reads"


class _Document(msgspec.Struct, kw_only=True):
    format: int = FORMAT
    items: list[msgspec.Raw] = []


class Shelf(Generic[ItemT]):
    """A list in a file of its own.

    Attributes:
        items: what it holds and this version can read.
        problems: one sentence for each thing that could not be read.
    """

    def __init__(self, path: Path, kind: type[ItemT]) -> None:
        self._path = path
        self._kind = kind
        self._unread: list[msgspec.Raw] = []
        self._format = FORMAT
        self.items: list[ItemT] = []
        self.problems: list[str] = []

    def read(self) -> None:
        """Read the file; one that is no list at all is put aside, never overwritten.

        Raises:
            OSError: it is there but cannot be read.
        """
        self.items, self._unread, self.problems = [], [], []
        try:
            with self._path.open("rb") as file:
                content = file.read(LIMIT_BYTES + 1)
        except FileNotFoundError:
            return
        try:
            if len(content) > LIMIT_BYTES:
                raise msgspec.DecodeError(f"it is longer than {LIMIT_BYTES} bytes")
            document = msgspec.json.decode(content, type=_Document)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            aside = quarantine(self._path)
            self.problems = [f"{self._path}: cannot be read ({error}); it was put aside as {aside.name}"]
            return
        self._format = document.format
        for raw in document.items:
            try:
                self.items.append(msgspec.json.decode(raw, type=self._kind))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self._unread.append(msgspec.Raw(bytes(raw)))
                self.problems.append(
                    f"{self._path}: an item cannot be read ({error}); it is not in force and stays in the file"
                )

    def write(self, items: list[ItemT]) -> None:
        """Replace the list, durably.

        Raises:
            ShelfFull, ShelfNewer: it is not written.
            DurableWriteFailed: it is not on disk.
        """
        if self._format > FORMAT:
            raise ShelfNewer(str(self._path), self._format)
        document = _Document(
            items=[*self._unread, *(msgspec.Raw(msgspec.json.encode(item)) for item in items)]
        )
        content = msgspec.json.format(msgspec.json.encode(document), indent=2)
        if len(items) > ITEMS_LIMIT or len(content) > LIMIT_BYTES:
            raise ShelfFull(str(self._path), ITEMS_LIMIT)
        make_directory(self._path.parent)
        replace_file(self._path, content)
        self.items = items
