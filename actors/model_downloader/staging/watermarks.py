"""How far each part is written, told to the kernel with every write: what a killed process wrote is not fetched again.

The kernel keeps what it took when a process is killed, but not in a power cut; the journal counts only what
is on the platters. So this file is believed only in the run of the machine in which it was written.
"""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path

from actors.model_downloader.staging.byte_ranges import ByteRange, ByteRanges, union

WATERMARKS_NAME = "written.marks"
_MARK = struct.Struct("<QQQ")
NO_MARK = -1
MARKS_MOST = 16_384
"""Further parts are not marked: after a kill they go on at what the journal counts."""


class Watermarks:
    """The marks of one staging directory. Where the platform cannot write at an offset, nothing is marked."""

    def __init__(self, directory: Path) -> None:
        """Raises OSError if the file cannot be made."""
        self._lock = threading.Lock()
        self._used: list[tuple[int, int]] = []
        self._descriptor = -1
        if hasattr(os, "pwrite"):
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
            self._descriptor = os.open(directory / WATERMARKS_NAME, flags, 0o600)

    def begin(self, file: int, start: int) -> int:
        """A part of a file (by its place in the manifest) begins; returns its mark, or NO_MARK."""
        with self._lock:
            if self._descriptor < 0 or len(self._used) >= MARKS_MOST:
                return NO_MARK
            self._used.append((file, start))
            number = len(self._used) - 1
            os.pwrite(self._descriptor, _MARK.pack(file, start, start), number * _MARK.size)
            return number

    def move(self, mark: int, position: int) -> None:
        """A part is written up to a position."""
        if mark != NO_MARK:
            os.pwrite(self._descriptor, position.to_bytes(8, "little"), mark * _MARK.size + 16)

    def void(self, file: int) -> None:
        """Nothing that was written of a file counts any more."""
        with self._lock:
            for number, (known, start) in enumerate(self._used):
                if known == file and self._descriptor >= 0:
                    os.pwrite(self._descriptor, _MARK.pack(file, start, start), number * _MARK.size)

    def close(self) -> None:
        """Close the file, which stays."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1


def read_watermarks(directory: Path, files: int) -> list[ByteRanges]:
    """What the marks of a directory say was written of each of so many files; nothing if they cannot be read."""
    found: list[list[ByteRange]] = [[] for _ in range(files)]
    try:
        descriptor = os.open(directory / WATERMARKS_NAME, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(MARKS_MOST * _MARK.size)
    except OSError:
        return [() for _ in range(files)]
    for number, start, position in _MARK.iter_unpack(content[: len(content) // _MARK.size * _MARK.size]):
        if number < files and start < position:
            found[number].append((start, position))
    return [union(extents) for extents in found]
