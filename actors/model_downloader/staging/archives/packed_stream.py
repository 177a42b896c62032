"""Reads what deflate, bzip2 or LZMA packed, and never lets more come out at once than is asked for.

The readers of the standard library hand a decompressor all input that they have. Forty bytes of bzip2 become
45 MB by that, before anybody can count. Here the decompressor stops at what was asked for.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Final, Protocol

INPUT_BYTES: Final = 64 * 1024
"""Packed bytes that are read at once."""

MEMORY_LIMIT_BYTES: Final = 128 * 1024 * 1024
"""Memory for the dictionary of LZMA. `xz -9`, the most that xz makes by itself, takes 65 MiB."""

_FLATE: Final = -15
"""Deflate without a header, as in a zip."""

_GZIP: Final = 31
"""Deflate with the header and trailer of gzip."""

_LZMA_PROPERTIES_BYTES: Final = 5
_LC_LP_PB: Final = (9, 5, 5)


class Decompressor(Protocol):
    """Unpacks one stream: what `bz2` and `lzma` have."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without further input."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came behind the end of the stream."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """What comes out, at most so many bytes."""
        ...


class FlateDecompressor:
    """A `Decompressor` for deflate: `zlib` leaves to its caller what it has not taken yet."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self._is_full = False

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without further input."""
        return not self._is_full and not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What came behind the end of the stream."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """What comes out, at most so many bytes.

        Raises:
            zlib.error: it is no deflate.
        """
        found = self._inner.decompress(self._inner.unconsumed_tail + data, max(0, max_length))
        self._is_full = len(found) == max_length
        return found


class LzmaOfZip:
    """A `Decompressor` for LZMA in a zip, which begins with its properties (APPNOTE.TXT 5.8.8)."""

    def __init__(self) -> None:
        self._inner: lzma.LZMADecompressor | None = None
        self._head = b""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inner is not None and self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without further input."""
        return self._inner is None or self._inner.needs_input

    @property
    def unused_data(self) -> bytes:
        """What came behind the end of the stream."""
        return b"" if self._inner is None else self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """What comes out, at most so many bytes.

        Raises:
            lzma.LZMAError: it is no LZMA, or its dictionary takes more than the limit.
        """
        if self._inner is None:
            self._head += data
            size_bytes = int.from_bytes(self._head[2:4], "little")
            if len(self._head) < 4 + size_bytes or len(self._head) < 4:
                return b""
            self._inner = _raw_lzma(self._head[4 : 4 + size_bytes])
            data = self._head[4 + size_bytes :]
        return self._inner.decompress(data, max_length)


def _raw_lzma(properties: bytes) -> lzma.LZMADecompressor:
    if len(properties) != _LZMA_PROPERTIES_BYTES:
        raise lzma.LZMAError(
            f"expected {_LZMA_PROPERTIES_BYTES} bytes of properties, found {len(properties)}"
        )
    dictionary_bytes = int.from_bytes(properties[1:], "little")
    if dictionary_bytes > MEMORY_LIMIT_BYTES:
        raise lzma.LZMAError(
            f"its dictionary takes {dictionary_bytes} bytes, expected at most {MEMORY_LIMIT_BYTES}"
        )
    rest, lc = divmod(properties[0], _LC_LP_PB[0])
    pb, lp = divmod(rest, _LC_LP_PB[1])
    if pb >= _LC_LP_PB[2]:
        raise lzma.LZMAError(f"its properties begin with {properties[0]}")
    filters = [
        {"id": lzma.FILTER_LZMA1, "dict_size": max(4096, dictionary_bytes), "lc": lc, "lp": lp, "pb": pb}
    ]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=MEMORY_LIMIT_BYTES)


OF_TAR: Final[dict[str, Callable[[], Decompressor]]] = {
    "tar.gz": lambda: FlateDecompressor(_GZIP),
    "tar.bz2": bz2.BZ2Decompressor,
    "tar.xz": _xz,
}
"""What unpacks a tar. Several streams may follow each other."""

OF_ZIP: Final[dict[int, Callable[[], Decompressor]]] = {
    8: lambda: FlateDecompressor(_FLATE),
    12: bz2.BZ2Decompressor,
    14: LzmaOfZip,
}
"""What unpacks a member of a zip, by the number of its method. 0, which packs nothing, needs none."""


class PackedStream:
    """Reads from front to back.

    Args:
        source: the packed bytes.
        make: makes a decompressor; None: nothing is packed.
        packed_bytes: how many bytes of the source belong to it; None: all.
        is_one: it is one stream; else others may follow, and zeros behind the last.
    """

    def __init__(
        self,
        source: IO[bytes],
        make: Callable[[], Decompressor] | None,
        packed_bytes: int | None = None,
        *,
        is_one: bool = False,
    ) -> None:
        self._source = source
        self._make = make
        self._left_bytes = packed_bytes
        self._is_one = is_one
        self._inner: Decompressor | None = None
        self._ahead = b""
        self._has_ended = False
        self._is_first = True

    def read(self, count: int) -> bytes:
        """The next bytes; fewer than asked for at the end only.

        Args:
            count: how many, 0 or more.

        Raises:
            zlib.error, lzma.LZMAError, OSError, EOFError: what is packed is broken.
        """
        found = bytearray()
        while len(found) < count and not self._has_ended:
            wanted = count - len(found)
            found += self._take(wanted) if self._make is None else self._unpack(self._make, wanted)
        return bytes(found)

    def _take(self, wanted: int) -> bytes:
        if self._left_bytes is not None:
            wanted = min(wanted, self._left_bytes)
        found = self._source.read(wanted) if wanted else b""
        if self._left_bytes is not None:
            self._left_bytes -= len(found)
            if not found and self._left_bytes:
                raise EOFError("it ends in the middle")
        self._has_ended = self._has_ended or (not found and self._make is None)
        return found

    def _unpack(self, make: Callable[[], Decompressor], wanted: int) -> bytes:
        inner = self._inner
        if inner is not None and inner.eof:
            self._ahead, self._inner = inner.unused_data, None
            if self._is_one:
                self._has_ended = True
                return b""
            inner = None
        if inner is None:
            self._skip_padding()
            if self._has_ended:
                return b""
            inner = self._inner = make()
        packed, self._ahead = self._ahead, b""
        if not packed and inner.needs_input:
            packed = self._take(INPUT_BYTES)
            if not packed:
                raise EOFError("it ends in the middle")
        return inner.decompress(packed, wanted)

    def _skip_padding(self) -> None:
        """Between streams and behind the last one, zeros may stand."""
        is_first, self._is_first = self._is_first, False
        while not is_first:
            self._ahead = self._ahead.lstrip(b"\0")
            if self._ahead:
                return
            self._ahead = self._take(INPUT_BYTES)
            if not self._ahead:
                self._has_ended = True
                return
