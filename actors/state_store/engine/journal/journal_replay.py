"""Brings files to the content that the journal promises: after a crash, and after a disk failed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.quarantine import claim_directory
from actors.state_store.engine.files.state_layout import StateLayout
from actors.state_store.engine.key_paths import FORMER_VALUES, is_place
from actors.state_store.engine.operations import Incident


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
        if not is_place(relative):
            continue
        written.append(relative)
        if content is None:
            layout.put(relative, None)
        elif rewrite or not _holds(path, content):
            claim_directory(path.parent)
            layout.put(relative, layout.stage(relative, content))
    layout.harden(written)
    return incidents


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and read_file(path, len(content)) == content
    except (FileUnreadable, OSError):
        return False
