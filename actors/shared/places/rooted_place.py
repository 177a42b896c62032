"""A name below a root, and the calls that look at it, open it, rename it and remove it.

It is no path on purpose: a path can be opened by anybody, and then every link in it is followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from actors.shared.places.place_names import leaves_root
from actors.shared.places.root_directory import (
    BY_DESCRIPTOR,
    PlaceRefused,
    RootDirectory,
    is_link,
    link_in_the_way,
)
from bus.errors import UndercroftError

_ALWAYS: Final = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # or a named pipe would hang
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_WRITES: Final = os.O_WRONLY | os.O_RDWR


class PlaceUnfit(UndercroftError):
    """A name that does not stay below its root."""

    name: str
    root: str
    words = "{name!r} names nothing below {root}: expected names with slashes between them, without '..'"


@dataclass(frozen=True, slots=True)
class RootedPlace:
    """A place below a root; the root itself without parts.

    Attributes:
        root: where names are resolved.
        parts: names that lead from there to it. No link among them is followed.
    """

    root: RootDirectory
    parts: tuple[str, ...] = ()

    def __truediv__(self, inner: str) -> RootedPlace:
        """The place of a name, or of names with slashes between them, below this one.

        Raises:
            PlaceUnfit: it would not lie there.
        """
        parts = inner.split("/")
        if any(leaves_root(part) for part in parts):
            raise PlaceUnfit(inner, str(self.path))
        return RootedPlace(self.root, (*self.parts, *parts))

    def child(self, name: str) -> RootedPlace:
        """The place of a name that was found on disk, which may be stranger than those from outside."""
        return RootedPlace(self.root, (*self.parts, name))

    def __str__(self) -> str:
        return str(self.path)

    def __lt__(self, other: RootedPlace) -> bool:
        return self.parts < other.parts

    @property
    def path(self) -> Path:
        """For people and for other processes. Who opens it follows links."""
        return self.root.path.joinpath(*self.parts)

    @property
    def name(self) -> str:
        """The last of its names; that of the root if it has none."""
        return self.parts[-1] if self.parts else self.root.path.name

    @property
    def parent(self) -> RootedPlace:
        """The directory that it lies in; the root for itself."""
        return RootedPlace(self.root, self.parts[:-1])

    def with_name(self, name: str) -> RootedPlace:
        """Another place in the same directory.

        Raises:
            PlaceUnfit: the name is none.
        """
        return self.parent / name

    # -- looking -------------------------------------------------------------------------------------------

    def lstat(self) -> os.stat_result:
        """What lies there, a link itself and not its target.

        Raises:
            OSError: nothing, or it cannot be looked at.
        """
        with at(self) as (name, directory):
            return os.stat(name, dir_fd=directory, follow_symlinks=not self.parts)

    def seen(self) -> os.stat_result | None:
        """As `lstat`; None where nothing can be seen."""
        try:
            return self.lstat()
        except OSError:
            return None

    def is_there(self) -> bool:
        """Whether anything has this name, be it a broken link."""
        return self.seen() is not None

    def is_dir(self) -> bool:
        """Whether a directory lies there; a link to one is none."""
        found = self.seen()
        return found is not None and stat.S_ISDIR(found.st_mode) and not is_link(found)

    def is_file(self) -> bool:
        """Whether a regular file lies there; a link to one is none."""
        found = self.seen()
        return found is not None and stat.S_ISREG(found.st_mode)

    def is_symlink(self) -> bool:
        """Whether a link lies there."""
        found = self.seen()
        return found is not None and is_link(found)

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor of this directory, for the length of a block. Not on Windows.

        Raises:
            OSError: it is no directory, or a link lies on the way.
        """
        with self.root.opened(self.parts) as descriptor:
            yield descriptor

    def names(self) -> list[str]:
        """The names in this directory, sorted.

        Raises:
            OSError: it is no directory, or a link.
        """
        if not BY_DESCRIPTOR:
            return sorted(os.listdir(self.root.checked(self.parts)))
        with self.root.opened(self.parts) as descriptor:
            return sorted(os.listdir(descriptor))

    def iterdir(self) -> Iterator[RootedPlace]:
        """The places in this directory.

        Raises:
            OSError: it is no directory, or a link.
        """
        return (self.child(name) for name in self.names())

    def entries(self) -> list[tuple[RootedPlace, bool]]:
        """The places in this directory, and whether each is a directory. Costs one look for all of them.

        Raises:
            OSError: it is no directory, or a link.
        """
        if not BY_DESCRIPTOR:
            return [(place, place.is_dir()) for place in self.iterdir()]
        with self.opened() as descriptor, os.scandir(descriptor) as found:
            kinds = {entry.name: entry.is_dir(follow_symlinks=False) for entry in found}
        return [(self.child(name), kinds[name]) for name in sorted(kinds)]

    # -- changing ------------------------------------------------------------------------------------------

    def open(self, flags: int, mode: int = 0o600) -> int:
        """Open a regular file that nothing outside shares; returns its descriptor. Never waits for a pipe.

        Args:
            flags: as of `os.open`. O_TRUNC is applied after the look at the file.
            mode: of a new file.

        Raises:
            OSError: it cannot be opened, is a link, no regular file, or has another name elsewhere and would
                be written to.
        """
        with at(self) as (name, directory):
            return open_regular(name, flags, mode, directory, self.path)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove a file, or a link itself.

        Raises:
            OSError: it stays.
        """
        with contextlib.suppress(*([FileNotFoundError] if missing_ok else [])), at(self) as (name, directory):
            os.unlink(name, dir_fd=directory)

    def rmdir(self) -> None:
        """Remove an empty directory.

        Raises:
            OSError: it stays.
        """
        with at(self) as (name, directory):
            os.rmdir(name, dir_fd=directory)

    def mkdir(self, mode: int = 0o700) -> None:
        """Make a directory.

        Raises:
            OSError: it cannot be made, or the name is taken.
        """
        with at(self) as (name, directory):
            os.mkdir(name, mode, dir_fd=directory)


AnyPlace = Path | RootedPlace
"""A path of our own, or a place below a root. What takes both follows no link below a root."""


class at:  # noqa: N801  # read as a word: `with at(place) as (name, directory)`
    """How a system call names a place: its name, and the descriptor of the directory that the name is in.

    Entering raises OSError where the directory is not there, or a link lies on the way.
    """

    __slots__ = ("_descriptor", "_place")

    def __init__(self, place: AnyPlace) -> None:
        self._place = place
        self._descriptor: int | None = None

    def __enter__(self) -> tuple[str, int | None]:
        place = self._place
        if isinstance(place, Path) or not place.parts:
            return str(place), None
        *parents, name = place.parts
        if BY_DESCRIPTOR:
            self._descriptor = place.root.descend(parents)
            return name, self._descriptor
        return str(place.root.checked(parents) / name), None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def below(directory: AnyPlace) -> RootedPlace:
    """A directory as a place, so that names below it are resolved without following links."""
    return RootedPlace(RootDirectory(directory)) if isinstance(directory, Path) else directory


def placed(path: AnyPlace) -> RootedPlace:
    """A file or directory as a place below the directory that it lies in."""
    return below(path.parent) / path.name if isinstance(path, Path) else path


def open_regular(name: str, flags: int, mode: int, directory: int | None, path: Path) -> int:
    """Open a regular file by its name in a directory; see `RootedPlace.open`.

    Args:
        name: of the file; a link is refused.
        flags: as of `os.open`.
        mode: of a new file.
        directory: descriptor that the name is relative to, if there is one.
        path: names the file for people.

    Raises:
        OSError: as `RootedPlace.open`.
    """
    try:
        if os.name == "nt" and os.path.lexists(name) and is_link(os.lstat(name)):
            raise link_in_the_way(path)
        descriptor = os.open(name, (flags & ~os.O_TRUNC) | _ALWAYS, mode, dir_fd=directory)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise link_in_the_way(path) from error
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise PlaceRefused(errno.EINVAL, "it is no regular file; move it away", str(path))
        if flags & _WRITES and found.st_nlink > 1:
            words = "the same file has another name elsewhere, so it is not written to; remove one of the two"
            raise PlaceRefused(errno.EMLINK, words, str(path))
        if flags & os.O_TRUNC and found.st_size:
            os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
