"""Replaces the directories of a store by others: written aside, durable, then moved in.

    .restore/new/<directory>   what will be there
    .restore/old/<directory>   what was there
    .restore/intent.json       the decision: without it the present stays, with it the new is moved in

Each step leaves a state from which the next start goes on, wherever the process was killed. What no swap
leaves there, such as a directory that no namespace has, is put aside as a whole and never moved in.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import (
    make_directory,
    remove_file,
    replace_file,
    sync_directory,
    sync_file,
)
from actors.shared.durable.numbered_name import first_free
from actors.shared.durable.quarantine import quarantine
from actors.shared.places.rooted_place import below
from actors.state_store.engine import key_paths
from schemas.bounds import Identifier

RESTORING: Final = ".restore"
INTENT: Final = "intent.json"
INTENT_LIMIT_BYTES: Final = 4096
SYNCS_AT_ONCE: Final = 8


class SwapIntent(msgspec.Struct, frozen=True, kw_only=True):
    """The decision that a swap is carried out.

    Attributes:
        restores: id of the backup.
    """

    restores: Identifier


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
            PlaceUnfit: the name leads out of there.
        """
        descriptor = (below(self._new) / relative).open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
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
        replace_file(self._intent, msgspec.json.encode(SwapIntent(restores=id)) + b"\n")

    def carry_out(self) -> None:
        """Move the staged directories in. Repeated after a kill, it goes on where it stopped.

        Raises:
            OSError: a directory cannot be moved; the next start goes on.
        """
        for name in sorted(os.listdir(self._new)):
            if os.path.lexists(self._root / name):
                os.rename(self._root / name, first_free(self._old / name))
            os.rename(self._new / name, self._root / name)
        for directory in (self._root, self._new, self._old):
            sync_directory(directory)
        for name in os.listdir(self._old):
            if (self._root / name).is_dir():
                _keep_other_files(self._old / name, self._root / name, name)
        remove_file(self._intent)
        self.discard()

    def resume(self) -> Path | None:
        """At a start: finish a swap that was decided, or remove one that was not.

        Returns:
            Where something lies now that is no swap of this store; None if all was well.

        Raises:
            OSError: the disk refused.
        """
        place = self._root / RESTORING
        if not os.path.lexists(place):
            return None
        if not _is_directory(place) or (os.path.lexists(self._intent) and not self._is_whole()):
            return quarantine(place)
        if os.path.lexists(self._intent):
            self.carry_out()
        else:
            self.discard()
        return None

    def discard(self) -> None:
        """Remove what was staged; what cannot be that is put aside.

        Raises:
            OSError: it cannot be removed.
        """
        place = self._root / RESTORING
        if _is_directory(place):
            shutil.rmtree(place)
        elif os.path.lexists(place):
            quarantine(place)

    def _is_whole(self) -> bool:
        """Whether a decided swap has its parts, and would move in nothing but directories of namespaces."""
        try:
            content = read_file(self._intent, INTENT_LIMIT_BYTES)
            msgspec.json.decode(content or b"", type=SwapIntent)
        except (FileUnreadable, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return (
            _is_directory(self._new)
            and _is_directory(self._old)
            and all(
                key_paths.is_directory_name(name) and _is_directory(self._new / name)
                for name in os.listdir(self._new)
            )
        )


def _keep_other_files(old: Path, present: Path, name: str) -> None:
    """Move files that belong to no key, such as evidence, to the new directory: no backup holds them."""
    namespace = key_paths.namespace_in(name)
    divisions = ("", *key_paths.DIVISIONS.get(namespace, ()))
    for parent, _, names in os.walk(old):
        division = os.path.relpath(parent, old)
        division = "" if division == "." else division.replace(os.sep, "/")
        for file in names:
            is_ours = division in divisions and (
                file.endswith(".tmp")
                or key_paths.is_cut(file)
                or key_paths.key_of(namespace, division, file) is not None
            )
            target = present / division / file
            if not is_ours and not os.path.lexists(target):
                make_directory(target.parent)
                os.rename(os.path.join(parent, file), target)
                sync_directory(target.parent)


def _is_directory(path: Path) -> bool:
    """Whether it is one itself, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)
