"""The files of a history as such, whatever is in them: found, cut, deleted."""

from __future__ import annotations

import os
from pathlib import Path

from actors.history.segments.catalog import CATALOG_NAME, HEAD_NAME
from actors.shared.durable.durable_write import sync_directory, sync_file


def cut_off(path: Path, length: int) -> None:
    """Take away a line that was never finished, so that it is not found again; nothing is ever appended behind it."""
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    try:
        os.ftruncate(descriptor, length)
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def files_of(directory: Path, anchors: Path) -> list[Path]:
    """All files that a history has on disk, what was put aside among them; segments first."""
    found = [path for path in sorted(directory.iterdir()) if path.is_file()] if directory.is_dir() else []
    names = (CATALOG_NAME, HEAD_NAME)
    return found + (
        [path for path in sorted(anchors.iterdir()) if path.name.startswith(names)]
        if anchors.is_dir()
        else []
    )


def purge(directory: Path, anchors: Path) -> int:
    """Delete all files of a history; how many. Needs no key. An interrupted one is noticed by the next start.

    Raises:
        OSError: not all of them are gone.
    """
    found = files_of(directory, anchors)
    for path in found:
        path.unlink(missing_ok=True)
    for parent in {path.parent for path in found}:
        sync_directory(parent)
    return len(found)
