"""How much room a disk has left."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Room on one file system, as far as this user may take it."""

    free_bytes: int
    total_bytes: int


def disk_space(path: Path) -> DiskSpace:
    """Room on the disk of a file or directory.

    Raises:
        OSError: there is no such path, or the disk does not answer.
    """
    found = shutil.disk_usage(path)
    return DiskSpace(found.free, found.total)


def nearest_disk_space(path: Path) -> DiskSpace | None:
    """Room where a path lies, or would lie: on the disk of its nearest existing parent. None if unknown."""
    for place in (path, *path.parents):
        try:
            return disk_space(place)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return None


def free_bytes(path: Path) -> int | None:
    """Free bytes where a path lies, or would lie; None if unknown."""
    space = nearest_disk_space(path)
    return None if space is None else space.free_bytes
