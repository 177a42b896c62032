"""Tells one state of a file from another without reading it: device, inode, time of change, length."""

from __future__ import annotations

import os
from typing import Final, NamedTuple, Self

from actors.shared.places.rooted_place import AnyPlace, RootedPlace

NUMBER_MASK: Final = 2**63 - 1
"""Some file systems give numbers of 64 bits and more. Of these, records hold what every reader takes."""


class FileIdentity(NamedTuple):
    """Equal for two looks at a file that nobody replaced or wrote to in between.

    Attributes:
        device: of the file system.
        inode: of the file; another file under the same name has another one.
        mtime_ns: when its content last changed, in nanoseconds since the Unix epoch.
        size_bytes: its length.
    """

    device: int
    inode: int
    mtime_ns: int
    size_bytes: int

    @classmethod
    def of(cls, file: AnyPlace | str | int | os.stat_result, *, follow_links: bool = True) -> Self:
        """Identity of a path, a place, an open descriptor, or of what `os.stat` returned.

        Raises:
            OSError: there is no such file, or it cannot be looked at.
        """
        if isinstance(file, RootedPlace):
            file = file.lstat()
        if not isinstance(file, os.stat_result):
            file = os.stat(file, follow_symlinks=follow_links)
        return cls(file.st_dev & NUMBER_MASK, file.st_ino & NUMBER_MASK, file.st_mtime_ns, file.st_size)

    @classmethod
    def seen_at(cls, path: AnyPlace | str, *, follow_links: bool = True) -> Self | None:
        """Identity of a path; None where nothing can be seen."""
        try:
            return cls.of(path, follow_links=follow_links)
        except OSError:
            return None
