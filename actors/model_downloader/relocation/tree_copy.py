"""Copies the directories of models to another place, so that each is there whole or not at all.

A directory is copied to `.moving-<name>` first, with every file and directory synced. One rename then gives
it its name. On one file system files are linked instead of copied: nothing is read, and both places hold
everything until the old one is cleared.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from actors.shared.durable.directory_tree import directories_below, discard
from actors.shared.durable.durable_write import (
    REAL_DISK,
    make_directory,
    move,
    sync_directory,
    sync_file,
)
from actors.shared.durable.numbered_name import first_free
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, at, below
from bus.errors import UndercroftError

MOVING_PREFIX: Final = ".moving-"
ASIDE_SUFFIX: Final = ".aside"
UNFINISHED_SUFFIX: Final = ".copying"
COPY_CHUNK_BYTES: Final = 4 * 1024 * 1024
_NO_LINKS: Final = (
    errno.EXDEV,
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EACCES,
)


class CopyStopped(UndercroftError):
    """The copy was told to stop before it was complete. The next one continues it."""

    words = "stopped before everything was copied; ask again to go on"


class TreeCopy:
    """Copies between two directories of models. Blocks: used from a thread.

    Attributes:
        stop: set from anywhere, ends the copy at the next chunk.
    """

    def __init__(
        self, source: AnyPlace, target: AnyPlace, count_bytes: Callable[[int], None], stop: threading.Event
    ) -> None:
        """Copy nothing yet.

        Args:
            source: where the models lie.
            target: where they are to lie.
            count_bytes: called with the number of further bytes that are at the target.
            stop: ends the copy.
        """
        self._source = below(source)
        self._target = below(target)
        self._count_bytes = count_bytes
        self.stop = stop

    def copy(self, name: str) -> bool:
        """Copy one directory to its moving name. Keeps what an earlier attempt finished.

        Returns:
            whether every file could be linked, so that no byte was copied.

        Raises:
            CopyStopped: `stop` was set.
            OSError: a disk refused.
        """
        source, moving = self._source / name, self._target / (MOVING_PREFIX + name)
        if not source.is_dir():
            return self._copy_entry(source, moving)
        all_linked = True
        for directory in directories_below(source):
            inside = RootedPlace(moving.root, (*moving.parts, *directory.parts[len(source.parts) :]))
            make_directory(inside)
            for entry, is_directory in directory.entries():
                if not is_directory:
                    all_linked &= self._copy_entry(entry, inside.child(entry.name))
            sync_directory(inside)
        return all_linked

    def place(self, name: str, final: str) -> None:
        """Give a copy its name at the target. What lies under that name there is put aside, never deleted.

        Args:
            name: under which it was copied.
            final: the name that it gets.
        """
        moving = self._target / f"{MOVING_PREFIX}{name}"
        if final != name:
            renamed = self._target / f"{MOVING_PREFIX}{final}"
            move(moving, renamed)
            moving = renamed
        target = self._target / final
        if target.is_there():
            put_aside(target)
        move(moving, target)

    def discard_copy(self, name: str) -> None:
        """Delete what was copied of one directory and has no name yet."""
        discard(self._target / (MOVING_PREFIX + name))

    def _copy_entry(self, source: RootedPlace, target: RootedPlace) -> bool:
        """Link or copy a file; returns whether no byte was copied."""
        found = source.lstat()
        if stat.S_ISLNK(found.st_mode):
            _copy_link(source, target)
            return True
        if not stat.S_ISREG(found.st_mode):
            return True
        if not _is_complete(found, target) and not _link(source, target):
            self._copy_bytes(source, target, found)
            return False
        self._count_bytes(found.st_size)
        return os.path.samestat(source.lstat(), target.lstat())

    def _copy_bytes(self, source: RootedPlace, target: RootedPlace, found: os.stat_result) -> None:
        unfinished = target.with_name(target.name + UNFINISHED_SUFFIX)
        unfinished.unlink(missing_ok=True)
        buffer = memoryview(bytearray(COPY_CHUNK_BYTES))
        with (
            os.fdopen(source.open(os.O_RDONLY), "rb", buffering=0) as reader,
            os.fdopen(unfinished.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb", buffering=0) as writer,
        ):
            while count := reader.readinto(buffer):
                if self.stop.is_set():
                    raise CopyStopped
                _write(writer.fileno(), buffer[:count])
                self._count_bytes(count)
            _set_times(unfinished, writer.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))
            sync_file(writer.fileno())
        REAL_DISK.rename(unfinished, target)


def model_directories(root: AnyPlace, model_ids: Iterable[str]) -> list[str]:
    """Names of what lies in a directory and belongs to these models: installed, partial, former, damaged.

    Other names are not ours, and are not touched.
    """
    ids = tuple(model_ids)
    try:
        names = below(root).names()
    except OSError:
        return []
    return [name for name in names if any(name == known or name.startswith(known + ".") for known in ids)]


def model_of(name: str, model_ids: Iterable[str]) -> str:
    """The model that a directory belongs to: the one with the longest id that its name begins with."""
    return max(
        (known for known in model_ids if name == known or name.startswith(known + ".")), key=len, default=""
    )


def is_one_file_system(one: Path, other: Path) -> bool:
    """Whether files can (probably) be linked from one existing directory into another."""
    try:
        return one.stat().st_dev == other.stat().st_dev
    except OSError:
        return False


def put_aside(place: RootedPlace) -> RootedPlace:
    """Rename what is in the way to `<name>.aside`, `<name>.aside.2` and so on."""
    aside = first_free(place.with_name(place.name + ASIDE_SUFFIX))
    move(place, aside)
    return aside


def _is_complete(found: os.stat_result, target: RootedPlace) -> bool:
    """Whether an earlier attempt finished this file.

    Only a synced copy has the final name, and it has the time of its source.
    """
    try:
        there = target.lstat()
    except OSError:
        return False
    is_same = (there.st_size, there.st_mtime_ns) == (found.st_size, found.st_mtime_ns)
    return stat.S_ISREG(there.st_mode) and is_same


def _link(source: RootedPlace, target: RootedPlace) -> bool:
    target.unlink(missing_ok=True)
    try:
        with at(source) as (name, directory), at(target) as (new_name, new_directory):
            os.link(name, new_name, src_dir_fd=directory, dst_dir_fd=new_directory, follow_symlinks=False)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _copy_link(source: RootedPlace, target: RootedPlace) -> None:
    """Make the same link. What reads models does not follow it, there as here."""
    if not target.is_there():
        with at(source) as (name, directory):
            leads_to = os.readlink(name, dir_fd=directory)
        with at(target) as (name, directory):
            os.symlink(leads_to, name, dir_fd=directory)


def _set_times(place: RootedPlace, descriptor: int, ns: tuple[int, int]) -> None:
    if os.utime in os.supports_fd:
        os.utime(descriptor, ns=ns)
    else:
        os.utime(place.path, ns=ns)  # Windows


def _write(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
