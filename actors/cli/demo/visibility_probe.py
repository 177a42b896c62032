"""Watches the models directory during installs: what becomes visible, and whether it is whole then."""

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
READ_SIZE_BYTES: Final = 1 << 20


@dataclass
class ModelSighting:
    """What was seen of one model.

    Attributes:
        staging_inode: of `<id>.partial/`; it distinguishes a rename from a copy.
        inode: of `<id>/` at first sight; 0 until then.
        sizes: of its files at first sight.
    """

    staging_inode: int = 0
    inode: int = 0
    sizes: dict[str, int] = field(default_factory=dict)


class VisibilityProbe:
    """Looks at short intervals, so that it would see a directory that appears file by file.

    Attributes:
        sightings: by id of the model.
        looks: how often it looked.
    """

    def __init__(self, models: Path, entries: list[ModelEntry]) -> None:
        self._models = models
        self._entries = entries
        self.sightings = {entry.id: ModelSighting() for entry in entries}
        self.looks = 0

    async def watch(self) -> None:
        """Look until every model was seen, or until cancelled."""
        while not all(sighting.inode for sighting in self.sightings.values()):
            for entry in self._entries:
                self._look(entry, self.sightings[entry.id])
            self.looks += 1
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, entry: ModelEntry, sighting: ModelSighting) -> None:
        if sighting.inode:
            return
        sighting.staging_inode = _inode(self._models / f"{entry.id}.partial") or sighting.staging_inode
        directory = self._models / entry.id
        found = _inode(directory)
        if found:
            files = [
                path for path in directory.rglob("*") if path.is_file() and path != directory / RECORD_NAME
            ]
            sighting.sizes = {path.relative_to(directory).as_posix(): path.stat().st_size for path in files}
            sighting.inode = found


def check_whole(entry: ModelEntry, directory: Path, sighting: ModelSighting) -> None:
    """Check that a model appeared whole, by rename, and that every byte is as promised.

    Raises:
        NotProven: with what was found instead.
    """
    promised = {file.path: file.size_bytes for file in entry.files}
    expect(
        sighting.sizes == promised,
        f"{entry.id}: at first sight it had {sighting.sizes}, expected {promised}",
    )
    expect(
        sighting.inode == sighting.staging_inode,
        f"{entry.id}: the directory is not the former {entry.id}.partial, expected a rename",
    )
    for file in entry.files:
        digest = hashlib.sha256()
        with (directory / file.path).open("rb") as stream:
            while data := stream.read(READ_SIZE_BYTES):
                digest.update(data)
        expect(
            digest.hexdigest() == file.sha256,
            f"{entry.id}/{file.path}: SHA-256 is {digest.hexdigest()}, expected {file.sha256}",
        )


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
