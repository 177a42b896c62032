"""All files of a history are found and deleted, and no others."""

from __future__ import annotations

from pathlib import Path

from actors.history.segments.segment_catalog import CATALOG_NAME, HEAD_NAME
from actors.history.segments.segment_files import delete_history_files, history_files, truncate_file


def test_a_purge_takes_segments_and_anchors_and_leaves_the_anchors_of_others(tmp_path: Path) -> None:
    history, anchors = tmp_path / "history", tmp_path / "anchors"
    for path in (
        history / "segment",
        anchors / CATALOG_NAME,
        anchors / f"{HEAD_NAME}.damaged",
        anchors / "config.json",
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert [path.name for path in history_files(history, anchors)] == [
        "segment",
        *sorted([CATALOG_NAME, f"{HEAD_NAME}.damaged"]),
    ]
    assert delete_history_files(history, anchors) == 3
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["config.json"]
    assert delete_history_files(tmp_path / "none", tmp_path / "nothing") == 0


def test_what_is_cut_off_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    path.write_bytes(b"whole\ntorn")
    truncate_file(path, 6)
    assert path.read_bytes() == b"whole\n"
