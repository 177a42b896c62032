"""Puts a file that cannot be read aside, under a name that never covers an earlier one."""

from __future__ import annotations

import os
from pathlib import Path

from actors.shared.durable.durable_write import FILE_MODE, sync_directory

SUFFIX = ".corrupt"


def quarantine(path: Path) -> Path:
    """Rename a bad file to `<name>.corrupt`, or `.corrupt.2`, `.corrupt.3` ... if those are taken; returns the new name.

    The name is first reserved by creating it exclusively, then renamed onto, so two processes never pick the
    same one.

    Raises:
        OSError: the file is not there (any more), or the directory cannot be written to.
    """
    number = 1
    while True:
        aside = path.with_name(path.name + SUFFIX + (f".{number}" if number > 1 else ""))
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        except FileExistsError:
            number += 1
            continue
        try:
            os.close(descriptor)
            os.replace(path, aside)
        except OSError as error:
            os.unlink(aside)
            error.filename = str(path)  # closing does not say which file it was
            raise
        sync_directory(path.parent)
        return aside


def quarantined(path: Path) -> list[Path]:
    """What was put aside of this file, oldest first."""
    found: list[tuple[int, Path]] = []
    prefix = path.name + SUFFIX
    if not path.parent.is_dir():
        return []
    for entry in path.parent.iterdir():
        rest = entry.name.removeprefix(prefix)
        if entry.name == prefix:
            found.append((1, entry))
        elif rest != entry.name and rest.startswith(".") and rest[1:].isdecimal():
            found.append((int(rest[1:]), entry))
    return [entry for _, entry in sorted(found)]
