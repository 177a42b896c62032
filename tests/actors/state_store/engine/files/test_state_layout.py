"""The layout finds its files by their names, and removes what a killed writer left."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import seal
from actors.shared.durable.bounded_read import FileUnreadable
from actors.state_store.engine.files.state_layout import StateLayout, header_name
from actors.state_store.engine.key_paths import is_cut, path_of

KEY = DataKey("k", bytes(32))
LONG = "notes." + "x" * 400


@pytest.fixture
def layout(tmp_path: Path) -> StateLayout:
    made = StateLayout(tmp_path, ["notes"])
    made.prepare()
    return made


def put(layout: StateLayout, key: str, content: bytes) -> None:
    layout.put(path_of(key), layout.stage(path_of(key), content))


@pytest.mark.requirement("S3-1", "S3-2")
def test_keys_are_found_by_the_names_of_their_files(layout: StateLayout) -> None:
    keys = [
        "notes.Über.1",
        "layout.default",
        "history.x",
        "history.contexts.x",
        "history.conversations.x",
        "document.Marks",
        "config.con",
    ]
    for key in keys:
        put(layout, key, b"not even an envelope")
    found = dict(layout.scan())
    assert sorted(found) == sorted(keys)
    assert {entry.size_bytes for entry in found.values()} == {20}


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_file_with_a_cut_name_is_known_by_its_envelope(layout: StateLayout, encrypted: bool) -> None:
    content = seal(
        1, schema="", schema_version=1, revision=1, now=0.0, name=LONG, key=KEY if encrypted else None
    )
    assert is_cut(path_of(LONG).split("/")[1])
    put(layout, LONG, content)
    assert header_name(str(layout.root / path_of(LONG))) == LONG
    assert list(dict(layout.scan())) == [LONG]


@pytest.mark.parametrize("name", ["layout.default", "notes.other", "nonsense"])
def test_an_envelope_in_a_place_that_is_not_its_own_is_nobodys(layout: StateLayout, name: str) -> None:
    put(layout, LONG, seal(1, schema="", schema_version=1, revision=1, now=0.0, name=name))
    assert dict(layout.scan()) == {}


@pytest.mark.requirement("S3-12")
def test_what_a_killed_writer_left_goes_at_the_next_start_and_nothing_else_does(layout: StateLayout) -> None:
    left = layout.stage("notes/a.json", b"half")
    kept = [layout.root / "notes" / name for name in ("a.json.corrupt", "README.txt", "b.tmp", "UPPER.json")]
    for path in kept:
        path.write_bytes(b"somebody's")
    backup = layout.stage("backups/auto/notes.a@x-r1.json", b"half")
    layout.prepare()
    assert dict(layout.scan()) == {}
    assert not left.exists()
    assert not backup.exists()
    assert all(path.exists() for path in kept)


def test_a_file_is_read_up_to_its_limit(layout: StateLayout) -> None:
    put(layout, "notes.a", b"12345")
    assert layout.read("notes.a", 100) == b"12345"
    with pytest.raises(FileUnreadable, match="it has 5 bytes, expected at most 3"):
        layout.read("notes.a", 3)
    assert layout.read("notes.b", 3) is None


def test_what_is_gone_and_what_is_there_is_made_durable_alike(layout: StateLayout) -> None:
    put(layout, "notes.a", b"1")
    layout.put("notes/b.json", None)
    layout.harden(["notes/a.json", "notes/b.json"])


def test_what_was_staged_can_be_taken_back(layout: StateLayout) -> None:
    layout.unstage([layout.stage("notes/a.json", b"1"), layout.root / "notes" / "gone.tmp"])
    assert list((layout.root / "notes").iterdir()) == []


def test_a_look_at_the_place_of_backups_leaves_alone_what_is_being_written_there(layout: StateLayout) -> None:
    being_written = layout.stage("backups/auto/notes.a@x-r1.json", b"half")
    assert layout.probe_backups()
    assert being_written.exists()
