"""The files of a history as files, whatever they contain: list, truncate, delete."""

from __future__ import annotations

import os
from pathlib import Path

from actors.history.segments.segment_catalog import CATALOG_NAME, HEAD_NAME
from actors.shared.durable.durable_write import sync_directory, sync_file


def truncate_file(path: Path, size_bytes: int) -> None:
    """Cut off an unfinished line, so that the next start does not find it again."""
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    try:
        os.ftruncate(descriptor, size_bytes)
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def history_files(directory: Path, anchors: Path) -> list[Path]:
    """Return all files of a history, quarantined ones included; segments first."""
    return _listed(directory) + [
        path for path in _listed(anchors) if path.name.startswith((CATALOG_NAME, HEAD_NAME))
    ]


def delete_history_files(directory: Path, anchors: Path) -> int:
    """Delete all files of a history and return their number. Needs no key.

    The next start notices an interrupted deletion.

    Raises:
        OSError: some files are left.
    """
    found = history_files(directory, anchors)
    for path in found:
        path.unlink(missing_ok=True)
    for parent in {path.parent for path in found}:
        sync_directory(parent)
    return len(found)


def _listed(directory: Path) -> list[Path]:
    """Everything but directories, in the order of the names. Links are not followed."""
    try:
        with os.scandir(directory) as entries:
            return sorted(Path(one.path) for one in entries if not one.is_dir(follow_symlinks=False))
    except OSError:
        return []
