"""Reads an archive from front to back, and counts what comes out, whatever its headers claim."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from actors.model_downloader.staging.member_paths import MemberUnfit

MEMBERS_LIMIT = 10_000
UNPACKED_LIMIT_BYTES = 64 * 1024**3
RATIO_LIMIT = 200
"""Weights hardly shrink and text shrinks by ten; what shrinks by more than this was made to hurt."""

RATIO_GRACE_BYTES = 16 * 1024 * 1024
"""This much may come out of any archive, however small it is."""

BUFFER_BYTES = 1 << 20
_NO_FILE = "it is a link or a device"


@dataclass(frozen=True)
class ArchiveLimits:
    """How much may come out of one archive."""

    members: int = MEMBERS_LIMIT
    unpacked_bytes: int = UNPACKED_LIMIT_BYTES
    ratio: int = RATIO_LIMIT
    grace_bytes: int = RATIO_GRACE_BYTES


class UnpackMeter:
    """Counts members and bytes of one archive."""

    def __init__(self, packed_bytes: int, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._allowed_bytes = min(limits.unpacked_bytes, packed_bytes * limits.ratio + limits.grace_bytes)
        self._members = 0
        self._bytes = 0

    def count_member(self) -> None:
        """Count one member more.

        Raises:
            MemberUnfit: there are too many.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise MemberUnfit("", f"it holds more than {self._limits.members} members")

    def count_bytes(self, count: int) -> None:
        """Count bytes that came out.

        Raises:
            MemberUnfit: there are too many.
        """
        self._bytes += count
        if self._bytes > self._allowed_bytes:
            excess = "which is more than a model of its size can hold"
            raise MemberUnfit("", f"more than {self._allowed_bytes} bytes come out of it, {excess}")


@dataclass(frozen=True)
class ArchiveMember:
    """One file or directory of an archive.

    Attributes:
        name: as it stands in the archive.
        open: reads its content.
    """

    name: str
    is_directory: bool
    open: Callable[[], IO[bytes]]


def archive_members(
    archive: Path, format: str, meter: UnpackMeter, stack: ExitStack
) -> Iterator[ArchiveMember]:
    """The members of an archive, each to be read before the next one is asked for.

    Args:
        archive: the file.
        format: one of those of `schemas.manifest.Unpack`.
        meter: counts them, and the bytes of tar archives.
        stack: closes what is opened.

    Raises:
        MemberUnfit: one is neither file nor directory, or too much came out.
    """
    if format == "zip":
        members = _zip_members(stack.enter_context(zipfile.ZipFile(archive)))
    else:
        source = MeteredReader(stack.enter_context(_decompressed(archive, format)), meter)
        opened = tarfile.open(fileobj=source, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115  # it reads, seeks and tells; the stack closes it
        members = _tar_members(stack.enter_context(opened))
    for member in members:
        meter.count_member()
        yield member


class MeteredReader:
    """What tarfile reads from: counts each byte, reads little at once, goes back within the last read only.

    tarfile reads extended headers at once, of whatever length they claim, and steps back by one byte before
    each header.
    """

    def __init__(self, source: IO[bytes], meter: UnpackMeter) -> None:
        self._source = source
        self._meter = meter
        self._kept = b""
        self._kept_from = 0
        self._at = 0

    def tell(self) -> int:
        """Position in the unpacked archive."""
        return self._at

    def read(self, count: int = -1) -> bytes:
        """The next bytes; fewer than asked for at the end only.

        Raises:
            MemberUnfit: more is asked for than a sane header has, or too much came out in all.
        """
        if not 0 <= count <= BUFFER_BYTES:
            raise MemberUnfit("", f"it has a header of {count} bytes")
        offset = self._at - self._kept_from
        found = self._kept[offset : offset + count]
        if len(found) < count:
            fresh = self._source.read(count - len(found))
            self._meter.count_bytes(len(fresh))
            self._kept_from = self._kept_from + len(self._kept) - len(found)
            self._kept = found = found + fresh
        self._at += len(found)
        return found

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position; forward by reading.

        Raises:
            MemberUnfit: it lies before what the last read brought.
        """
        if whence != 0 or position < self._kept_from:
            raise MemberUnfit("", "it cannot be read from front to back")
        self._at = min(self._at, self._kept_from + len(self._kept))
        if position <= self._kept_from + len(self._kept):
            self._at = position
        while self._at < position and self.read(min(BUFFER_BYTES, position - self._at)):
            pass
        return self._at


def _zip_members(archive: zipfile.ZipFile) -> Iterator[ArchiveMember]:
    for info in archive.infolist():
        if info.flag_bits & 0x1:
            raise MemberUnfit(info.filename, "it is encrypted")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise MemberUnfit(info.filename, _NO_FILE)

        def read(info: zipfile.ZipInfo = info) -> IO[bytes]:
            return archive.open(info)

        yield ArchiveMember(info.filename, info.is_dir(), read)


def _tar_members(archive: tarfile.TarFile) -> Iterator[ArchiveMember]:
    for info in archive:
        if not (info.isreg() or info.isdir()):
            raise MemberUnfit(info.name, _NO_FILE)

        def read(info: tarfile.TarInfo = info) -> IO[bytes]:
            opened = archive.extractfile(info)
            assert opened is not None, "only files are read"
            return opened

        yield ArchiveMember(info.name, info.isdir(), read)


def _decompressed(archive: Path, format: str) -> IO[bytes]:
    openers: dict[str, Any] = {"tar.gz": gzip.open, "tar.bz2": bz2.open, "tar.xz": lzma.open}
    return openers.get(format, open)(archive, "rb")  # type: ignore[no-any-return]  # each of them reads bytes
