"""The one module that replaces files: after a crash at any step a reader finds the old content or the new, whole.

Temp file in the same directory, write, fsync, rename, fsync of the directory. Without the last the rename, without
the first the content may be lost in a power cut. Every file has one owner, so `<name>.tmp` needs no random part:
what a killed owner left under that name is replaced by its next write.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import threading
import time
from pathlib import Path

from bus.errors import UndercroftError

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
SHARING_ATTEMPTS = 10
SHARING_DELAY_SECONDS = 0.02
_SHARING_VIOLATIONS = (5, 32, 33)  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
_one_at_a_time = threading.Lock()


class DurableWriteFailed(UndercroftError):
    """A file could not be replaced, or not so that it survives a power cut.

    Attributes:
        path: the file that was to be replaced.
        step: what failed: `create`, `write`, `sync`, `rename` or `sync_directory`.
        errno: the operating system's number for it, 0 if it gave none.
        reason: the operating system's words.
    """

    def __init__(self, path: str, step: str, errno: int, reason: str) -> None:
        super().__init__(path, step, errno, reason)
        self.path = path
        self.step = step
        self.errno = errno
        self.reason = reason

    @property
    def replaced(self) -> bool:
        """Whether readers already see the new content, though a power cut may still bring the old one back."""
        return self.step == "sync_directory"

    def __str__(self) -> str:
        kept = "the new content is in place but a power cut may undo it" if self.replaced else "the earlier content is untouched"
        return f"{self.path}: not saved: {self.step} failed ({self.reason}); {kept}; {_advice(self.errno)}"


class Disk:
    """The system calls that replacing a file takes, one method for each step."""

    def create(self, path: Path) -> int:
        """Open a new file for writing; what lies there under this name goes first."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            return os.open(path, flags, FILE_MODE)
        except FileExistsError:
            os.unlink(path)
            return os.open(path, flags, FILE_MODE)

    def write(self, descriptor: int, content: memoryview) -> int:
        """Write some of the content; returns how many bytes."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Bring content and size of an open file to the platters (F_FULLFSYNC where fsync alone does not)."""
        sync_file(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Let the name of the target mean the source; one step for every reader."""
        os.replace(source, target)

    def sync_directory(self, path: Path) -> None:
        """Bring the names in a directory to the platters."""
        sync_directory(path)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        os.unlink(path)

    def wait(self, seconds: float) -> None:
        """Give another process time to close the file (Windows)."""
        time.sleep(seconds)


REAL_DISK = Disk()


def replace_file(path: Path, content: bytes | bytearray | memoryview, disk: Disk = REAL_DISK) -> None:
    """Replace the content of a file, durably, whole or not at all. A symbolic link keeps, its target is replaced.

    Raises:
        DurableWriteFailed: a step failed. No temp file is left. A failed fsync is not tried again: the kernel may
            have dropped the pages and would then report success (fsync(2), "fsyncgate").
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(target.name + ".tmp")
    with _one_at_a_time:
        step = "create"
        try:
            descriptor = disk.create(temporary)
            try:
                step = "write"
                _write_all(disk, descriptor, memoryview(content))
                step = "sync"
                disk.sync(descriptor)
                ours = os.fstat(descriptor)
            except BaseException:
                _drop(disk, descriptor, temporary)
                raise
            os.close(descriptor)
            step = "rename"
            try:
                _check_ours(temporary, ours)
                _rename(disk, temporary, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    disk.unlink(temporary)
                raise
            step = "sync_directory"
            disk.sync_directory(target.parent)
        except OSError as error:
            raise DurableWriteFailed(str(path), step, error.errno or 0, error.strerror or str(error)) from error


def move(source: Path, target: Path, disk: Disk = REAL_DISK) -> None:
    """Give a file or directory another name in the same directory, durably.

    Raises:
        DurableWriteFailed: the rename or the fsync of the directory failed.
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


def remove_file(path: Path) -> None:
    """Remove a file, durably; it need not exist."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Create a directory and its missing parents, private to their owner, and make their names durable.

    Raises:
        OSError: it cannot be created, or the name is taken by something that is not a directory.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_directory(path.parent)
    try:
        os.mkdir(path, DIRECTORY_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "the name is taken by a file", str(path)) from None
        return
    sync_directory(path.parent)


def sync_file(descriptor: int) -> None:
    """Bring an open file to the platters. On macOS fsync leaves it in the drive's cache, F_FULLFSYNC does not."""
    if sys.platform == "darwin":
        import fcntl

        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                raise  # a real failure; the file systems named above merely do not know the call
    os.fsync(descriptor)


def sync_data(descriptor: int) -> None:
    """Bring the bytes of an open file, and the size needed to read them, to the platters; times may lag behind."""
    if sys.platform == "linux":
        os.fdatasync(descriptor)
    else:
        sync_file(descriptor)


def sync_directory(path: Path) -> None:
    """Bring the names in a directory to the platters. Windows offers no way to, and NTFS journals them itself."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def _write_all(disk: Disk, descriptor: int, content: memoryview) -> None:
    content = content.cast("B")
    while content:
        written = disk.write(descriptor, content)
        content = content[written:]


def _rename(disk: Disk, source: Path, target: Path) -> None:
    """Rename; on Windows a virus scanner or indexer may hold either name open for a moment, so some attempts."""
    for attempt in range(1, SHARING_ATTEMPTS + 1):
        try:
            disk.rename(source, target)
            return
        except OSError as error:
            if getattr(error, "winerror", None) not in _SHARING_VIOLATIONS or attempt == SHARING_ATTEMPTS:
                raise
        disk.wait(SHARING_DELAY_SECONDS * attempt)


def _check_ours(temporary: Path, ours: os.stat_result) -> None:
    """Refuse to rename what somebody else wrote under the temp name: the file has more than one owner."""
    found = os.lstat(temporary)
    if not stat.S_ISREG(found.st_mode) or (found.st_dev, found.st_ino) != (ours.st_dev, ours.st_ino):
        raise OSError(errno.EBUSY, "another process writes the same file")


def _drop(disk: Disk, descriptor: int, temporary: Path) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)
    with contextlib.suppress(OSError):
        disk.unlink(temporary)


def _advice(number: int) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free some space on that disk and try again"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "check who may write to that directory"
    if number == errno.ENOENT:
        return "check that the directory exists"
    return "check the disk"
