"""Room is told for a directory that is there, or will be."""

from __future__ import annotations

import shutil
from pathlib import Path

from actors.readiness.model_room import room_at


def test_a_directory_that_is_yet_to_be_made_has_the_room_of_its_disk(tmp_path: Path) -> None:
    found = room_at(tmp_path / "a" / "b" / "c")
    assert found is not None
    assert abs(found - shutil.disk_usage(tmp_path).free) < 1 << 30


def test_what_nobody_can_tell_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert room_at(tmp_path / "file" / "below") is None
