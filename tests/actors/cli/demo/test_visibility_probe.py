"""A directory that appears file by file is caught; one that appears by rename is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.cli.demo.tour_models import synthetic_model
from actors.cli.demo.tour_report import NotProven
from actors.cli.demo.visibility_probe import VisibilityProbe, check_whole

pytestmark = pytest.mark.anyio

MODEL = synthetic_model(100_000)
ENTRY = MODEL.entry
BYTES = b"".join(bytes(part) for part in MODEL.content.read(0, 100_000))


async def looked_at(probe: VisibilityProbe, looks: int) -> None:
    while probe.looks < looks:
        await asyncio.sleep(0)


async def test_a_model_that_appears_by_rename_is_whole_at_first_sight(tmp_path: Path) -> None:
    probe = VisibilityProbe(tmp_path, [ENTRY])
    watching = asyncio.ensure_future(probe.watch())
    staging = tmp_path / f"{ENTRY.id}.partial"
    staging.mkdir()
    (staging / "weights.bin").write_bytes(BYTES)
    await looked_at(probe, 2)
    staging.rename(tmp_path / ENTRY.id)
    async with asyncio.timeout(5):
        await watching
    check_whole(ENTRY, tmp_path / ENTRY.id, probe.sightings[ENTRY.id])


async def test_a_model_that_appears_file_by_file_is_caught(tmp_path: Path) -> None:
    probe = VisibilityProbe(tmp_path, [ENTRY])
    directory = tmp_path / ENTRY.id
    directory.mkdir()
    async with asyncio.timeout(5):
        await probe.watch()
    (directory / "weights.bin").write_bytes(BYTES)
    with pytest.raises(NotProven, match="at first sight it had {}"):
        check_whole(ENTRY, directory, probe.sightings[ENTRY.id])


async def test_a_copy_is_told_from_a_rename_and_a_wrong_byte_from_the_right_one(tmp_path: Path) -> None:
    probe = VisibilityProbe(tmp_path, [ENTRY])
    directory = tmp_path / ENTRY.id
    directory.mkdir()
    (directory / "weights.bin").write_bytes(BYTES[:-1] + b"\0")
    await probe.watch()
    sighting = probe.sightings[ENTRY.id]
    with pytest.raises(NotProven, match="expected a rename"):
        check_whole(ENTRY, directory, sighting)
    sighting.staging_inode = sighting.inode
    with pytest.raises(NotProven, match="SHA-256 is"):
        check_whole(ENTRY, directory, sighting)
