"""Appends lines to the open segment, each durable before the call returns."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from actors.history.segments.segment import SegmentEncoder, SegmentHeader, header_line
from actors.history.segments.segment_catalog import SegmentHead, SegmentRef
from actors.history.segments.segment_lines import LineCipher, LineKind
from actors.shared.durable.durable_write import sync_data, sync_file


class SegmentWriter:
    """The open segment.

    Attributes:
        number: position among the segments.
        size_bytes: length of the durable part.
        ref: the segment as if it ended with its newest durable line.
    """

    def __init__(self, path: Path, header: SegmentHeader, cipher: LineCipher) -> None:
        """Open the file of a new segment, which contains nothing but the header."""
        self.number = header.number
        self.size_bytes = len(header_line(header))
        self._encoder = SegmentEncoder(header, cipher)
        self.ref: SegmentRef = self._encoder.ref
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))

    @property
    def head(self) -> SegmentHead:
        """How far the segment is durable."""
        ref = self.ref
        return SegmentHead(number=ref.number, file=ref.file, sequence=ref.last, tag=ref.tag)

    def append(self, kind: LineKind, content: bytes) -> None:
        """Write one line and sync it.

        After a failure nothing may be appended any more: the end of the file is unknown, and the number of
        the line may have been used.

        Raises:
            OSError: the line is not durable; it was cut off again if the disk allowed that.
        """
        line = self._encoder.encode(kind, content)
        try:
            self._write(line)
            sync_data(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size_bytes)
                sync_file(self._descriptor)
            raise
        self.size_bytes += len(line)
        self.ref = self._encoder.ref

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
