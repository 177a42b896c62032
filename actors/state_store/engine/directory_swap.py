"""Lets other directories take the place of those of the store: written aside, durable, then moved in, and finished at the next start if killed.

.restore/new/<directory>   what is to be there
.restore/old/<directory>   what was there
.restore/intent.json       the decision: without it the present stays, with it the new is moved in, whatever
happens

Each step can be told from what is there already, so that it is taken once, however often it is begun.
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


def begin(root: Path, places: Iterable[str]) -> None:
    """Make empty directories for what is to be there; what an earlier attempt left goes.

    Raises:
        OSError: they cannot be made.
    """
    discard(root)
    for place in places:
        make_directory(root / RESTORING / "new" / place)
    make_directory(root / RESTORING / "old")


def stage(root: Path, relative: str, content: bytes) -> None:
    """Write a file that is to be there. Not durable before `settle`.

    Raises:
        OSError: it cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(f"{root}/{RESTORING}/new/{relative}", flags, FILE_MODE)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def settle(root: Path, beat: Callable[[], None] = lambda: None) -> None:
    """Make durable what was staged; `beat` is called for each file.

    Raises:
        OSError: a sync failed.
    """
    with ThreadPoolExecutor(SYNCS_AT_ONCE, "settle") as executor:
        for parent, _, names in os.walk(root / RESTORING / "new"):
            for _ in executor.map(_sync, [os.path.join(parent, name) for name in names]):
                beat()
            sync_directory(Path(parent))


def commit(root: Path, id: str) -> None:
    """Decide that what was staged is what the store holds, durably.

    Raises:
        DurableWriteFailed: it is not decided, unless `replaced` says so.
    """
    replace_file(root / RESTORING / INTENT, msgspec.json.encode({"restores": id}) + b"\n")


def carry_out(root: Path) -> None:
    """Move in what was decided on; begun again after a kill, it goes on.

    Raises:
        OSError: a directory cannot be moved; the next start goes on.
    """
    new, old = root / RESTORING / "new", root / RESTORING / "old"
    for name in sorted(os.listdir(new)):
        if (root / name).exists():
            os.rename(root / name, old / name)
        os.rename(new / name, root / name)
    for directory in (root, new, old):
        sync_directory(directory)
    for name in os.listdir(old):
        _keep_strangers(old / name, root / name, name)
    remove_file(root / RESTORING / INTENT)
    discard(root)


def resume(root: Path) -> bool:
    """At a start: finish a restore that was decided on, or forget one that was not. Returns whether there was one to finish.

    Raises:
        OSError: the disk does not let it.
    """
    if (root / RESTORING / INTENT).exists():
        carry_out(root)
        return True
    discard(root)
    return False


def discard(root: Path) -> None:
    """Remove what was staged and not decided on.

    Raises:
        OSError: it cannot be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(root / RESTORING)


def _keep_strangers(old: Path, present: Path, name: str) -> None:
    """Let evidence and whatever else is no key's stay where it was: it is in no backup."""
    namespace = next(
        (namespace for namespace, directory in key_paths.DIRECTORIES.items() if directory == name), name
    )
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
