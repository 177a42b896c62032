"""Finds what touches a disk: on the event loop, or in any thread."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

FILE_CALLS: Final = frozenset(
    (
        *("access", "chmod", "close", "fchmod", "fdatasync", "fstat", "fsync", "ftruncate", "link"),
        *("listdir", "lseek", "lstat", "mkdir", "open", "pread", "pwrite", "read", "readlink", "remove"),
        *("rename", "replace", "rmdir", "scandir", "stat", "statvfs", "symlink", "truncate", "unlink"),
        *("utime", "write"),
    )
)
LOOKS: Final = ((os, ("stat", "lstat", "open", "scandir", "listdir", "access")), (io, ("open",)))


@contextlib.contextmanager
def disk_calls_on_loop() -> Iterator[list[str]]:
    """Names of the calls that this thread makes to files inside the block."""
    found: list[str] = []

    def profile(frame: Any, event: str, called: Any) -> None:
        if event != "c_call":
            return
        name, module = getattr(called, "__name__", ""), getattr(called, "__module__", "")
        if (module in ("posix", "nt") and name in FILE_CALLS) or (module in ("io", "_io") and name == "open"):
            found.append(name)

    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(None)


@contextlib.contextmanager
def disk_calls_anywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the calls that look at files or open them inside the block, in whatever thread."""
    with monkeypatch.context() as patch, disk_calls_on_loop() as found:
        for module, names in LOOKS:
            for name in names:
                real = getattr(module, name)

                def count(*arguments: Any, name: str = name, real: Any = real, **options: Any) -> Any:
                    found.append(name)
                    return real(*arguments, **options)

                patch.setattr(module, name, count)
        yield found
