"""Small archives that would take much: of memory, of disk, or of time."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from actors.model_downloader.staging.archives.archive import unpack
from schemas.manifest import Unpack

HUGE = 1 << 30
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_END = struct.Struct("<4s4H2LH")


def zeros(compressor: zlib._Compress | bz2.BZ2Compressor | lzma.LZMACompressor, size_bytes: int) -> bytes:
    """So many zeros, packed."""
    block = bytes(1 << 20)
    found = [compressor.compress(block) for _ in range(size_bytes >> 20)]
    return b"".join([*found, compressor.flush()])


@functools.cache
def bzip2_zeros(blocks: int) -> bytes:
    """A stream of bzip2 in which each 45 bytes become 45 MB."""
    return zeros(bz2.BZ2Compressor(9), blocks * 45 << 20)


def lzma_of_zip(dictionary_bytes: int = 1 << 16, size_bytes: int = HUGE // 16) -> bytes:
    """Zeros as LZMA, with the properties that a zip has, which state any dictionary."""
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 0, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    packed = zeros(lzma.LZMACompressor(lzma.FORMAT_RAW, filters=filters), size_bytes)
    return struct.pack("<BBHBL", 9, 4, 5, 93, dictionary_bytes) + packed


def zip_of(
    members: list[tuple[str, int, bytes]],
    *,
    stated_bytes: int = HUGE,
    copies: int = 1,
) -> bytes:
    """A zip from its parts: name, number of the method, packed content.

    Args:
        members: what it holds.
        stated_bytes: unpacked size that each claims.
        copies: how often the table of contents names each, under names of their own.
    """
    content, table = bytearray(), bytearray()
    count = 0
    for name, method, packed in members:
        offset = len(content)
        content += _LOCAL.pack(
            b"PK\x03\x04", 20, 0, method, 0, 33, 0, len(packed), stated_bytes, len(name), 0
        )
        content += name.encode() + packed
        for copy in range(copies):
            alias = name if copies == 1 else f"{copy:0{len(name)}d}"
            table += _CENTRAL.pack(
                b"PK\x01\x02",
                20,
                3,
                20,
                0,
                0,
                method,
                0,
                33,
                0,
                len(packed),
                stated_bytes,
                len(name),
                0,
                0,
                0,
                0,
                0,
                offset,
            )
            table += alias.encode()
            count += 1
    shown = min(0xFFFF, count)
    end = _END.pack(b"PK\x05\x06", 0, 0, shown, shown, len(table), len(content), 0)
    return bytes(content + table + end)


def pax_headers(count: int, size_bytes: int) -> Iterator[bytes]:
    """Headers for all members, one after the other, that a reader of tars keeps."""
    for number in range(count):
        info = tarfile.TarInfo("pax")
        info.type = tarfile.XGLTYPE
        text = f"key{number}={'v' * size_bytes}\n"
        line = f"{len(text) + 8:07d} {text}".encode()
        info.size = len(line)
        yield info.tobuf(tarfile.USTAR_FORMAT) + line + bytes(-len(line) % 512)


def pax_members(count: int, size_bytes: int) -> Iterator[bytes]:
    """Members with a header of their own that a reader of tars keeps."""
    for number in range(count):
        info = tarfile.TarInfo(f"f{number}")
        info.pax_headers = {"comment": "v" * size_bytes}
        yield info.tobuf(tarfile.PAX_FORMAT)


def sparse_map(blocks: int) -> bytes:
    """A member whose map of holes goes on and on."""
    info = tarfile.TarInfo("holes")
    info.type = tarfile.GNUTYPE_SPARSE
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[482], head[148:156] = 1, b" " * 8
    head[148:156] = f"{sum(head[:512]):06o}\0 ".encode()
    block = b"00000000001\0" * 42 + b"\1" + bytes(7)
    return bytes(head) + block * blocks


def _xz(dictionary_bytes: int) -> bytes:
    """An xz that states a dictionary of this size."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    packed = bytearray(lzma.compress(bytes(1 << 16), filters=filters))
    size = packed[12] * 4 + 4
    at = packed.index(b"\x21\x01", 12, 12 + size) + 2
    packed[at] = next(n for n in range(41) if (2 | n & 1) << (n // 2 + 11) >= dictionary_bytes)
    packed[12 + size - 4 : 12 + size] = struct.pack("<L", zlib.crc32(packed[12 : 12 + size - 4]))
    return bytes(packed)


def _flate(size_bytes: int) -> bytes:
    return zeros(zlib.compressobj(9, zlib.DEFLATED, -15), size_bytes)


def _tar_of_zeros() -> bytes:
    info = tarfile.TarInfo("f")
    info.size = HUGE
    return info.tobuf(tarfile.USTAR_FORMAT)


BOMBS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "zip, stored": ("zip", lambda: zip_of([("f", 0, b"x" * 100)]), "checksum differs"),
    "zip, deflate": ("zip", lambda: zip_of([("f", 8, _flate(HUGE // 4))]), "come out of it"),
    "zip, bzip2": ("zip", lambda: zip_of([("f", 12, bzip2_zeros(4))]), "come out of it"),
    "zip, bzip2 in many members": (
        "zip",
        lambda: zip_of([(f"f{n}", 12, bzip2_zeros(1)) for n in range(40)]),
        "come out of it",
    ),
    "zip, lzma": ("zip", lambda: zip_of([("f", 14, lzma_of_zip())]), "come out of it"),
    "zip, lzma with a dictionary of 4 GB": (
        "zip",
        lambda: zip_of([("f", 14, lzma_of_zip(0xFFFFFFFF, 1 << 20))]),
        "dictionary takes 4294967295 bytes",
    ),
    "zip, deflate64": (
        "zip",
        lambda: zip_of([("f", 9, _flate(1 << 20))]),
        "method 9, not one of 0, 8, 12, 14",
    ),
    "zip, zstd": ("zip", lambda: zip_of([("f", 93, b"x")]), "method 93"),
    "zip, a method that nobody knows": ("zip", lambda: zip_of([("f", 4711, b"x")]), "method 4711"),
    "zip, members on top of each other": (
        "zip",
        lambda: zip_of([("f" * 9, 12, bzip2_zeros(1) * 40)], copies=1000),
        "on top of each other",
    ),
    "zip, less stated than comes out": (
        "zip",
        lambda: zip_of([("f", 8, _flate(8 << 20))], stated_bytes=10),
        "more than the stated 10 bytes",
    ),
    "zip, a million members": (
        "zip",
        lambda: zip_of([("f" * 7, 0, b"")], copies=1_000_000),
        "table of contents has more than",
    ),
    "zip, more members than allowed": (
        "zip",
        lambda: zip_of([(f"{n:05}", 0, b"") for n in range(10_001)], stated_bytes=0),
        "more than 10000 members",
    ),
    "tar, a file of zeros that is not there": ("tar", _tar_of_zeros, "unexpected end|come out of it|differs"),
    "tar.gz": ("tar.gz", lambda: gzip.compress(_tar_of_zeros() + bytes(HUGE // 4)), "come out of it"),
    "tar.bz2": ("tar.bz2", lambda: bz2.compress(_tar_of_zeros()) + bzip2_zeros(1) * 40, "come out of it"),
    "tar.xz": (
        "tar.xz",
        lambda: lzma.compress(_tar_of_zeros()) + zeros(lzma.LZMACompressor(preset=0), HUGE // 8),
        "come out of it",
    ),
    "tar.xz with a dictionary of 1 GB": ("tar.xz", lambda: _xz(1 << 30), "[Mm]emory usage limit"),
    "tar.gz, headers for all that are kept": (
        "tar.gz",
        lambda: gzip.compress(b"".join(pax_headers(60, 900_000)), 1),
        "come out of it|headers have more than|recursion",
    ),
    "tar.gz, headers of members that are kept": (
        "tar.gz",
        lambda: gzip.compress(b"".join(pax_members(60, 900_000)), 1),
        "come out of it|headers have more than",
    ),
    "tar, headers of members that are kept": (
        "tar",
        lambda: b"".join(pax_members(60, 900_000)),
        "headers have more than",
    ),
    "tar, a map of holes": ("tar", lambda: sparse_map(70_000), "headers have more than"),
}
"""Format, what makes it, and what the refusal says."""


def try_to_unpack(name: str, directory: str) -> int:
    """Unpack a bomb; returns how many files came out."""
    format, make, _ = BOMBS[name]
    del make
    root = Path(directory) / "root"
    root.mkdir()
    return len(unpack(Path(directory) / "bomb", Unpack(format=format), root, "bomb", ()))  # type: ignore[arg-type]
