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
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, at, below

TRASH_PREFIX: Final = ".trash-"


def files_below(directory: Path) -> Iterator[Path]:
    """Everything below a directory that is not a directory itself, links included."""
    return (place.path for place in places_below(below(directory)))


def places_below(directory: RootedPlace) -> Iterator[RootedPlace]:
    """As `files_below`; a directory that cannot be read counts as empty."""
    yield from (place for place, is_directory in _entries(directory) if not is_directory)


def directories_below(directory: RootedPlace) -> list[RootedPlace]:
    """The directory itself and all directories below it, each before what is in it."""
    return [directory, *(place for place, is_directory in _entries(directory) if is_directory)]


def tree_bytes(place: AnyPlace) -> int:
    """Length of a regular file, or of all regular files below a directory; 0 if nothing is there."""
    return sum(found.st_size for found in _regular_files(place))


def disk_bytes(place: AnyPlace) -> int:
    """As `tree_bytes`, without the holes of sparse files where the platform counts blocks."""
    return sum(
        min(found.st_size, found.st_blocks * 512) if hasattr(found, "st_blocks") else found.st_size
        for found in _regular_files(place)
    )


def delete(place: AnyPlace) -> bool:
    """Delete a file or a directory as far as possible. Returns whether nothing is left of it."""
    if place.is_symlink() or not place.is_dir():
        with contextlib.suppress(OSError):
            place.unlink()
    else:
        with contextlib.suppress(OSError), at(place) as (name, directory):
            shutil.rmtree(name, ignore_errors=True, dir_fd=directory)
    return not lies_at(place)


def lies_at(place: AnyPlace) -> bool:
    """Whether anything has this name, be it a broken link."""
    return place.is_there() if isinstance(place, RootedPlace) else os.path.lexists(place)


def discard(place: AnyPlace) -> None:
    """Delete a file or a directory if there is one. First its name vanishes, durably, then its content.

    The content goes by way of `.trash-<name>-<random>` beside it; `sweep` deletes what a crash left there.

    Raises:
        DurableWriteFailed: the name stays; on Windows, because a program has the file open.
    """
    if not lies_at(place):
        return
    trash = place.with_name(f"{TRASH_PREFIX}{place.name}-{secrets.token_hex(4)}")
    move(place, trash)
    delete(trash)


def sweep(directory: AnyPlace, *prefixes: str) -> None:
    """Delete what interrupted work left in a directory, as far as possible.

    Args:
        directory: need not exist.
        prefixes: of the names that go; by default those of `discard`.
    """
    with contextlib.suppress(OSError):
        for entry in list(below(directory).iterdir()):
            if entry.name.startswith(prefixes or TRASH_PREFIX):
                delete(entry)


def _regular_files(place: AnyPlace) -> Iterator[os.stat_result]:
    is_tree = place.is_dir() and not place.is_symlink()
    for path in places_below(below(place)) if is_tree else [place]:
        with contextlib.suppress(OSError):  # it may go meanwhile
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                yield found


def _entries(directory: RootedPlace) -> Iterator[tuple[RootedPlace, bool]]:
    """Everything below a directory, and whether it is a directory: each before what is in it."""
    waiting = [directory]
    while waiting:
        with contextlib.suppress(OSError):
            for place, is_directory in waiting.pop().entries():
                yield place, is_directory
                if is_directory:
                    waiting.append(place)
