"""Copies parts of a file that lies on this machine, as from a USB stick: shared where the file system can, copied otherwise."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult

from actors.model_downloader.staging.staged_file import StagedFile, disk_failed
from actors.model_downloader.transfer.fetch_failure import FetchFailed

STEP_BYTES = 8 * 1024 * 1024


class FileSource:
    """A file that a `file:` URL names.

    Attributes:
        validator: changes with the file's identity, length or time.
    """

    def __init__(self, parts: SplitResult, size_bytes: int, name: str) -> None:
        """Raises FetchFailed if it is not there, or is not the one that was promised."""
        if parts.netloc not in ("", "localhost"):
            raise FetchFailed("refused", f"{name}: file://{parts.netloc} is not this machine")
        from urllib.request import url2pathname  # late, since models from a stick are rare

        self._path = Path(url2pathname(parts.path))
        self._name = name
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise FetchFailed("refused", f"{name}: {self._path} cannot be read ({error.strerror})") from error
        found = os.fstat(self._descriptor)
        self.validator = f'"{found.st_dev:x}-{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"'
        if found.st_size != size_bytes:
            self.close()
            raise FetchFailed(
                "refused", f"{name}: {self._path} has {found.st_size} bytes, expected {size_bytes}"
            )

    def copy(self, target: StagedFile, position: int, end: int, wrote: Callable[[int], None]) -> None:
        """Copy bytes to the same place of a staged file; `wrote` is told of every step.

        Raises:
            FetchFailed: they cannot be read.
            DiskFailed: they cannot be written.
        """
        while position < end:
            count = self._step(target, position, min(STEP_BYTES, end - position))
            if not count:
                raise FetchFailed("network", f"{self._name}: {self._path} ends at byte {position}")
            position += count
            wrote(count)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _step(self, target: StagedFile, position: int, count: int) -> int:
        if sys.platform == "linux":
            try:
                return os.copy_file_range(self._descriptor, target.descriptor, count, position, position)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise disk_failed(target.path, error) from error
        try:
            os.lseek(self._descriptor, position, os.SEEK_SET)
            piece = os.read(self._descriptor, count)
        except OSError as error:
            raise FetchFailed(
                "network", f"{self._name}: {self._path} cannot be read ({error.strerror})"
            ) from error
        target.write(position, piece)
        return len(piece)
