"""Watches the models directory while models are installed: what becomes visible, and whether it is whole when it does."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.cli.demo.tour_report import expect
from actors.model_downloader.staging.revisions import RECORD_NAME
from schemas.manifest import ModelEntry

LOOK_SECONDS: Final = 0.002
PIECE_BYTES: Final = 1 << 20


@dataclass
class Sight:
    """What was seen of one model.

    Attributes:
        staging_inode: of `<id>.partial/`, so that a rename can be told from a copy.
        inode, sizes: of `<id>/` and its files, at first sight.
    """

    staging_inode: int = 0
    inode: int = 0
    sizes: dict[str, int] = field(default_factory=dict)


class Lookout:
    """Looks at short intervals; a directory that appeared piece by piece would be caught in the act."""

    def __init__(self, models: Path, entries: list[ModelEntry]) -> None:
        self._models = models
        self._entries = entries
        self.sights = {entry.id: Sight() for entry in entries}
        self.looks = 0

    async def watch(self) -> None:
        """Look until every model was seen, or until cancelled."""
        while not all(sight.inode for sight in self.sights.values()):
            for entry in self._entries:
                self._look(entry, self.sights[entry.id])
            self.looks += 1
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, entry: ModelEntry, sight: Sight) -> None:
        if sight.inode:
            return
        sight.staging_inode = _inode(self._models / f"{entry.id}.partial") or sight.staging_inode
        directory = self._models / entry.id
        found = _inode(directory)
        if found:
            files = [
                path for path in directory.rglob("*") if path.is_file() and path != directory / RECORD_NAME
            ]
            sight.sizes = {path.relative_to(directory).as_posix(): path.stat().st_size for path in files}
            sight.inode = found


def check_whole(entry: ModelEntry, directory: Path, sight: Sight) -> None:
    """See that a model appeared whole, by rename, and that every byte of it is as promised.

    Raises:
        NotProven: with what was found instead.
    """
    promised = {file.path: file.size_bytes for file in entry.files}
    expect(sight.sizes == promised, f"{entry.id}: at first sight it had {sight.sizes}, expected {promised}")
    expect(
        sight.inode == sight.staging_inode,
        f"{entry.id}: the directory is another one than {entry.id}.partial, expected a rename",
    )
    for file in entry.files:
        digest = hashlib.sha256()
        with (directory / file.path).open("rb") as stream:
            while piece := stream.read(PIECE_BYTES):
                digest.update(piece)
        expect(
            digest.hexdigest() == file.sha256,
            f"{entry.id}/{file.path}: SHA-256 is {digest.hexdigest()}, expected {file.sha256}",
        )


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
