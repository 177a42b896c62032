"""Renames what cannot be read, so that it is in nobody's way and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from actors.shared.durable import numbered_name
from actors.shared.durable.durable_write import DIRECTORY_MODE, FILE_MODE, REAL_DISK, sync_directory
from actors.shared.durable.numbered_name import PlaceT
from actors.shared.places.rooted_place import AnyPlace, at

SUFFIX = ".corrupt"
PARTLY_READ = ".partly-read"
"""Ends the name of what is kept because a part of it was left out."""

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
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE, dir_fd=directory))
