"""Log files, for users who ask for them: rotated, private, and off again after a while."""

from __future__ import annotations

import contextlib
import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.quarantine import claim_directory, claim_file
from actors.shared.places.root_directory import PlaceRefused
from actors.shared.places.rooted_place import placed
from actors.shared.places.shared_root import shared_root_words
from actors.shared.steering_signs import escaped_json
from schemas.operations.logs import LogRecord

NAME: Final = "undercroft.jsonl"
LIMIT_BYTES: Final = 5 * 1024 * 1024
IGNORE_ALL: Final = "# Logs are nobody else's to read.\n*\n"
ROTATED_FILES: Final = 5
"""Number of earlier files that stay beside the current one."""


class LogFiles:
    """Writes records as JSON Lines. Nothing is synced, because nothing is acknowledged."""

    def __init__(
        self, directory: Path, limit_bytes: int = LIMIT_BYTES, rotated_files: int = ROTATED_FILES
    ) -> None:
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._rotated_files = rotated_files
        self._encoder = msgspec.json.Encoder()
        self._is_ours = False

    @property
    def path(self) -> Path:
        """The file that is being written."""
        return self._directory / NAME

    def write(self, records: list[LogRecord]) -> None:
        """Append records; first rotate the file if it would exceed its limit.

        What has the name of the directory or of a file and can never be one is put aside.

        Raises:
            SharedRoot, OSError: they cannot be written.
        """
        if not self._directory.is_dir():
            claim_directory(self._directory, follows_link=True)
        if not self._is_ours and (words := shared_root_words(self._directory)):
            raise PlaceRefused(errno.EACCES, words, str(self._directory))
        self._is_ours = True
        self._keep_out_of_git()
        content = escaped_json(self._encoder.encode_lines(records).decode()).encode()
        self._rotate(len(content))
        descriptor = placed(self.path).open(os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    def _keep_out_of_git(self) -> None:
        """Ignore the directory, should it lie in a working tree. An existing `.gitignore` stays unchanged."""
        path = self._directory / ".gitignore"
        if not path.exists():
            with contextlib.suppress(FileExistsError), path.open("x", encoding="ascii") as file:
                file.write(IGNORE_ALL)

    def _rotated(self, number: int) -> Path:
        return self._directory / f"{NAME}.{number}"

    def _rotate(self, coming_bytes: int) -> None:
        claim_file(self.path)
        try:
            size_bytes = self.path.stat().st_size
        except FileNotFoundError:
            return
        if size_bytes + coming_bytes <= self._limit_bytes:
            return
        for number in range(self._rotated_files, 0, -1):
            claim_file(self._rotated(number))
            newer = self._rotated(number - 1) if number > 1 else self.path
            claim_file(newer)
            if newer.exists():
                newer.replace(self._rotated(number))


def are_due(enabled: bool, until: str, now: float) -> bool:
    """Whether files are to be written at this moment.

    Args:
        enabled: whether the user asked for them.
        until: last day as YYYY-MM-DD in UTC; empty for no end.
        now: seconds since the Unix epoch.
    """
    if not enabled or not until:
        return enabled
    try:
        end = datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return False
    return now < end + 24 * 3600


def are_over(enabled: bool, until: str, now: float) -> bool:
    """Whether files were requested until a day that has passed; arguments as for `are_due`."""
    return enabled and bool(until) and not are_due(enabled, until, now)
