"""Lets two names in one directory trade places, in one step for every reader, where the platform can."""

from __future__ import annotations

import errno
import os
import platform
import sys
from functools import cache
from typing import Any, Final

from actors.shared.durable.durable_write import DurableWriteFailed, sync_directory
from actors.shared.places.rooted_place import AnyPlace, at

_AT_FDCWD: Final = -2 if sys.platform == "darwin" else -100
_RENAME_EXCHANGE: Final = 2  # renameat2(2)
_RENAME_SWAP: Final = 2  # renameatx_np(2) of macOS
_RENAMEAT2: Final = {"x86_64": 316, "aarch64": 276, "riscv64": 276, "armv7l": 382}
_NOT_THERE: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)


def exchange(first: AnyPlace, second: AnyPlace) -> bool:
    """Let two files or directories trade their names, durably. Both must be there, in one directory.

    Returns:
        False, with nothing changed, where there is no such call: on Windows and some network disks.

    Raises:
        DurableWriteFailed: the exchange or the fsync of the directory failed.
    """
    try:
        with at(first) as one, at(second) as other:
            number = _exchange(one, other)
    except OSError as error:
        raise DurableWriteFailed(
            str(second), "rename", error.errno or 0, error.strerror or str(error)
        ) from error
    if number in _NOT_THERE:
        return False
    if number:
        raise DurableWriteFailed(str(second), "rename", number, os.strerror(number))
    try:
        sync_directory(second.parent)
    except OSError as error:
        raise DurableWriteFailed(
            str(second), "sync_directory", error.errno or 0, error.strerror or str(error)
        ) from error
    return True


def _exchange(first: tuple[str, int | None], second: tuple[str, int | None]) -> int:
    """Make the system call. Returns 0, or its error number."""
    if sys.platform not in ("linux", "darwin"):
        return errno.ENOSYS
    import ctypes

    library = _library()
    source, target = os.fsencode(first[0]), os.fsencode(second[0])
    from_directory, to_directory = (_AT_FDCWD if at is None else at for _, at in (first, second))
    ctypes.set_errno(0)
    if sys.platform == "darwin":
        done = library.renameatx_np(from_directory, source, to_directory, target, _RENAME_SWAP)
    elif hasattr(library, "renameat2"):
        done = library.renameat2(from_directory, source, to_directory, target, _RENAME_EXCHANGE)
    elif platform.machine() in _RENAMEAT2:  # an older C library knows no name for it
        done = library.syscall(
            _RENAMEAT2[platform.machine()], from_directory, source, to_directory, target, _RENAME_EXCHANGE
        )
    else:
        return errno.ENOSYS
    return 0 if done == 0 else ctypes.get_errno()


@cache
def _library() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)
