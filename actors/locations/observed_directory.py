"""Looks at a directory without changing anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from actors.shared.disk_space import free_bytes
from actors.shared.places.shared_root import shared_root_words

Kind = Literal["directory", "missing", "other"]
"""`other`: a file, a socket, or a link that leads nowhere."""


@dataclass(frozen=True, kw_only=True)
class ObservedDirectory:
    """What was seen of one directory.

    Attributes:
        path: as it was given.
        real: the same with all links followed, so that two names of one place compare equal.
        kind: what has this name.
        is_empty: it contains nothing; also true if it is missing.
        nearest: the directory itself, or the nearest one above it that exists.
        is_reachable: there is such a directory. There is none on a missing Windows drive or share.
        may_write: whether this user may write to the directory, or create it if it is missing.
        mount: the mount point that it is on, or would be on.
        free_bytes: None if the disk does not say.
        shared: who else may write there and what mends it, as half a sentence; empty if nobody.
    """

    path: Path
    real: Path
    kind: Kind
    is_empty: bool
    nearest: Path
    is_reachable: bool
    may_write: bool
    mount: Path
    free_bytes: int | None
    shared: str = ""


def observe(path: Path) -> ObservedDirectory:
    """Look at a directory that may be missing. Blocks until its drive answers."""
    kind: Kind = "missing"
    if path.is_dir():
        kind = "directory"
    elif os.path.lexists(path):
        kind = "other"
    nearest = nearest_directory(path)
    return ObservedDirectory(
        path=path,
        real=Path(os.path.realpath(path)),
        kind=kind,
        is_empty=kind != "directory" or _is_empty(path),
        nearest=nearest,
        is_reachable=nearest.is_dir(),
        may_write=os.access(nearest, os.W_OK | os.X_OK),
        mount=mount_of(nearest),
        free_bytes=free_bytes(nearest),
        shared=shared_root_words(path),
    )


def nearest_directory(path: Path) -> Path:
    """The directory or its nearest existing parent; else the root, such as a missing Windows drive."""
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
