"""Renames a file that cannot be read, so that it is in nobody's way and nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

from actors.shared.durable import numbered_name
from actors.shared.durable.durable_write import FILE_MODE, REAL_DISK, sync_directory
from actors.shared.durable.numbered_name import PlaceT
from actors.shared.places.rooted_place import at

SUFFIX = ".corrupt"


def quarantine(path: PlaceT) -> PlaceT:
    """Rename a bad file to the first free of `<name>.corrupt`, `.corrupt.2`, ... Returns the new path.

    Two processes never pick the same name: each is reserved by creating it exclusively. A directory cannot
    be put aside like this; see `numbered_name.first_free`.

    Raises:
        OSError: the file is gone, or the directory cannot be written to.
    """
    names = numbered_name.candidates(path.with_name(path.name + SUFFIX))
    while True:
        aside = next(names)
        try:
            with at(aside) as (name, directory):
                descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE, dir_fd=directory)
        except FileExistsError:
            continue
        try:
            os.close(descriptor)
            REAL_DISK.rename(path, aside)
        except OSError as error:
            aside.unlink()
            error.filename = str(path)  # an error of closing does not name the file
            raise
        sync_directory(path.parent)
        return aside


def quarantined(path: Path) -> list[Path]:
    """What was put aside of this file, oldest first."""
    return numbered_name.taken(path.with_name(path.name + SUFFIX))
