"""How backups look on a terminal: one line each, what a restore changed, and progress while a job runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.cli.terminal import Escape, show_parts
from actors.shared.text import local_time, size_text
from bus.client import Peer
from schemas.backups import BackupInfo, BackupProgressedEvent, BackupRestoredEvent


def backup_line(one: BackupInfo) -> str:
    """One backup: id, time, kind, name, documents, size, and how it is stored."""
    at = local_time(one.created_at)
    marks = ", ".join(
        mark for mark, holds in (("compressed", one.compressed), ("encrypted", one.encrypted)) if holds
    )
    name = f" {one.name!r}" if one.name else ""
    return (
        f"{one.id}  {at}  {one.kind}{name}, {one.documents} documents, {size_text(one.size_bytes)}, {marks}"
    )


def created_line(one: BackupInfo) -> str:
    """A backup that was just made."""
    content, on_disk = size_text(one.content_bytes), size_text(one.size_bytes)
    return f"{one.id}: {one.documents} documents, {content}, {on_disk} on disk"


def restored_lines(found: BackupRestoredEvent, *, dry_run: bool) -> list[str]:
    """What a restore changed, or would change."""
    would = "would be " if dry_run else ""
    counts = f"{found.changed} keys {would}changed, {found.removed} {would}removed"
    lines = [f"{found.id}: {counts}, {found.unchanged} unchanged"]
    if found.saved_as:
        lines.append(f"the earlier state is backup {found.saved_as}")
    return lines


@asynccontextmanager
async def progress_shown(peer: Peer) -> AsyncIterator[None]:
    """Show the progress of backup jobs on stderr until the block ends."""

    async def show() -> None:
        async with peer.subscribe(BackupProgressedEvent) as events:
            async for event in events:
                if isinstance(event, BackupProgressedEvent):
                    _draw(_progress_line(event))

    showing = asyncio.ensure_future(show())
    try:
        yield
    finally:
        showing.cancel()
        _draw("")


def _draw(text: str) -> None:
    show_parts([Escape.LINE_START, text, Escape.CLEAR_LINE], to_stderr=True, end="")


def _progress_line(event: BackupProgressedEvent) -> str:
    of = f" of {event.total}" if event.total else ""
    return f"{event.doing}: {event.done}{of} documents"
