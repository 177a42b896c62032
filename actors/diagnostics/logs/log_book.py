"""The log ring: the newest records of all actors, limited in number and in bytes. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

from schemas.operations.logs import LogLevel, LogRecord

LIMIT_RECORDS: Final = 500
LIMIT_BYTES: Final = 256 * 1024
RECORD_BYTES: Final = 100
"""What a record takes besides its texts."""

LEVELS: Final[tuple[LogLevel, ...]] = ("debug", "info", "warning", "error", "critical")


class LogBook:
    """Keeps the newest records.

    Attributes:
        dropped: number of records that were not kept, or are no longer kept.
    """

    def __init__(self, limit_records: int = LIMIT_RECORDS, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_records = limit_records
        self._limit_bytes = limit_bytes
        self._records: deque[LogRecord] = deque()
        self._size_bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def size_bytes(self) -> int:
        """Memory that the records take."""
        return self._size_bytes

    def append(self, record: LogRecord) -> None:
        """Keep a record and drop the oldest ones to make room. Drops a record that is too large by itself."""
        if size_of(record) > self._limit_bytes:
            self.dropped += 1
            return
        self._records.append(record)
        self._size_bytes += size_of(record)
        self._make_room()

    def resize(self, limit_records: int, limit_bytes: int) -> None:
        """Change the limits."""
        self._limit_records, self._limit_bytes = limit_records, limit_bytes
        self._make_room()

    def newest(
        self,
        *,
        actor: str | None = None,
        level: LogLevel = "debug",
        correlation: str = "",
        limit: int = LIMIT_RECORDS,
    ) -> list[LogRecord]:
        """Return the newest matching records, oldest first.

        Args:
            actor: None for all.
            level: the lowest level.
            correlation: empty for any.
            limit: most records.
        """
        least, found = LEVELS.index(level), deque[LogRecord]()
        for record in reversed(self._records):
            if len(found) >= limit:
                break
            if (
                LEVELS.index(record.level) >= least
                and actor in (None, record.actor)
                and correlation in ("", record.correlation)
            ):
                found.appendleft(record)
        return list(found)

    def _make_room(self) -> None:
        while len(self._records) > self._limit_records or self._size_bytes > self._limit_bytes:
            self._size_bytes -= size_of(self._records.popleft())
            self.dropped += 1


def size_of(record: LogRecord) -> int:
    """Return the number of bytes that a record counts for."""
    fields = sum(len(name) + len(value) for name, value in record.fields.items())
    return RECORD_BYTES + len(record.message) + len(record.traceback) + fields
