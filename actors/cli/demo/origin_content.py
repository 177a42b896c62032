"""What an origin serves: files, and streams that are computed while they are sent."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

CHUNK_BYTES = 1 << 20


class OriginContent(Protocol):
    """Something with a length, a validator, and bytes that can be read from any position."""

    @property
    def size_bytes(self) -> int:
        """Length of the whole."""

    @property
    def etag(self) -> str:
        """Opaque part of a strong validator (RFC 9110 section 8.8.3), without quotes."""

    def read(self, start: int, stop: int) -> Iterator[bytes | memoryview]:
        """Bytes from `start` up to but not including `stop`, in pieces of at most 1 MiB."""


class FileContent:
    """A file as it lies on disk; its validator changes with its size or time of modification."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found = path.stat()
        self.size_bytes = found.st_size
        self.etag = f"{found.st_size:x}-{found.st_mtime_ns:x}"

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """See `OriginContent.read`."""
        with self._path.open("rb") as file:
            file.seek(start)
            while start < stop:
                piece = file.read(min(CHUNK_BYTES, stop - start))
                if not piece:
                    return
                start += len(piece)
                yield piece


class SyntheticContent:
    """A stream of any length in 1 MiB of memory. The seed determines it, and no two mebibytes are alike.

    Attributes:
        size_bytes: length of the stream.
        etag: names seed and length.
    """

    def __init__(self, size_bytes: int, seed: int = 0) -> None:
        self.size_bytes = size_bytes
        self.etag = f"synthetic-{seed}-{size_bytes}"
        self._block = random.Random(seed).randbytes(CHUNK_BYTES)  # noqa: S311  # it has to be reproducible

    def read(self, start: int, stop: int) -> Iterator[memoryview]:
        """See `OriginContent.read`; a piece is valid until the next one is asked for."""
        buffer = bytearray(self._block)
        while start < stop:
            index, offset = divmod(start, CHUNK_BYTES)
            end = min(CHUNK_BYTES, offset + stop - start)
            buffer[:8] = index.to_bytes(8, "big")
            yield memoryview(buffer)[offset:end]
            start += end - offset


def sha256_of(content: OriginContent) -> str:
    """Digest of the whole content, as a manifest promises it."""
    digest = hashlib.sha256()
    for piece in content.read(0, content.size_bytes):
        digest.update(piece)
    return digest.hexdigest()
