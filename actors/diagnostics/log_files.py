"""Log files, for those who ask for them: rotated, readable by their owner alone, and off again after a while."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.durable_write import make_directory
from schemas.operations.logs import LogRecord

NAME: Final = "undercroft.jsonl"
LIMIT_BYTES: Final = 5 * 1024 * 1024
IGNORED: Final = "# Logs are nobody else's to read.\n*\n"
KEPT_FILES: Final = 5
"""So many former files stay beside the one that is written."""


class FileLog:
    """Writes records as JSON Lines. Nothing is acknowledged by it, so nothing is synced."""

    def __init__(self, directory: Path, limit_bytes: int = LIMIT_BYTES, kept_files: int = KEPT_FILES) -> None:
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._kept_files = kept_files
        self._encoder = msgspec.json.Encoder()

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._directory / NAME

    def write(self, records: list[LogRecord]) -> None:
        """Append records; a file that has grown to its limit becomes a former one.

        Raises:
            OSError: they cannot be written.
        """
        if not self._directory.is_dir():
            make_directory(self._directory)
        self._ignore()
        content = self._encoder.encode_lines(records)
        self._rotate(len(content))
        descriptor = os.open(
            self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600
        )
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    def former(self) -> list[Path]:
        """The former files that are there, the newest first."""
        return [path for path in map(self._former, range(1, self._kept_files + 1)) if path.exists()]

    def _ignore(self) -> None:
        """Keep the directory out of source control, should it lie in a working tree. What lies there already stays as it is."""
        path = self._directory / ".gitignore"
        if not path.exists():
            with contextlib.suppress(FileExistsError), path.open("x", encoding="ascii") as file:
                file.write(IGNORED)

    def _former(self, number: int) -> Path:
        return self._directory / f"{NAME}.{number}"

    def _rotate(self, coming_bytes: int) -> None:
        try:
            size_bytes = self.path.stat().st_size
        except FileNotFoundError:
            return
        if size_bytes + coming_bytes <= self._limit_bytes:
            return
        for number in range(self._kept_files, 0, -1):
            newer = self._former(number - 1) if number > 1 else self.path
            if newer.exists():
                newer.replace(self._former(number))


def is_due(enabled: bool, until: str, now: float) -> bool:
    """Whether files are to be written at this moment.

    Args:
        enabled: a person asked for them.
        until: date (YYYY-MM-DD, UTC) from whose end on they are off again; empty for no end.
        now: seconds since the Unix epoch.
    """
    if not enabled or not until:
        return enabled
    try:
        end = datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return False
    return now < end + 24 * 3600


def is_over(enabled: bool, until: str, now: float) -> bool:
    """Whether files were asked for until a day that has passed; arguments as for `is_due`."""
    return enabled and bool(until) and not is_due(enabled, until, now)
