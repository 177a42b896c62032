"""Measures, lists and deletes whole directories. Links are never followed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from actors.shared.durable.durable_write import move

TRASH_PREFIX: Final = ".trash-"


def files_below(directory: Path) -> Iterator[Path]:
    """Everything below a directory that is not a directory itself, links included."""
    for parent, directories, files in os.walk(directory):
        place = Path(parent)
        yield from (place / name for name in files)
        yield from (place / name for name in directories if (place / name).is_symlink())


def tree_bytes(place: Path) -> int:
    """Length of a regular file, or of all regular files below a directory; 0 if nothing is there."""
    return sum(found.st_size for found in _regular_files(place))


def disk_bytes(place: Path) -> int:
    """As `tree_bytes`, without the holes of sparse files where the platform counts blocks."""
    return sum(
        min(found.st_size, found.st_blocks * 512) if hasattr(found, "st_blocks") else found.st_size
        for found in _regular_files(place)
    )


def delete(place: Path) -> bool:
    """Delete a file or a directory as far as possible. Returns whether nothing is left of it."""
    if place.is_symlink() or not place.is_dir():
        with contextlib.suppress(OSError):
            place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)
    return not os.path.lexists(place)


def discard(place: Path) -> None:
    """Delete a file or a directory if there is one. First its name vanishes, durably, then its content.

    The content goes by way of `.trash-<name>-<random>` beside it; `sweep` deletes what a crash left there.

    Raises:
        DurableWriteFailed: the name stays; on Windows, because a program has the file open.
    """
    if not os.path.lexists(place):
        return
    trash = place.with_name(f"{TRASH_PREFIX}{place.name}-{secrets.token_hex(4)}")
    move(place, trash)
    delete(trash)


def sweep(directory: Path, *prefixes: str) -> None:
    """Delete what interrupted work left in a directory, as far as possible.

    Args:
        directory: need not exist.
        prefixes: of the names that go; by default those of `discard`.
    """
    with contextlib.suppress(OSError):
        for entry in list(directory.iterdir()):
            if entry.name.startswith(prefixes or TRASH_PREFIX):
                delete(entry)


def _regular_files(place: Path) -> Iterator[os.stat_result]:
    paths = files_below(place) if place.is_dir() and not place.is_symlink() else [place]
    for path in paths:
        with contextlib.suppress(OSError):  # it may go meanwhile
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                yield found
