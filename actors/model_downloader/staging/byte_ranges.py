"""Sets of byte ranges: half-open, sorted, and neither touching nor overlapping. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

ByteRange = tuple[int, int]
"""The bytes [start, end) of a file."""

ByteRanges = tuple[ByteRange, ...]

NO_BYTES: ByteRanges = ()


def union(*sets: Iterable[ByteRange]) -> ByteRanges:
    """The bytes that at least one of the sets has."""
    found: list[ByteRange] = []
    for start, end in sorted(one for ranges in sets for one in ranges if one[0] < one[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def gaps(ranges: ByteRanges, size_bytes: int) -> ByteRanges:
    """The bytes that are missing from a file of this length."""
    found, position = [], 0
    for start, end in ranges:
        if start > position:
            found.append((position, min(start, size_bytes)))
        position = max(position, end)
    if position < size_bytes:
        found.append((position, size_bytes))
    return tuple(one for one in found if one[0] < one[1])


def fit_into(ranges: ByteRanges, size_bytes: int) -> bool:
    """Whether the ranges are sorted and apart from each other, and lie in a file of this length."""
    edges = [edge for one in ranges for edge in one]
    return all(before < after for before, after in itertools.pairwise(edges)) and (
        not edges or (edges[0] >= 0 and edges[-1] <= size_bytes)
    )


def total_bytes(ranges: ByteRanges) -> int:
    """How many bytes the ranges have in all."""
    return sum(end - start for start, end in ranges)


def prefix_bytes(ranges: ByteRanges) -> int:
    """How many bytes there are from the first one on without a gap."""
    return ranges[0][1] if ranges and ranges[0][0] == 0 else 0


def covers(ranges: ByteRanges, start: int, end: int) -> bool:
    """Whether every byte of [start, end) is there."""
    return any(first <= start and end <= last for first, last in ranges)
