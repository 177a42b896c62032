"""How many entries go into one reply: as many as were asked for, and as the bus carries. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.history import HistoryEntry

REPLY_BYTES: Final = 6 * 1024 * 1024
"""As UTF-8. An export may double it, with quotes or signs of a quotation, and stays below the bus's limit."""

ENTRY_BYTES: Final = 1000
"""What an entry takes besides its text and its fields, at most about."""


class ReplyRoom:
    """The room in one reply. It always takes the first entry, so that pages go on."""

    def __init__(self, limit: int, limit_bytes: int = REPLY_BYTES) -> None:
        """Begin a reply.

        Args:
            limit: most entries, at least 1.
            limit_bytes: about how many bytes they may take.
        """
        self._left = limit
        self._left_bytes = limit_bytes
        self._is_empty = True

    def takes(self, entry: HistoryEntry) -> bool:
        """Whether the entry still goes into the reply; its room is taken then."""
        in_fields = sum(len(name) + len(text) for name, text in entry.fields.items())
        size = ENTRY_BYTES + 4 * (len(entry.text) + in_fields)
        if self._left < 1 or (size > self._left_bytes and not self._is_empty):
            return False
        self._left -= 1
        self._left_bytes -= size
        self._is_empty = False
        return True


def taken(found: Iterable[HistoryEntry], room: ReplyRoom) -> tuple[list[HistoryEntry], bool]:
    """The entries that go into a reply, and whether more were found."""
    page: list[HistoryEntry] = []
    for entry in found:
        if not room.takes(entry):
            return page, True
        page.append(entry)
    return page, False
