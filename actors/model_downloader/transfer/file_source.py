"""Copies parts of a file on this machine, as on a USB stick. Shares blocks where the disk can."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult

from actors.model_downloader.staging.staged_file import StagedFile, disk_failed
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.shared.durable.file_identity import FileIdentity

STEP_BYTES = 8 * 1024 * 1024


class FileSource:
    """A file that a `file:` URL names.

    Attributes:
        validator: changes with the identity, length or time of the file; as a strong ETag would.
    """

    def __init__(self, parts: SplitResult, size_bytes: int, name: str) -> None:
        """Open the file.

        Args:
            parts: of the URL.
            size_bytes: length that the manifest promises.
            name: of the file, for sentences.

        Raises:
            FetchFailed: it cannot be read, or has another length.
        """
        if parts.netloc not in ("", "localhost"):
            raise FetchFailed("refused", f"{name}: file://{parts.netloc} is not this machine")
        from urllib.request import url2pathname  # late, since models from a stick are rare

        self._path = Path(url2pathname(parts.path))
        self._name = name
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise FetchFailed("refused", f"{name}: {self._path} cannot be read ({error.strerror})") from error
        found = FileIdentity.of(self._descriptor)
        self.validator = f'"{found.device:x}-{found.inode:x}-{found.size_bytes:x}-{found.mtime_ns:x}"'
        if found.size_bytes != size_bytes:
            self.close()
            problem = f"{self._path} has {found.size_bytes} bytes, expected {size_bytes}"
            raise FetchFailed("refused", f"{name}: {problem}")

    def copy(self, target: StagedFile, position: int, end: int, wrote: Callable[[int], None]) -> None:
        """Copy the range [position, end) to the same place of a staged file.

        Args:
            target: the staged file.
            position: where the range begins.
            end: where it ends.
            wrote: called with the number of bytes after each step; what it raises ends the copy.

        Raises:
            FetchFailed: the bytes cannot be read.
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
            content = os.read(self._descriptor, count)
        except OSError as error:
            problem = f"{self._path} cannot be read ({error.strerror})"
            raise FetchFailed("network", f"{self._name}: {problem}") from error
        target.write(position, content)
        return len(content)
