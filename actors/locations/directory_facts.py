"""What can be seen of a directory, without changing anything."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One directory as it was found.

    Attributes:
        path: as it was asked for.
        real: the same with every link followed, so that two names of one place are seen to be one.
        kind: `other` is a file, a socket, a link that leads nowhere.
        is_empty: nothing lies in it; True if it is missing.
        nearest: the nearest directory above it that exists, or itself.
        is_reachable: there is such a directory; there is none on a drive of Windows, or a share, that is not
            there.
        may_write: to the directory, or if it is missing to the nearest one, so that it could be created.
        mount: the mount point it is on, or would be on.
        free_bytes: None if the disk does not say.
    """

    path: Path
    real: Path
    kind: Literal["directory", "missing", "other"]
    is_empty: bool
    nearest: Path
    is_reachable: bool
    may_write: bool
    mount: Path
    free_bytes: int | None


def observe(path: Path) -> Facts:
    """Look at a directory that may not be there. Blocks for as long as its drive takes."""
    kind: Literal["directory", "missing", "other"] = "missing"
    if path.is_dir():
        kind = "directory"
    elif os.path.lexists(path):
        kind = "other"
    nearest = nearest_directory(path)
    return Facts(
        path=path,
        real=Path(os.path.realpath(path)),
        kind=kind,
        is_empty=kind != "directory" or _is_empty(path),
        nearest=nearest,
        is_reachable=nearest.is_dir(),
        may_write=os.access(nearest, os.W_OK | os.X_OK),
        mount=mount_of(nearest),
        free_bytes=_free_bytes(nearest),
    )


def nearest_directory(path: Path) -> Path:
    """The directory itself, or the nearest one above it that exists; the last one, which may not (a drive of Windows), otherwise."""
    for candidate in (path, *path.parents):
        if candidate.is_dir():
            return candidate
    return Path(path.anchor)


def mount_of(path: Path) -> Path:
    """The mount point that an existing directory is on; on Windows its drive."""
    real = Path(os.path.realpath(path))
    for candidate in (real, *real.parents):
        if os.path.ismount(candidate):
            return candidate
    return Path(real.anchor)


def _is_empty(path: Path) -> bool:
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def _free_bytes(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None
