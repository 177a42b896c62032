"""Reads a zip: `zipfile` reads its table of contents, and no more; members are unpacked a little at a time.

`zipfile` reads a table of any size at once, and hands all packed bytes that it has to a decompressor. The
table is therefore bounded before it is read, and `packed_stream.py` unpacks.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

from actors.model_downloader.staging.archives.member_paths import MemberUnfit
from actors.model_downloader.staging.archives.packed_stream import OF_ZIP, PackedStream

DIRECTORY_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""Table of contents: 400 bytes for each of 10,000 members. `zipfile` takes twenty times as much memory."""

STORED: Final = 0
_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
_LOCAL_SIGNATURE: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 0x1
_NOT_PLAIN: Final = 0x20 | 0x40
"""Patches, and encryption of another kind."""


class ZipDirectory(io.RawIOBase):
    """What `zipfile` reads from: never more than a table of contents may have."""

    def __init__(self, source: IO[bytes]) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position."""
        return self._source.seek(position, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._source.tell()

    def read(self, count: int = -1) -> bytes:
        """The next bytes.

        Args:
            count: how many; negative: all that are left.

        Raises:
            MemberUnfit: there are too many.
        """
        if count <= DIRECTORY_LIMIT_BYTES:
            found = self._source.read(count if count >= 0 else DIRECTORY_LIMIT_BYTES + 1)
            if len(found) <= DIRECTORY_LIMIT_BYTES:
                return found
        raise MemberUnfit("", f"its table of contents has more than {DIRECTORY_LIMIT_BYTES} bytes")


class ZipMember:
    """The content of one member.

    Raises:
        zipfile.BadZipFile: it is not where the table of contents says.
        MemberUnfit: nothing here unpacks it.
    """

    def __init__(self, source: IO[bytes], info: zipfile.ZipInfo) -> None:
        make = OF_ZIP.get(info.compress_type)
        if make is None and info.compress_type != STORED:
            known = ", ".join(map(str, sorted((STORED, *OF_ZIP))))
            raise MemberUnfit(
                info.filename, f"it is packed with method {info.compress_type}, not one of {known}"
            )
        _find_content(source, info)
        self._stream = PackedStream(source, make, info.compress_size, is_one=True)
        self._info = info
        self._checksum = 0
        self._size_bytes = 0

    def read(self, count: int) -> bytes:
        """The next bytes; none at the end.

        Raises:
            zipfile.BadZipFile: it is not what the table of contents says.
            zlib.error, lzma.LZMAError, OSError, EOFError: what is packed is broken.
        """
        found = self._stream.read(count)
        self._checksum = zlib.crc32(found, self._checksum)
        self._size_bytes += len(found)
        if self._size_bytes > self._info.file_size:
            raise zipfile.BadZipFile(f"more than the stated {self._info.file_size} bytes come out")
        if not found and (self._size_bytes, self._checksum) != (self._info.file_size, self._info.CRC):
            raise zipfile.BadZipFile("size or checksum differs from what is stated")
        return found

    def close(self) -> None:
        """Nothing is held."""


def table_of_contents(source: IO[bytes], packed_bytes: int) -> Iterator[zipfile.ZipInfo]:
    """What is in a zip.

    Args:
        source: the file; it has to be able to seek.
        packed_bytes: its size.

    Raises:
        MemberUnfit: one is encrypted, a link or a device; they are too many, or overlap.
        zipfile.BadZipFile: it is no zip.
    """
    with zipfile.ZipFile(ZipDirectory(source)) as archive:
        found = archive.infolist()
    if sum(info.compress_size for info in found) > packed_bytes:
        raise MemberUnfit("", "its members lie on top of each other")
    for info in found:
        if info.flag_bits & _ENCRYPTED:
            raise MemberUnfit(info.filename, "it is encrypted")
        if info.flag_bits & _NOT_PLAIN:
            raise MemberUnfit(info.filename, "it is a patch, or encrypted")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise MemberUnfit(info.filename, "it is a link or a device")
        yield info


def _find_content(source: IO[bytes], info: zipfile.ZipInfo) -> None:
    """Go to the content of a member, behind the header that repeats its name."""
    source.seek(info.header_offset)
    head = source.read(_LOCAL_HEADER.size)
    if len(head) != _LOCAL_HEADER.size or not head.startswith(_LOCAL_SIGNATURE):
        raise zipfile.BadZipFile(f"member {info.filename!r} is not where its table of contents says")
    _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(head)
    name = source.read(name_bytes)
    expected = info.orig_filename
    if name not in (expected.encode("utf-8", "replace"), expected.encode("cp437", "replace")):
        raise zipfile.BadZipFile(f"member {info.filename!r} has another name in its header")
    source.seek(extra_bytes, io.SEEK_CUR)
