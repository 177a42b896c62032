"""A replay makes files hold what the journal says, and writes nothing outside the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.state_store.engine.files.state_layout import StateLayout
from actors.state_store.engine.journal.journal_replay import replay


@pytest.fixture
def layout(tmp_path: Path) -> StateLayout:
    made = StateLayout(tmp_path / "store", ["notes"])
    made.prepare()
    return made


def test_files_hold_afterwards_what_the_journal_says(layout: StateLayout) -> None:
    (layout.root / "notes" / "old.json").write_bytes(b"old")
    (layout.root / "notes" / "gone.json").write_bytes(b"gone")
    assert (
        replay(
            layout,
            {
                "notes/new.json": b"new",
                "notes/old.json": b"newer",
                "notes/gone.json": None,
                "notes/never.json": None,
            },
        )
        == []
    )
    assert {path.name: path.read_bytes() for path in (layout.root / "notes").iterdir()} == {
        "new.json": b"new",
        "old.json": b"newer",
    }


def test_what_is_so_already_is_left_alone_unless_it_may_not_be_durable(layout: StateLayout) -> None:
    path = layout.root / "notes" / "a.json"
    path.write_bytes(b"same")
    before = path.stat().st_ino
    replay(layout, {"notes/a.json": b"same"})
    assert path.stat().st_ino == before
    replay(layout, {"notes/a.json": b"same"}, rewrite=True)
    assert path.stat().st_ino != before


def test_nothing_beyond_the_store_is_written(layout: StateLayout) -> None:
    replay(layout, {"../outside.json": b"x"})
    assert not (layout.root.parent / "outside.json").exists()


def test_a_former_value_on_a_silent_disk_is_skipped_and_is_an_incident(layout: StateLayout) -> None:
    layout.is_backups_silent = True
    (incident,) = replay(layout, {"backups/auto/a@1.json": b"former", "notes/a.json": b"present"})
    assert (incident.kind, incident.subject) == ("disk", "backups/auto/a@1.json")
    assert (layout.root / "notes" / "a.json").read_bytes() == b"present"
