"""What the settings say about logs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from actors.diagnostics.logs.log_book import LIMIT_BYTES, LIMIT_RECORDS
from schemas.operations.logs import LogLevel


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """Section `diagnostics` of the settings.

    Attributes:
        level: of all actors without a level of their own.
        entries: most records in memory.
        size_bytes: most memory for records.
        to_files: whether log files are written.
        file_until: last day of log files, as YYYY-MM-DD in UTC; empty for no end.
    """

    level: LogLevel = "info"
    entries: int = LIMIT_RECORDS
    size_bytes: int = LIMIT_BYTES
    to_files: bool = False
    file_until: str = ""

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Self:
        """Read the settings. What is missing keeps its default."""
        found = settings.get("diagnostics", {})
        return cls(
            level=found.get("log_level", "info"),
            entries=found.get("log_entries", LIMIT_RECORDS),
            size_bytes=found.get("log_kib", LIMIT_BYTES // 1024) * 1024,
            to_files=found.get("file_logs", False),
            file_until=found.get("file_logs_until", ""),
        )
