"""Replaces files so that after a crash at any step a reader finds the old content or the new, whole.

The steps are: temp file in the same directory, write, fsync, rename, fsync of the directory. In a power cut,
the content could be lost without the first fsync, and the rename without the second. Every file has one
owner, so `<name>.tmp` needs no random part: the owner's next write replaces what a killed one left there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from actors.shared.places.root_directory import is_link, link_in_the_way
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, at
from bus.errors import UndercroftError

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
TEMPORARY_SUFFIX = ".tmp"
SHARING_ATTEMPTS = 10
SHARING_DELAY_SECONDS = 0.02
_SHARING_VIOLATIONS = (5, 32, 33)  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION


class DurableWriteFailed(UndercroftError):
    """A file could not be replaced, or a power cut may undo that.

    Attributes:
        path: of the file to replace.
        step: that failed: `create`, `write`, `sync`, `rename` or `sync_directory`.
        errno: the operating system's number for it; 0 if it gave none.
        reason: the operating system's words.
    """

    path: str
    step: str
    errno: int
    reason: str

    @property
    def replaced(self) -> bool:
        """Whether readers already see the new content, although a power cut may bring the old one back."""
        return self.step == "sync_directory"

    def __str__(self) -> str:
        kept = (
            "the new content is in place but a power cut may undo it"
            if self.replaced
            else "the earlier content is untouched"
        )
        return f"{self.path}: not saved: {self.step} failed ({self.reason}); {kept}; {_advice(self.errno)}"


class Disk:
    """The system calls that replace a file, one method for each step. Tests fail them one by one."""

    def create(self, path: AnyPlace) -> int:
        """Open a new file for writing; removes what lies under this name."""
        flags = (
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        )
        with at(path) as (name, directory):
            try:
                return os.open(name, flags, FILE_MODE, dir_fd=directory)
            except FileExistsError:
                os.unlink(name, dir_fd=directory)
                return os.open(name, flags, FILE_MODE, dir_fd=directory)

    def write(self, descriptor: int, content: memoryview) -> int:
        """Write some of the content. Returns how many bytes."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Make content and size of an open file durable (F_FULLFSYNC where fsync alone does not)."""
        sync_file(descriptor)

    def sync_data(self, descriptor: int) -> None:
        """As `sync`, except for the file's times. Costs much less in a file that does not grow."""
        sync_data(descriptor)

    def rename(self, source: AnyPlace, target: AnyPlace) -> None:
        """Give the source the name of the target, in one step for every reader."""
        with at(source) as (name, directory), at(target) as (new_name, new_directory):
            os.replace(name, new_name, src_dir_fd=directory, dst_dir_fd=new_directory)

    def sync_directory(self, path: AnyPlace) -> None:
        """Make the names in a directory durable."""
        sync_directory(path)

    def unlink(self, path: AnyPlace) -> None:
        """Remove a name."""
        with at(path) as (name, directory):
            os.unlink(name, dir_fd=directory)

    def wait(self, seconds: float) -> None:
        """Give another process time to close the file (Windows)."""
        time.sleep(seconds)


REAL_DISK = Disk()


def replace_file(
    path: AnyPlace,
    content: bytes | bytearray | memoryview,
    disk: Disk = REAL_DISK,
    *,
    follows_link: bool = False,
) -> None:
    """Replace the content of a file, durably, whole or not at all. A link is replaced, and not its target.

    Args:
        path: of the file.
        content: the new one.
        disk: carries out the steps.
        follows_link: replace what a link leads to instead, for files that people write and keep elsewhere.

    Raises:
        DurableWriteFailed: a step failed. No temp file is left. A failed fsync is never repeated: the kernel
            may have dropped the pages and would then report success (fsync(2), "fsyncgate").
    """
    with Replacement(followed(path) if follows_link else path, content, disk) as replacement:
        if follows_link:
            replacement.check_target()
        replacement.stage()
        replacement.rename()
        replacement.sync_directory()


class Replacement:
    """The steps that replace one file. Leaving the block before the last step drops the temp file.

    Per process and file only one replacement runs at a time; a second one blocks in `__enter__`.
    """

    def __init__(
        self, path: AnyPlace, content: bytes | bytearray | memoryview, disk: Disk = REAL_DISK
    ) -> None:
        self.path = path
        self._content = content
        self._disk = disk
        self._temporary = _temporary_of(path)
        self._ours: os.stat_result | None = None

    def check_target(self) -> None:
        """Refuse to replace what is no file: a link to `/dev/null` would make a file of it, for everybody."""
        with self._step("create"), contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(self.path.lstat().st_mode):
                raise OSError(errno.EEXIST, "something that is no regular file has its name")

    def stage(self) -> None:
        """Write the content beside the target, and sync it.

        Raises:
            DurableWriteFailed: this step failed. The other steps raise it, too.
        """
        with self._step("create"):
            descriptor = self._disk.create(self._temporary)
        try:
            with self._step("write"):
                _write_all(self._disk, descriptor, memoryview(self._content))
                self._ours = os.fstat(descriptor)
            with self._step("sync"):
                self._disk.sync(descriptor)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            self._drop()
            raise
        with self._step("sync"):
            os.close(descriptor)

    def rename(self) -> None:
        """Give the staged file the name of the target: readers see the new content from here on."""
        assert self._ours is not None, "stage() comes first"
        with self._step("rename"):
            _check_ours(self._temporary, self._ours)
            _rename(self._disk, self._temporary, self.path)
        self._ours = None

    def sync_directory(self) -> None:
        """Make the new name durable."""
        with self._step("sync_directory"):
            self._disk.sync_directory(self.path.parent)

    def __enter__(self) -> Self:
        _owners.take(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._ours is not None:
                self._drop()
        finally:
            _owners.give_back(self.path)

    def _drop(self) -> None:
        self._ours = None
        with contextlib.suppress(OSError):
            self._disk.unlink(self._temporary)

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DurableWriteFailed(
                str(self.path), name, error.errno or 0, error.strerror or str(error)
            ) from error


class _Owners:
    """Which files the threads of this process are replacing."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._changed = threading.Condition()

    def take(self, target: AnyPlace) -> None:
        with self._changed:
            self._changed.wait_for(lambda: str(target) not in self._taken)
            self._taken.add(str(target))

    def give_back(self, target: AnyPlace) -> None:
        with self._changed:
            self._taken.discard(str(target))
            self._changed.notify_all()


_owners = _Owners()


def sweep_temporary(path: AnyPlace, *, follows_link: bool = False) -> None:
    """Remove the temp file that a killed owner left beside its file, if possible. For the owner to call."""
    with contextlib.suppress(OSError):
        REAL_DISK.unlink(_temporary_of(followed(path) if follows_link else path))


def move(source: AnyPlace, target: AnyPlace, disk: Disk = REAL_DISK) -> None:
    """Give a file or directory another name on the same file system, durably.

    Raises:
        DurableWriteFailed: the rename or the fsync of a directory failed.
    """
    step = "rename"
    try:
        _rename(disk, source, target)
        step = "sync_directory"
        disk.sync_directory(target.parent)
        if source.parent != target.parent:
            disk.sync_directory(source.parent)
    except OSError as error:
        raise DurableWriteFailed(str(target), step, error.errno or 0, error.strerror or str(error)) from error


def remove_file(path: AnyPlace) -> None:
    """Remove a file, durably; it need not exist.

    Raises:
        OSError: it stays, or its directory cannot be synced.
    """
    with contextlib.suppress(FileNotFoundError):
        REAL_DISK.unlink(path)
        sync_directory(path.parent)


def make_directory(path: AnyPlace) -> None:
    """Create a directory and its missing parents, private to their owner, and make their names durable.

    Raises:
        OSError: it cannot be created, or something else has its name.
    """
    if path.is_dir():
        return
    if isinstance(path, RootedPlace) and not path.parts:
        make_directory(path.path)
        return
    if path.parent != path:
        make_directory(path.parent)
    try:
        with at(path) as (name, directory):
            os.mkdir(name, DIRECTORY_MODE, dir_fd=directory)
    except FileExistsError:
        if path.is_symlink() and not path.is_dir():
            raise link_in_the_way(Path(str(path))) from None
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "the name is taken by a file", str(path)) from None
        return
    sync_directory(path.parent)


def make_own_directory(path: Path) -> None:
    """As `make_directory`, where nobody but us puts anything: a link in its place is refused.

    Raises:
        PlaceRefused: a link lies there; it and what it leads to stay as they are.
        OSError: it cannot be created, or something else has its name.
    """
    with contextlib.suppress(FileNotFoundError):
        if is_link(os.lstat(path)):
            raise link_in_the_way(path)
    make_directory(path)


def sync_file(descriptor: int) -> None:
    """Make an open file durable. On macOS fsync leaves it in the drive's cache, F_FULLFSYNC does not."""
    if sys.platform == "darwin":
        import fcntl

        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                raise  # with the errors above, the file system just does not know the call
    os.fsync(descriptor)


def sync_data(descriptor: int) -> None:
    """Make the bytes of an open file durable, and the size needed to read them, but not the times."""
    if sys.platform == "linux":
        os.fdatasync(descriptor)
    else:
        sync_file(descriptor)


def sync_directory(path: AnyPlace) -> None:
    """Make the names in a directory durable. Windows has no call for it, and NTFS journals names itself."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY) if isinstance(path, Path) else path.root.descend(path.parts)
        try:
            sync_file(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        error.filename = str(path)  # errors of calls on an open descriptor do not name the file
        raise


def followed(path: AnyPlace) -> AnyPlace:
    """What a symbolic link leads to, or the path itself; below a root no link is followed."""
    return Path(os.path.realpath(path)) if isinstance(path, Path) and path.is_symlink() else path


def _temporary_of(target: AnyPlace) -> AnyPlace:
    return target.with_name(target.name + TEMPORARY_SUFFIX)


def _write_all(disk: Disk, descriptor: int, content: memoryview) -> None:
    content = content.cast("B")
    while content:
        written = disk.write(descriptor, content)
        content = content[written:]


def _rename(disk: Disk, source: AnyPlace, target: AnyPlace) -> None:
    """Rename, in several attempts: on Windows a virus scanner may have either file open for a moment."""
    for attempt in range(1, SHARING_ATTEMPTS + 1):
        try:
            disk.rename(source, target)
            return
        except OSError as error:
            if getattr(error, "winerror", None) not in _SHARING_VIOLATIONS or attempt == SHARING_ATTEMPTS:
                raise
        disk.wait(SHARING_DELAY_SECONDS * attempt)


def _check_ours(temporary: AnyPlace, ours: os.stat_result) -> None:
    """Refuse to rename what another process wrote under the temp name: the file has more than one owner."""
    with at(temporary) as (name, directory):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode) or (found.st_dev, found.st_ino) != (ours.st_dev, ours.st_ino):
        raise OSError(errno.EBUSY, "another process writes the same file")


def _advice(number: int) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free some space on that disk and try again"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "check who may write to that directory"
    if number == errno.EFBIG:
        return "remove what is not needed"
    if number == errno.ENOENT:
        return "check that the directory exists"
    if number == errno.EEXIST:
        return "move away what has its name"
    return "check the disk"
