"""Brings the directories of models from one place to another, so that each is at the new place whole or not at all.

Under `.moving-<name>` first, every file and directory synced, then one rename. On one file system files are
linked rather than
copied: nothing is read, and both places hold everything until the old one is emptied.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from actors.shared.durable.durable_write import make_directory, move, sync_directory, sync_file
from bus.errors import UndercroftError

MOVING_PREFIX = ".moving-"
TRASH_PREFIX = ".trash-"
ASIDE_SUFFIX = ".aside"
UNFINISHED_SUFFIX = ".copying"
COPY_CHUNK_BYTES = 4 * 1024 * 1024
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)


class CopyStopped(UndercroftError):
    """Somebody asked to carry no more."""

    def __str__(self) -> str:
        return "stopped before everything was carried; ask again to go on"


class TreeCopy:
    """Carries between two directories of models; used from a thread.

    Attributes:
        stop: set from anywhere, ends the carrying at the next chunk.
    """

    def __init__(
        self, source: Path, target: Path, tell: Callable[[int], None], stop: threading.Event
    ) -> None:
        """`tell` is handed how many bytes more are at the new place."""
        self._source = source
        self._target = target
        self._tell = tell
        self.stop = stop

    def carry(self, name: str) -> bool:
        """Bring one directory under its moving name; returns whether not a byte had to be copied. What an earlier attempt finished is kept.

        Raises:
            CopyStopped: `stop` was set.
            OSError: a disk does not go along.
        """
        source, moving = self._source / name, self._target / (MOVING_PREFIX + name)
        if source.is_symlink() or not source.is_dir():
            return self._carry_file(source, moving)
        linked = True
        for parent, _, files in os.walk(source):
            inside = moving / Path(parent).relative_to(source)
            make_directory(inside)
            for file in sorted(files):
                linked &= self._carry_file(Path(parent) / file, inside / file)
        for parent, names, _ in os.walk(source):
            inside = moving / Path(parent).relative_to(source)
            for link in (name for name in names if (Path(parent) / name).is_symlink()):
                _carry_link(Path(parent) / link, inside / link)
            sync_directory(inside)
        return linked

    def place(self, name: str) -> None:
        """Give what was carried its name; what lies under that name at the new place is put aside, never deleted."""
        target = self._target / name
        if os.path.lexists(target):
            put_aside(target)
        move(self._target / (MOVING_PREFIX + name), target)

    def again(self, name: str) -> None:
        """Throw away what was carried of one directory."""
        discard(self._target / (MOVING_PREFIX + name))

    def _carry_file(self, source: Path, target: Path) -> bool:
        found = source.lstat()
        if stat.S_ISLNK(found.st_mode):
            _carry_link(source, target)
            return True
        if not stat.S_ISREG(found.st_mode):
            return True
        if not _is_carried(found, target) and not _link(source, target):
            self._copy(source, target, found)
            return False
        self._tell(found.st_size)
        return os.path.samefile(source, target)

    def _copy(self, source: Path, target: Path, found: os.stat_result) -> None:
        unfinished = target.with_name(target.name + UNFINISHED_SUFFIX)
        buffer = memoryview(bytearray(COPY_CHUNK_BYTES))
        with source.open("rb", buffering=0) as reader, unfinished.open("wb", buffering=0) as writer:
            while count := reader.readinto(buffer):
                if self.stop.is_set():
                    raise CopyStopped
                _write(writer.fileno(), buffer[:count])
                self._tell(count)
            os.utime(unfinished, ns=(found.st_atime_ns, found.st_mtime_ns))
            sync_file(writer.fileno())
        os.replace(unfinished, target)


def belongings(root: Path, model_ids: Iterable[str]) -> list[str]:
    """Names of what lies in a directory of models and belongs to these: installed, partial, former, damaged. Others' things are not touched."""
    ids = tuple(model_ids)
    try:
        names = sorted(entry.name for entry in root.iterdir())
    except OSError:
        return []
    return [name for name in names if any(name == known or name.startswith(known + ".") for known in ids)]


def model_of(name: str, model_ids: Iterable[str]) -> str:
    """To which model a directory belongs: the one with the longest id that its name begins with."""
    return max(
        (known for known in model_ids if name == known or name.startswith(known + ".")), key=len, default=""
    )


def tree_bytes(place: Path) -> int:
    """Bytes of all regular files of a directory; links are not followed."""
    total = 0
    for parent, _, files in os.walk(place):
        for file in files:
            with contextlib.suppress(OSError):
                found = (Path(parent) / file).lstat()
                total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def is_one_file_system(one: Path, other: Path) -> bool:
    """Whether files can (probably) be linked from one existing directory into another."""
    try:
        return one.stat().st_dev == other.stat().st_dev
    except OSError:
        return False


def put_aside(place: Path) -> Path:
    """Rename what is in the way to `<name>.aside`, or `.aside.2` and so on."""
    number = 1
    while True:
        aside = place.with_name(place.name + ASIDE_SUFFIX + (f".{number}" if number > 1 else ""))
        if not os.path.lexists(aside):
            move(place, aside)
            return aside
        number += 1


def discard(place: Path) -> None:
    """Delete a file or a tree; its name is gone before its first byte is."""
    if not os.path.lexists(place):
        return
    trash = place.with_name(f"{TRASH_PREFIX}{place.name}-{secrets.token_hex(4)}")
    move(place, trash)
    _delete(trash)


def sweep(root: Path, prefixes: tuple[str, ...] = (MOVING_PREFIX, TRASH_PREFIX)) -> None:
    """Delete what interrupted moves and removals left behind."""
    with contextlib.suppress(OSError):
        for entry in list(root.iterdir()):
            if entry.name.startswith(prefixes):
                _delete(entry)


def _delete(place: Path) -> None:
    if place.is_symlink() or not place.is_dir():
        with contextlib.suppress(OSError):
            place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)


def _is_carried(found: os.stat_result, target: Path) -> bool:
    """Whether an earlier attempt finished this file: only a synced copy has the final name, and it has the time of its source."""
    try:
        there = target.lstat()
    except OSError:
        return False
    return stat.S_ISREG(there.st_mode) and (there.st_size, there.st_mtime_ns) == (
        found.st_size,
        found.st_mtime_ns,
    )


def _link(source: Path, target: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _carry_link(source: Path, target: Path) -> None:
    if not os.path.lexists(target):
        os.symlink(os.readlink(source), target)


def _write(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
