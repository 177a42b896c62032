"""Renames what cannot be read, so that it is in nobody's way and nothing is lost."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from pathlib import Path

from actors.shared.durable import numbered_name
from actors.shared.durable.durable_write import (
    DIRECTORY_MODE,
    FILE_MODE,
    REAL_DISK,
    make_directory,
    make_own_directory,
    sync_directory,
)
from actors.shared.durable.numbered_name import PlaceT
from actors.shared.places.rooted_place import AnyPlace, at, below
from actors.shared.places.shared_root import check_root

SUFFIX = ".corrupt"
PARTLY_READ = ".partly-read"
"""Ends the name of what is kept because a part of it was left out."""

log = logging.getLogger(__name__)

NAME_LIMIT_BYTES = 230
"""Longer names are cut, so that the suffix and a number have room in the 255 bytes of most file systems."""


def quarantine(path: PlaceT) -> PlaceT:
    """Rename what is bad to the first free of `<name>.corrupt`, `.corrupt.2`, ... Returns the new path.

    Two processes never pick the same name: each is reserved by creating it exclusively. Works for files,
    directories, pipes, sockets and links; a link is not followed.

    Raises:
        OSError: it is gone, or the directory cannot be written to.
    """
    is_directory = stat.S_ISDIR(path.lstat().st_mode)
    names = numbered_name.candidates(path.with_name(_name_aside(path.name)))
    while True:
        aside = next(names)
        try:
            _reserve(aside, is_directory=is_directory)
        except FileExistsError:
            continue
        try:
            if is_directory and os.name == "nt":
                aside.rmdir()  # Windows does not replace a directory, not even an empty one
            REAL_DISK.rename(path, aside)
        except OSError as error:
            with contextlib.suppress(OSError):
                aside.rmdir() if is_directory else aside.unlink()
            error.filename = str(path)  # an error of closing does not name the file
            raise
        sync_directory(path.parent)
        return aside


def claim_file(path: AnyPlace, *, follows_link: bool = False) -> Path | None:
    """Put aside what lies under the name of a file of ours and can never be one. Usually costs one look.

    A directory, a pipe, a socket, a device or a link is none.

    Args:
        path: of the file.
        follows_link: a link to a file stays, or to a free name: people keep files elsewhere.

    Returns:
        Where it lies now; None if nothing was in the way.

    Raises:
        OSError: it cannot be renamed.
    """
    try:
        found = os.lstat(path) if isinstance(path, Path) else path.lstat()
    except OSError:
        return None
    if stat.S_ISREG(found.st_mode):
        return None
    if follows_link and stat.S_ISLNK(found.st_mode) and _leads_to_a_file(Path(str(path))):
        return None
    return _put_aside(path, "a file")


def claim_directory(path: Path, *, follows_link: bool = False) -> Path | None:
    """Make a directory of ours, and its parents; what has its name and is none is put aside.

    A link to a directory stays where it is and is refused: what lies behind it may be somebody's own.

    Args:
        path: of the directory.
        follows_link: such a link is followed, where nobody else could have put it there: people keep
            backups on another disk.

    Returns:
        Where what was in the way lies now; None if nothing was.

    Raises:
        SharedRoot: others could have put the link there, or may write to where it leads.
        OSError: it cannot be made, is a link, or what is in the way cannot be renamed.
    """
    aside = None
    if os.path.lexists(path) and not path.is_dir():
        aside = _put_aside(path, "a directory")
    if follows_link and path.is_symlink():
        check_root(path)
        make_directory(path)
    else:
        make_own_directory(path)
    return aside


def _put_aside(path: AnyPlace, expected: str) -> Path:
    aside = quarantine(below(path.parent) / path.name)
    log.warning("%s is not what belongs there, expected %s; it was renamed to %s", path, expected, aside)
    return Path(str(aside))


def _leads_to_a_file(link: Path) -> bool:
    try:
        return stat.S_ISREG(os.stat(link).st_mode)
    except OSError as error:
        return error.errno == errno.ENOENT and Path(os.path.realpath(link)).parent.is_dir()


def quarantined(path: Path) -> list[Path]:
    """What was put aside of this file, oldest first."""
    return numbered_name.taken(path.with_name(_name_aside(path.name)))


def _name_aside(name: str) -> str:
    encoded = os.fsencode(name)
    if len(encoded) > NAME_LIMIT_BYTES:
        name = encoded[:NAME_LIMIT_BYTES].decode("utf-8", "ignore")
    return name + SUFFIX


def _reserve(aside: AnyPlace, *, is_directory: bool) -> None:
    with at(aside) as (name, directory):
        if is_directory:
            os.mkdir(name, DIRECTORY_MODE, dir_fd=directory)
        else:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE, dir_fd=directory)
            try:
                os.close(descriptor)
            except OSError as error:  # of a descriptor, which names no file
                raise OSError(error.errno, error.strerror, str(aside)) from error
