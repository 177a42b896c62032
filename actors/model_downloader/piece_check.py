"""Finds which bytes of a file are those that were promised, by the digests of its pieces."""

from __future__ import annotations

import hashlib
from pathlib import Path

from actors.model_downloader.transfer.byte_ranges import NO_BYTES, ByteRanges, have, union
from schemas.manifest import FilePromise

STEP_BYTES = 1 << 20


def proven(path: Path, promise: FilePromise, extents: ByteRanges) -> ByteRanges:
    """Those of the extents whose pieces have the digests of the manifest; none where it names no pieces.

    Bytes that are proven may be built upon, wherever they came from. Reads the file, in steps of 1 MiB.
    """
    pieces = promise.pieces
    if pieces is None or not extents:
        return NO_BYTES
    found = []
    buffer = memoryview(bytearray(STEP_BYTES))
    try:
        with path.open("rb", buffering=0) as file:
            for number, digest in enumerate(pieces.sha256):
                start = number * pieces.size_bytes
                end = min(start + pieces.size_bytes, promise.size_bytes)
                if start >= end or not have(extents, start, end):
                    continue
                file.seek(start)
                hashed = hashlib.sha256()
                while start < end:
                    count = file.readinto(buffer[: min(STEP_BYTES, end - start)])
                    if not count:
                        break
                    hashed.update(buffer[:count])
                    start += count
                if hashed.hexdigest() == digest:
                    found.append((number * pieces.size_bytes, end))
    except OSError:
        return NO_BYTES
    return union(found)
