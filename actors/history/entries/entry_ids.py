"""Entry ids that sort by time: UUIDs of version 7 (RFC 9562, section 5.7). Pure: handed the time."""

from __future__ import annotations

import uuid
from typing import Final

from schemas.bounds import LAST_UNIX_SECOND

COUNTER_BITS: Final = 12
_RANDOM_BITS: Final = 62
LAST_MILLISECOND: Final = LAST_UNIX_SECOND * 1000
"""Ids of later times are mistakes: all that come after them would have to be later still."""


class EntryIds:
    """Makes ids that only go up, even within one millisecond and after the clock was set back.

    Uses a counter of its own, as in RFC 9562, section 6.2, method 1.
    """

    def __init__(self) -> None:
        self._milliseconds = 0
        self._counter = 0

    def next(self, now: float, random_bits: int) -> str:
        """Return an id for this moment.

        Args:
            now: seconds since the Unix epoch.
            random_bits: at least 62 random bits.
        """
        milliseconds = int(now * 1000)
        if milliseconds > self._milliseconds:
            self._milliseconds, self._counter = milliseconds, 0
        else:
            self._counter += 1
            if self._counter >> COUNTER_BITS:
                self._milliseconds, self._counter = self._milliseconds + 1, 0
        number = (self._milliseconds & ((1 << 48) - 1)) << 80
        number |= 0x7 << 76 | self._counter << 64
        number |= 0b10 << 62 | random_bits & ((1 << _RANDOM_BITS) - 1)
        return str(uuid.UUID(int=number))

    def continue_after(self, entry_id: str) -> None:
        """Make only ids that are greater than this one, unless its time is a mistake or it is no id."""
        try:
            number = uuid.UUID(entry_id).int
        except ValueError:
            return
        milliseconds, counter = number >> 80, number >> 64 & ((1 << COUNTER_BITS) - 1)
        if milliseconds < LAST_MILLISECOND and (milliseconds, counter) > (self._milliseconds, self._counter):
            self._milliseconds, self._counter = milliseconds, counter


def is_entry_id(text: str) -> bool:
    """Whether the text is a UUID of version 7 in canonical form, of a time before the year 3000."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        return False
    return found.version == 7 and str(found) == text and found.int >> 80 < LAST_MILLISECOND
