"""Which bytes of a file are there: half-open ranges that are sorted and neither touch nor overlap. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

ByteRange = tuple[int, int]
ByteRanges = tuple[ByteRange, ...]

NO_BYTES: ByteRanges = ()


def union(*many: Iterable[ByteRange]) -> ByteRanges:
    """What at least one of them has."""
    found: list[ByteRange] = []
    for start, end in sorted(extent for extents in many for extent in extents if extent[0] < extent[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def gaps(extents: ByteRanges, size_bytes: int) -> ByteRanges:
    """What is missing of a file of this length."""
    found, position = [], 0
    for start, end in extents:
        if start > position:
            found.append((position, min(start, size_bytes)))
        position = max(position, end)
    if position < size_bytes:
        found.append((position, size_bytes))
    return tuple(extent for extent in found if extent[0] < extent[1])


def within(extents: ByteRanges, size_bytes: int) -> bool:
    """Whether they lie in a file of this length, in order, without touching each other."""
    edges = [edge for extent in extents for edge in extent]
    return all(before < after for before, after in itertools.pairwise(edges)) and (
        not edges or (edges[0] >= 0 and edges[-1] <= size_bytes)
    )


def total(extents: ByteRanges) -> int:
    """How many bytes they have."""
    return sum(end - start for start, end in extents)


def prefix(extents: ByteRanges) -> int:
    """How many bytes there are from the first one on without a gap."""
    return extents[0][1] if extents and extents[0][0] == 0 else 0


def have(extents: ByteRanges, start: int, end: int) -> bool:
    """Whether every byte of a range is there."""
    return any(first <= start and end <= last for first, last in extents)
