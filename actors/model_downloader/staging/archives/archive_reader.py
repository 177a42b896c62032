"""Reads an archive from front to back, and counts what comes out, whatever its headers claim."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Protocol

from actors.model_downloader.staging.archives.member_paths import MemberUnfit
from actors.model_downloader.staging.archives.packed_stream import OF_TAR, PackedStream
from actors.model_downloader.staging.archives.zip_members import ZipMember, table_of_contents
from actors.shared.places.rooted_place import AnyPlace, placed

MEMBERS_LIMIT = 10_000
UNPACKED_LIMIT_BYTES = 64 * 1024**3
RATIO_LIMIT = 200
"""Weights hardly shrink and text shrinks by ten; what shrinks by more than this was made to hurt."""

RATIO_GRACE_BYTES = 16 * 1024 * 1024
"""This much may come out of any archive, however small it is."""

BUFFER_BYTES = 1 << 20

HEADERS_LIMIT_BYTES = 32 * 1024 * 1024
"""Headers of all members of a tar: three kilobytes each. What they claim is kept while the tar is read."""


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

    def count_members(self, count: int) -> None:
        """Count so many members more.

        Raises:
            MemberUnfit: there are too many.
        """
        self._members += count
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


class MemberSource(Protocol):
    """Bytes of an archive, unpacked."""

    def read(self, count: int, /) -> bytes:
        """The next bytes; fewer than asked for at the end only."""
        ...


class MemberContent(Protocol):
    """The content of a member, open."""

    def read(self, count: int, /) -> bytes:
        """The next bytes; none at the end."""
        ...

    def close(self) -> None:
        """Read no more."""
        ...


@dataclass(frozen=True)
class ArchiveMember:
    """One file or directory of an archive.

    Attributes:
        name: as it stands in the archive.
        open: reads its content.
    """

    name: str
    is_directory: bool
    open: Callable[[], MemberContent]


def archive_members(
    archive: AnyPlace, format: str, meter: UnpackMeter, stack: ExitStack
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
    source = stack.enter_context(os.fdopen(placed(archive).open(os.O_RDONLY), "rb"))
    yield from (
        _zip_members(source, os.fstat(source.fileno()).st_size, meter)
        if format == "zip"
        else _tar_members(MeteredReader(PackedStream(source, OF_TAR.get(format)), meter), meter, stack)
    )


class MeteredReader:
    """What tarfile reads from: counts each byte, reads little at once, goes back within the last read only.

    tarfile reads extended headers at once, of whatever length they claim, keeps what they say, and steps back
    by one byte before each header.
    """

    def __init__(self, source: MemberSource, meter: UnpackMeter) -> None:
        self._source = source
        self._header_bytes = 0
        self._is_header = False
        self._meter = meter
        self._kept = b""
        self._kept_from = 0
        self._at = 0

    @contextmanager
    def headers(self) -> Iterator[None]:
        """Within the block, headers are read."""
        self._is_header = True
        try:
            yield
        finally:
            self._is_header = False

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
        if self._is_header:
            self._header_bytes += count
            if self._header_bytes > HEADERS_LIMIT_BYTES:
                raise MemberUnfit("", f"its headers have more than {HEADERS_LIMIT_BYTES} bytes")
        return self._read(count)

    def _read(self, count: int) -> bytes:
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
        while self._at < position and self._read(min(BUFFER_BYTES, position - self._at)):
            pass
        return self._at


def _zip_members(source: IO[bytes], packed_bytes: int, meter: UnpackMeter) -> Iterator[ArchiveMember]:
    infos = list(table_of_contents(source, packed_bytes))
    meter.count_members(len(infos))
    for info in infos:

        def read(info: zipfile.ZipInfo = info) -> MemberContent:
            return ZipMember(source, info)

        yield ArchiveMember(info.filename, info.is_dir(), read)


def _tar_members(source: MeteredReader, meter: UnpackMeter, stack: ExitStack) -> Iterator[ArchiveMember]:
    with source.headers():
        opened = tarfile.open(fileobj=source, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115  # it reads, seeks and tells; the stack closes it
    archive: tarfile.TarFile = stack.enter_context(opened)
    while True:
        with source.headers():
            info = archive.next()
        if info is None:
            return
        if not (info.isreg() or info.isdir()):
            raise MemberUnfit(info.name, "it is a link or a device")
        if info.issparse():
            raise MemberUnfit(info.name, "it is a file with holes")

        def read(info: tarfile.TarInfo = info) -> MemberContent:
            opened = archive.extractfile(info)
            assert opened is not None, "only files are read"
            return opened

        meter.count_members(1)
        yield ArchiveMember(info.name, info.isdir(), read)
