"""Brings files to the content that the journal promises: after a crash, and after a disk failed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from actors.state_store.engine.key_paths import FORMER_VALUES
from actors.state_store.engine.operations import Incident
from actors.state_store.engine.state_layout import StateLayout


def replay(
    layout: StateLayout, contents: Mapping[str, bytes | None], *, rewrite: bool = False
) -> list[Incident]:
    """Write, durably, every file that differs from its promised content.

    Args:
        layout: the store.
        contents: path relative to the store to content; None: the file must go.
        rewrite: also write files that already hold their content, since that may not be durable.

    Returns:
        What could not be kept and is no reason to stop.

    Raises:
        OSError: the disk refused.
    """
    incidents, written = list[Incident](), list[str]()
    for relative, content in contents.items():
        path = layout.path(relative)
        if layout.is_backups_silent and relative.startswith(FORMER_VALUES):
            problem = "a former value is not kept: the disk of the backups does not answer"
            incidents.append(Incident("disk", relative, problem))
            continue
        if not path.resolve().is_relative_to(layout.root.resolve()):
            continue
        written.append(relative)
        if content is None:
            layout.put(relative, None)
        elif rewrite or not _holds(path, content):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            layout.put(relative, layout.stage(relative, content))
    layout.harden(written)
    return incidents


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False
