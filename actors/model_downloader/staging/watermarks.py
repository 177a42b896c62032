"""Watermarks: how far each part is written, so that what a killed process wrote is not fetched again.

The kernel keeps what it took when a process is killed, but not in a power cut. The journal counts only what
is on the disk. So the marks are believed only in the run of the machine in which they were written.
"""

from __future__ import annotations

import os
import struct
import threading

from actors.model_downloader.staging.byte_ranges import ByteRange, ByteRanges, union
from actors.shared.places.rooted_place import AnyPlace, below

WATERMARKS_NAME = "written.marks"
NO_MARK = -1
MARKS_MOST = 16_384
"""Further parts get no mark: after a kill they continue at what the journal counts."""

_MARK = struct.Struct("<QQQ")
_POSITION_AT = 16


class Watermarks:
    """The marks of one staging directory. Where the platform cannot write at an offset, there are none."""

    def __init__(self, directory: AnyPlace) -> None:
        """Create the file, empty.

        Raises:
            OSError: the disk refused.
        """
        self._lock = threading.Lock()
        self._used: list[tuple[int, int]] = []
        self._descriptor = -1
        if hasattr(os, "pwrite"):
            marks = below(directory) / WATERMARKS_NAME
            self._descriptor = marks.open(os.O_RDWR | os.O_CREAT | os.O_TRUNC)

    def begin(self, file: int, start: int) -> int:
        """Mark where a part begins; returns the number of its mark, or NO_MARK.

        Args:
            file: place of the file in the manifest.
            start: first byte of the part.

        Raises:
            OSError: the disk refused.
        """
        with self._lock:
            if self._descriptor < 0 or len(self._used) >= MARKS_MOST:
                return NO_MARK
            self._used.append((file, start))
            number = len(self._used) - 1
            os.pwrite(self._descriptor, _MARK.pack(file, start, start), number * _MARK.size)
            return number

    def move(self, mark: int, position: int) -> None:
        """Note that a part is written up to a position.

        Raises:
            OSError: the disk refused.
        """
        if mark != NO_MARK:
            os.pwrite(self._descriptor, position.to_bytes(8, "little"), mark * _MARK.size + _POSITION_AT)

    def void(self, file: int) -> None:
        """Let nothing count any more that was written of a file.

        Raises:
            OSError: the disk refused.
        """
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


def read_watermarks(directory: AnyPlace, files: int) -> list[ByteRanges]:
    """What the marks of a directory say was written of each file; nothing if they cannot be read.

    Args:
        directory: the staging directory.
        files: how many files the model has.
    """
    found: list[list[ByteRange]] = [[] for _ in range(files)]
    try:
        with os.fdopen((below(directory) / WATERMARKS_NAME).open(os.O_RDONLY), "rb") as file:
            content = file.read(MARKS_MOST * _MARK.size)
    except OSError:
        return [() for _ in range(files)]
    for number, start, position in _MARK.iter_unpack(content[: len(content) // _MARK.size * _MARK.size]):
        if number < files and start < position:
            found[number].append((start, position))
    return [union(ranges) for ranges in found]
