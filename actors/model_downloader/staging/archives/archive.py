"""Unpacks a verified archive below a directory: nothing leaves it, no link is made, and a bomb is stopped."""

from __future__ import annotations

import errno
import hashlib
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import ExitStack, closing

from actors.model_downloader.staging.archives.archive_reader import (
    BUFFER_BYTES,
    ArchiveLimits,
    ArchiveMember,
    UnpackMeter,
    archive_members,
)
from actors.model_downloader.staging.archives.member_paths import MemberPaths, MemberUnfit
from actors.model_downloader.staging.revisions import InstalledFile
from actors.shared.durable.durable_write import make_directory, sync_data
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, below
from bus.error_words import in_words
from bus.errors import UndercroftError
from schemas.manifest import Unpack

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
        return f"{where}: {self.reason}; nothing of it is used; tell the publisher of this archive"


def unpack(
    archive: AnyPlace,
    how: Unpack,
    root: AnyPlace,
    origin: str,
    taken: Iterable[str],
    limits: ArchiveLimits | None = None,
) -> list[InstalledFile]:
    """Unpack an archive below a directory. On return what its files hold is durable, their names are not.

    Args:
        archive: the verified file.
        how: its format, and where its content goes.
        root: the directory.
        origin: path of the archive in the manifest, which the record of each file keeps.
        taken: paths below the root that belong to other files.
        limits: how much may come out; None for the usual limits.

    Raises:
        ArchiveRefused: it is broken, would leave the root, or holds too much.
        OSError: the disk refused.
    """
    paths = MemberPaths(how, taken)
    meter = UnpackMeter(archive.lstat().st_size, limits or ArchiveLimits())
    found: list[InstalledFile] = []
    with ExitStack() as stack:
        try:
            for member in archive_members(archive, how.format, meter, stack):
                place = paths.place(member.name, is_directory=member.is_directory)
                if place is not None:
                    found.append(_write(member, below(root) / place, place, origin, meter))
        except MemberUnfit as unfit:
            raise ArchiveRefused(origin, unfit.member, unfit.reason) from None
        except _BROKEN as error:
            raise ArchiveRefused(origin, "", f"it cannot be read as {how.format}: {error}") from error
        except OSError as error:
            # Without a number: bytes that bz2 cannot read. EINVAL: a place before the start of the file.
            if error.errno in (None, errno.EINVAL):
                raise ArchiveRefused(
                    origin, "", f"it cannot be read as {how.format}: {in_words(error)}"
                ) from error
            raise
    if not found:
        raise ArchiveRefused(origin, "", "it holds no file")
    return found


def _write(
    member: ArchiveMember, path: RootedPlace, place: str, origin: str, meter: UnpackMeter
) -> InstalledFile:
    make_directory(path.parent)
    path.unlink(missing_ok=True)  # left by an interrupted unpacking
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    digest, size = hashlib.sha256(), 0
    with (
        closing(member.open()) as source,
        os.fdopen(path.open(flags), "wb", buffering=0) as target,
    ):
        while content := source.read(BUFFER_BYTES):
            meter.count_bytes(len(content))
            digest.update(content)
            size += target.write(content)
        sync_data(target.fileno())
    return InstalledFile(path=place, size_bytes=size, sha256=digest.hexdigest(), archive=origin)
