"""A directory that appears piece by piece is caught; one that appears by rename is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.cli.demo.tour_fixtures import synthetic_exhibit
from actors.cli.demo.tour_report import NotProven
from actors.cli.demo.visibility_probe import Lookout, check_whole

pytestmark = pytest.mark.anyio

EXHIBIT = synthetic_exhibit(100_000)
ENTRY = EXHIBIT.entry
BYTES = b"".join(bytes(piece) for piece in EXHIBIT.content.read(0, 100_000))


async def looked_at(lookout: Lookout, looks: int) -> None:
    while lookout.looks < looks:
        await asyncio.sleep(0)


async def test_a_model_that_appears_by_rename_is_whole_at_first_sight(tmp_path: Path) -> None:
    lookout = Lookout(tmp_path, [ENTRY])
    watching = asyncio.ensure_future(lookout.watch())
    staging = tmp_path / f"{ENTRY.id}.partial"
    staging.mkdir()
    (staging / "weights.bin").write_bytes(BYTES)
    await looked_at(lookout, 2)
    staging.rename(tmp_path / ENTRY.id)
    async with asyncio.timeout(5):
        await watching
    check_whole(ENTRY, tmp_path / ENTRY.id, lookout.sights[ENTRY.id])


async def test_a_model_that_appears_piece_by_piece_is_caught(tmp_path: Path) -> None:
    lookout = Lookout(tmp_path, [ENTRY])
    directory = tmp_path / ENTRY.id
    directory.mkdir()
    async with asyncio.timeout(5):
        await lookout.watch()
    (directory / "weights.bin").write_bytes(BYTES)
    with pytest.raises(NotProven, match="at first sight it had {}"):
        check_whole(ENTRY, directory, lookout.sights[ENTRY.id])


async def test_a_copy_is_told_from_a_rename_and_a_wrong_byte_from_the_right_one(tmp_path: Path) -> None:
    lookout = Lookout(tmp_path, [ENTRY])
    directory = tmp_path / ENTRY.id
    directory.mkdir()
    (directory / "weights.bin").write_bytes(BYTES[:-1] + b"\0")
    await lookout.watch()
    sight = lookout.sights[ENTRY.id]
    with pytest.raises(NotProven, match="expected a rename"):
        check_whole(ENTRY, directory, sight)
    sight.staging_inode = sight.inode
    with pytest.raises(NotProven, match="SHA-256 is"):
        check_whole(ENTRY, directory, sight)
