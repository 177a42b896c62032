"""Replaces the directories of a store by others: written aside, durable, then moved in.

    .restore/new/<directory>   what will be there
    .restore/old/<directory>   what was there
    .restore/intent.json       the decision: without it the present stays, with it the new is moved in

Each step leaves a state from which the next start goes on, wherever the process was killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.durable_write import (
    FILE_MODE,
    make_directory,
    remove_file,
    replace_file,
    sync_directory,
    sync_file,
)
from actors.state_store.engine import key_paths

RESTORING: Final = ".restore"
INTENT: Final = "intent.json"
SYNCS_AT_ONCE: Final = 8


class DirectorySwap:
    """The swap of one store: `begin`, `stage` each file, `settle`, `commit`, `carry_out`."""

    def __init__(self, root: Path) -> None:
        """Make a swap; nothing happens yet.

        Args:
            root: the directory of the store.
        """
        self._root = root
        self._new = root / RESTORING / "new"
        self._old = root / RESTORING / "old"
        self._intent = root / RESTORING / INTENT

    def begin(self, places: Iterable[str]) -> None:
        """Make empty directories for the new files; what an earlier attempt left is removed.

        Raises:
            OSError: they cannot be made.
        """
        self.discard()
        for place in places:
            make_directory(self._new / place)
        make_directory(self._old)

    def stage(self, relative: str, content: bytes) -> None:
        """Write a new file. It is not durable before `settle`.

        Raises:
            OSError: it cannot be written.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(f"{self._new}/{relative}", flags, FILE_MODE)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)

    def settle(self, beat: Callable[[], None] = lambda: None) -> None:
        """Make the staged files durable.

        Args:
            beat: called after each file.

        Raises:
            OSError: a sync failed.
        """
        with ThreadPoolExecutor(SYNCS_AT_ONCE, "settle") as executor:
            for parent, _, names in os.walk(self._new):
                for _ in executor.map(_sync, [os.path.join(parent, name) for name in names]):
                    beat()
                sync_directory(Path(parent))

    def commit(self, id: str) -> None:
        """Decide, durably, that the staged files take the place of the present ones.

        Raises:
            DurableWriteFailed: it is not decided, unless `replaced` says so.
        """
        replace_file(self._intent, msgspec.json.encode({"restores": id}) + b"\n")

    def carry_out(self) -> None:
        """Move the staged directories in. Repeated after a kill, it goes on where it stopped.

        Raises:
            OSError: a directory cannot be moved; the next start goes on.
        """
        for name in sorted(os.listdir(self._new)):
            if (self._root / name).exists():
                os.rename(self._root / name, self._old / name)
            os.rename(self._new / name, self._root / name)
        for directory in (self._root, self._new, self._old):
            sync_directory(directory)
        for name in os.listdir(self._old):
            _keep_other_files(self._old / name, self._root / name, name)
        remove_file(self._intent)
        self.discard()

    def resume(self) -> bool:
        """At a start: finish a swap that was decided, or remove one that was not.

        Returns:
            Whether there was one to finish.

        Raises:
            OSError: the disk refused.
        """
        if self._intent.exists():
            self.carry_out()
            return True
        self.discard()
        return False

    def discard(self) -> None:
        """Remove what was staged.

        Raises:
            OSError: it cannot be removed.
        """
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._root / RESTORING)


def _keep_other_files(old: Path, present: Path, name: str) -> None:
    """Move files that belong to no key, such as evidence, to the new directory: no backup holds them."""
    namespace = key_paths.namespace_in(name)
    for parent, _, names in os.walk(old):
        division = os.path.relpath(parent, old)
        division = "" if division == "." else division.replace(os.sep, "/")
        for file in names:
            is_ours = (
                file.endswith(".tmp")
                or key_paths.is_cut(file)
                or key_paths.key_of(namespace, division, file) is not None
            )
            target = present / division / file
            if not is_ours and not target.exists():
                make_directory(target.parent)
                os.rename(os.path.join(parent, file), target)
                sync_directory(target.parent)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)
