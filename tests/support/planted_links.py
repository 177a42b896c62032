"""What another user plants where Undercroft writes, and a victim that must not change."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from actors.shared.durable.atomic_exchange import exchange

Seen = dict[str, tuple[int, bytes, float]]


class Victim:
    """A directory outside, with files of the names that are looked for, and what it was like."""

    def __init__(self, directory: Path, *names: str) -> None:
        """Make it.

        Args:
            directory: to be made.
            names: of its files, with slashes.
        """
        self.directory = directory
        for name in names:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"precious " + name.encode() * 10)
            path.chmod(0o640)
        self._before = self._seen()

    def assert_untouched(self) -> None:
        """Nothing of it was written, cut, added, removed, or got another mode."""
        assert self._seen() == self._before

    def _seen(self) -> Seen:
        found: Seen = {}
        for path in sorted(self.directory.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            changed = status.st_mtime if path.is_file() else 0.0
            found[path.relative_to(self.directory).as_posix()] = (
                stat.S_IMODE(status.st_mode),
                content,
                changed,
            )
        return found


def plant(place: Path, target: Path) -> None:
    """Put a link in the place of whatever lies there."""
    with contextlib.suppress(FileNotFoundError):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    place.symlink_to(target)


@contextlib.contextmanager
def swapping(place: Path, target: Path) -> Iterator[None]:
    """For the length of a block, a thread makes a place a link and what it was before, in turn.

    The two trade their names in one step, so that each call sees one of both.
    """
    link, ended = place.with_name(f"swapped with {place.name}"), threading.Event()
    link.symlink_to(target)

    def swap() -> None:
        while not ended.is_set():
            with contextlib.suppress(Exception):  # what is under attack may have moved one of them
                exchange_now(place, link)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def exchange_now(first: Path, second: Path) -> None:
    """Let two names in one directory trade places."""
    if not exchange(first, second):
        raise OSError("this platform cannot")


def can_swap(directory: Path) -> bool:
    """Whether two names can trade places there."""
    (directory / "one").touch()
    (directory / "two").touch()
    try:
        return exchange(directory / "one", directory / "two")
    finally:
        os.unlink(directory / "one")
        os.unlink(directory / "two")
