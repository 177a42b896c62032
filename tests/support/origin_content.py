"""What tests have an origin serve: bytes in memory, and the contents that the tour uses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from actors.cli.demo.origin_content import CHUNK_BYTES, OriginContent, SyntheticContent, sha256_of

__all__ = ["BytesContent", "OriginContent", "SyntheticContent", "sha256_of"]


class BytesContent:
    """Bytes in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)
        self.etag = hashlib.sha256(content).hexdigest()[:32]

    @property
    def size_bytes(self) -> int:
        """Length of the whole."""
        return len(self._content)

    def read(self, start: int, stop: int) -> Iterator[memoryview]:
        """See `OriginContent.read`."""
        for position in range(start, stop, CHUNK_BYTES):
            yield self._content[position : min(position + CHUNK_BYTES, stop)]
