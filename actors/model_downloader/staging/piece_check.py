"""Compares the pieces of a file with the digests that the manifest promises for them."""

from __future__ import annotations

import hashlib
import os

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges, covers, union
from actors.shared.places.rooted_place import AnyPlace, placed
from schemas.manifest import FilePromise

STEP_BYTES = 1 << 20


def proven_ranges(path: AnyPlace, promise: FilePromise, written: ByteRanges) -> ByteRanges:
    """The ranges of a file whose pieces have the promised digests; none if the manifest names no pieces.

    Proven bytes may be kept whatever representation they came from. Reads the file in steps of 1 MiB.

    Args:
        path: the file.
        promise: what the manifest says of it.
        written: what is there of it; pieces with a gap are not read.
    """
    pieces = promise.pieces
    if pieces is None or not written:
        return NO_BYTES
    found = []
    buffer = memoryview(bytearray(STEP_BYTES))
    try:
        with os.fdopen(placed(path).open(os.O_RDONLY), "rb", buffering=0) as file:
            for number, digest in enumerate(pieces.sha256):
                start = number * pieces.size_bytes
                end = min(start + pieces.size_bytes, promise.size_bytes)
                if start >= end or not covers(written, start, end):
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
