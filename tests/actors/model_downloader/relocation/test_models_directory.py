"""The directory as a place: created only where nobody chose, owned by one process, changed for another."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.model_downloader.relocation.models_directory import ModelsDirectory
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.durable.directory_lock import DirectoryLock, DirectoryLocked
from bus.errors import Refused

pytestmark = pytest.mark.anyio


def directory(path: Path, default: Path | None = None) -> ModelsDirectory:
    return ModelsDirectory(ModelsLayout(path), default or path, "an app")


async def test_default_directory_is_created_and_ours_until_it_is_released(tmp_path: Path) -> None:
    place = directory(tmp_path / "models")
    assert await place.problem() == ""
    with pytest.raises(Refused, match="are being opened"):
        await place.must_be_usable()
    await place.take()
    assert place.is_ours
    await place.must_be_usable()
    with pytest.raises(DirectoryLocked, match="in use by an app"):
        DirectoryLock(tmp_path / "models", "another").acquire()
    await place.release()
    with DirectoryLock(tmp_path / "models", "another"):
        assert not place.is_ours


async def test_chosen_directory_that_is_missing_is_a_drive_that_is_away(tmp_path: Path) -> None:
    place = directory(tmp_path / "chosen", tmp_path / "default")
    assert "connect its drive" in await place.problem()
    assert not (tmp_path / "chosen").exists()
    (tmp_path / "chosen").mkdir()
    assert await place.problem() == ""
    await place.take()
    (tmp_path / "chosen").rename(tmp_path / "unplugged")
    with pytest.raises(Refused, match=r"is not there.*see 'undercroft paths'"):
        await place.must_be_usable()
    place.lose()
    assert not place.is_ours


async def test_directory_of_another_process_is_named_with_its_owner(tmp_path: Path) -> None:
    place = directory(tmp_path)
    with DirectoryLock(tmp_path, "another app"):
        with pytest.raises(DirectoryLocked):
            await place.take()
        with pytest.raises(Refused, match=r"in use by another app.*taken over once that ends"):
            await place.must_be_usable()
    await place.take()
    assert place.locked_by is None


async def test_what_a_crash_left_is_cleared_when_the_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".trash-m-1").mkdir()
    await directory(tmp_path).take()
    assert not (tmp_path / ".trash-m-1").exists()


async def test_target_serves_once_it_is_ours_and_the_former_directory_is_kept_until_it_is_cleared(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    place = directory(old)
    await place.take()
    await place.lock_target(new)
    place.change_to_target(new)
    assert (place.layout.path, place.is_ours) == (new, True)
    for path in (old, new):
        with pytest.raises(DirectoryLocked):
            DirectoryLock(path, "another").acquire()
    await place.release_former()
    with DirectoryLock(old, "another"):
        await place.release()
    with DirectoryLock(new, "another"):
        pass


async def test_target_that_is_not_needed_is_given_back(tmp_path: Path) -> None:
    place = directory(tmp_path / "old")
    await place.lock_target(tmp_path / "new")
    await place.free_target()
    await place.free_target()
    with DirectoryLock(tmp_path / "new", "another"), pytest.raises(DirectoryLocked):
        await place.lock_target(tmp_path / "new")
