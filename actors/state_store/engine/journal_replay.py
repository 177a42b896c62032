"""Lets the files hold what the journal says: what a start does after a crash, and a checkpoint after a disk that failed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from actors.state_store.engine.operations import Incident
from actors.state_store.engine.state_layout import Tree
from actors.state_store.engine.transaction import KEPT_ASIDE


def replay(tree: Tree, after: Mapping[str, bytes | None], *, anew: bool = False) -> list[Incident]:
    """Write, durably, what differs from what the files are to hold; returns what could not be kept and is no reason to stop.

    `after` maps a path relative to the store to its content; None: the file is to go. With `anew` also that
    is written which seems to be so already, since it may not be durable.

    Raises:
        OSError: the disk does not let it.
    """
    incidents, written = list[Incident](), list[str]()
    for relative, content in after.items():
        path = tree.path(relative)
        if tree.is_backups_silent and relative.startswith(KEPT_ASIDE):
            incidents.append(
                Incident(
                    "disk", relative, "a former value is not kept: the disk of the backups does not answer"
                )
            )
            continue
        if not path.resolve().is_relative_to(tree.root.resolve()):
            continue
        written.append(relative)
        if content is None:
            tree.put(relative, None)
        elif anew or not _holds(path, content):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            tree.put(relative, tree.stage(relative, content))
    tree.harden(written)
    return incidents


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False
