"""Unpacks a verified archive into a staging directory: nothing leaves it, no link is made, and a bomb is stopped by what really comes out."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from actors.model_downloader.staging.revisions import RECORD_NAME, InstalledFile
from actors.shared.durable.durable_write import FILE_MODE, make_directory, sync_data
from actors.shared.manifest import path_problem
from bus.errors import UndercroftError
from schemas.manifest import Unpack

MEMBERS_LIMIT = 10_000
UNPACKED_LIMIT_BYTES = 64 * 1024**3
RATIO_LIMIT = 200
"""Weights hardly shrink and text shrinks by ten; what shrinks by more than this was made to hurt."""

RATIO_GRACE_BYTES = 16 * 1024 * 1024
"""So much may come out of any archive, however small it is."""

PATH_LIMIT_CHARACTERS = 200
BUFFER_BYTES = 1 << 20
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    RuntimeError,
    NotImplementedError,
)


@dataclass(frozen=True)
class ArchiveLimits:
    """How much may come out of one archive."""

    members: int = MEMBERS_LIMIT
    unpacked_bytes: int = UNPACKED_LIMIT_BYTES
    ratio: int = RATIO_LIMIT
    grace_bytes: int = RATIO_GRACE_BYTES


class ArchiveRefused(UndercroftError):
    """An archive that is not unpacked.

    Attributes:
        archive: the file.
        member: which of its members is to blame; empty for the archive as a whole.
        reason: what was found and what was expected.
    """

    archive: str
    member: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.archive}: member {self.member!r}" if self.member else self.archive
        return f"{where}: {self.reason}; nothing of it is used; tell whoever published this archive"


@dataclass(frozen=True)
class ArchiveMember:
    """One entry of an archive: its name as it stands there, and how to read it; `problem` if it is neither file nor directory."""

    name: str
    is_directory: bool
    open: Callable[[], IO[bytes]]
    problem: str = ""


def unpack(
    archive: Path,
    how: Unpack,
    root: Path,
    origin: str,
    taken: Iterable[str],
    limits: ArchiveLimits = ArchiveLimits(),
) -> list[InstalledFile]:
    """Unpack an archive below a directory; on return its files are durable, their names are once their directories are synced.

    Args:
        archive: the verified file.
        how: its format, and where its content goes.
        root: directory that nothing leaves.
        origin: path of the archive in the manifest, which the record of each file keeps.
        taken: paths below the root that belong to others.
        limits: how much may come out.

    Raises:
        ArchiveRefused: it is broken, would leave the root, or holds too much.
        OSError: the disk does not take it.
    """
    places = MemberPaths(how, taken)
    meter = UnpackMeter(archive.stat().st_size, limits)
    found: list[InstalledFile] = []
    with ExitStack() as stack:
        try:
            for member in _members(archive, how.format, meter, stack):
                meter.count_member()
                place = places.of(member)
                if place is not None:
                    found.append(_write(member, root, place, origin, meter))
        except MemberUnfit as unfit:
            raise ArchiveRefused(origin, unfit.member, unfit.reason) from None
        except _BROKEN as error:
            raise ArchiveRefused(origin, "", f"it cannot be read as {how.format}: {error}") from error
        except OSError as error:
            if error.errno is None:  # bz2 says so of bytes that it cannot read
                raise ArchiveRefused(origin, "", f"it cannot be read as {how.format}: {error}") from error
            raise
    if not found:
        raise ArchiveRefused(origin, "", "it holds no file")
    return found


class MemberUnfit(UndercroftError):
    """A member, or the archive as a whole, is not to be unpacked."""

    member: str
    reason: str


class UnpackMeter:
    """Counts what comes out of an archive, whatever its headers say."""

    def __init__(self, packed_bytes: int, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._allowed_bytes = min(limits.unpacked_bytes, packed_bytes * limits.ratio + limits.grace_bytes)
        self._members = 0
        self._bytes = 0

    def count_member(self) -> None:
        """One member more.

        Raises:
            MemberUnfit: that is too many.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise MemberUnfit("", f"it holds more than {self._limits.members} members")

    def count_bytes(self, count: int) -> None:
        """So many bytes more came out.

        Raises:
            MemberUnfit: that is too many.
        """
        self._bytes += count
        if self._bytes > self._allowed_bytes:
            raise MemberUnfit(
                "",
                f"more than {self._allowed_bytes} bytes come out of it, which is more than a model of its size can hold",
            )


class MemberPaths:
    """Decides where each member goes. Pure: knows names only."""

    def __init__(self, how: Unpack, taken: Iterable[str]) -> None:
        self._how = how
        self._files = {_folded(path) for path in (*taken, RECORD_NAME)}
        self._directories = {parent for path in self._files for parent in _parents(path)}

    def of(self, member: ArchiveMember) -> str | None:
        """Path below the root, with forward slashes; None for a directory, and for what `strip` leaves nothing of.

        Raises:
            MemberUnfit: it would leave the root, is a link or a device, or its name means two things on some
                platform.
        """
        if member.problem:
            raise MemberUnfit(member.name, member.problem)
        if member.name.startswith(("/", "\\")):
            raise MemberUnfit(member.name, "its path is absolute")
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise MemberUnfit(member.name, "its path leaves the directory")
        parts = parts[self._how.strip :]
        if not parts:
            return None
        path = "/".join(([self._how.into] if self._how.into else []) + parts)
        if problem := path_problem(path):
            raise MemberUnfit(member.name, problem)
        if len(path) > PATH_LIMIT_CHARACTERS:
            raise MemberUnfit(member.name, f"its path is longer than {PATH_LIMIT_CHARACTERS} characters")
        return None if member.is_directory else self._claim(member, path)

    def _claim(self, member: ArchiveMember, path: str) -> str:
        folded = _folded(path)
        if folded in self._files:
            raise MemberUnfit(
                member.name, "its name is taken by another file, at least where case does not count"
            )
        if folded in self._directories or any(parent in self._files for parent in _parents(folded)):
            raise MemberUnfit(member.name, "its name is taken by a file and a directory")
        self._files.add(folded)
        self._directories.update(_parents(folded))
        return path


def _members(archive: Path, format: str, meter: UnpackMeter, stack: ExitStack) -> Iterator[ArchiveMember]:
    if format == "zip":
        return _zip_members(stack.enter_context(zipfile.ZipFile(archive)))
    source = stack.enter_context(_decompressed(archive, format))
    return _tar_members(stack.enter_context(tarfile.open(fileobj=MeteredReader(source, meter), mode="r:")))  # type: ignore[call-overload]  # it reads, seeks and tells, and needs no more


def _zip_members(archive: zipfile.ZipFile) -> Iterator[ArchiveMember]:
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        problem = "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "it is a link or a device"
        if info.flag_bits & 0x1:
            problem = "it is encrypted"

        def read(info: zipfile.ZipInfo = info) -> IO[bytes]:
            return archive.open(info)

        yield ArchiveMember(info.filename, info.is_dir(), read, problem)


def _tar_members(archive: tarfile.TarFile) -> Iterator[ArchiveMember]:
    for info in archive:

        def read(info: tarfile.TarInfo = info) -> IO[bytes]:
            opened = archive.extractfile(info)
            assert opened is not None, "only files are read"
            return opened

        yield ArchiveMember(
            info.name, info.isdir(), read, "" if info.isreg() or info.isdir() else "it is a link or a device"
        )


def _decompressed(archive: Path, format: str) -> IO[bytes]:
    openers: dict[str, Any] = {"tar.gz": gzip.open, "tar.bz2": bz2.open, "tar.xz": lzma.open}
    return openers.get(format, open)(archive, "rb")  # type: ignore[no-any-return]  # each of them reads bytes


class MeteredReader:
    """What tarfile reads from: each byte is counted, no read is large, and going back is possible within the last read only.

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
        """Up to so many bytes; fewer at the end only.

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


def _write(member: ArchiveMember, root: Path, place: str, origin: str, meter: UnpackMeter) -> InstalledFile:
    path = root / place
    make_directory(path.parent)
    path.unlink(missing_ok=True)  # left by an unpacking that was interrupted
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    digest, size = hashlib.sha256(), 0
    with member.open() as source, os.fdopen(os.open(path, flags, FILE_MODE), "wb", buffering=0) as target:
        while piece := source.read(BUFFER_BYTES):
            meter.count_bytes(len(piece))
            digest.update(piece)
            size += target.write(piece)
        sync_data(target.fileno())
    return InstalledFile(path=place, size_bytes=size, sha256=digest.hexdigest(), archive=origin)


def _folded(path: str) -> str:
    """How file systems that ignore case and the composition of letters see a path."""
    return unicodedata.normalize("NFC", path.casefold())


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
