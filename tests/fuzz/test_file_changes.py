"""What a stranger's editor does to files: the same for the same seed, never to what the witness stored."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.fuzz.file_changes import FileChange, apply, change_beside, changed, is_skipped, rough_change

DOCUMENT = {"format": 1, "models": {"witness-a": {"size": 1}, "b": {"size": 2, "files": [{"path": "x"}]}}}


def test_a_change_beside_leaves_what_the_witness_stored() -> None:
    content = json.dumps(DOCUMENT).encode()
    for seed in range(200):
        change = change_beside(random.Random(seed), "state/list.json", content)
        assert change is not None
        after = changed(content, change)
        assert b'"witness-a"' in after
        assert after != content
        try:
            document = json.loads(after)
        except (ValueError, RecursionError):
            continue
        assert document["format"] == 1
        assert document["models"]["witness-a"]["size"] == 1


def test_what_is_no_json_and_names_the_witness_is_left_alone() -> None:
    assert change_beside(random.Random(1), "a.log", b"\0 witness \0") is None


def test_the_same_seed_makes_the_same_changes() -> None:
    assert [rough_change(random.Random(seed), "a") for seed in range(50)] == [
        rough_change(random.Random(seed), "a") for seed in range(50)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_every_change_can_be_carried_out(tmp_path: Path, seed: int) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": [1, {"b": 2}]}\n{"c": null}\n')
    assert apply(tmp_path, rough_change(random.Random(seed), "a.jsonl"))


def test_a_file_that_is_gone_stands_for_another_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "segment-2.jsonl").write_bytes(b"abcd")
    assert apply(tmp_path, FileChange("segment-1.jsonl", "cut", share=0.5))
    assert (tmp_path / "segment-2.jsonl").read_bytes() == b"ab"
    assert not apply(tmp_path, FileChange("nowhere/segment-1.jsonl", "cut"))


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(1 << 40)
    assert apply(tmp_path, FileChange("a.json", "flip", share=0.5))
    assert (tmp_path / "a.json").stat().st_size == 1 << 40
    assert apply(tmp_path, FileChange("a.json", "strange", text="nulls behind it"))
    assert (tmp_path / "a.json").stat().st_size == 512


def test_locks_sockets_and_keys_are_skipped() -> None:
    assert is_skipped(Path("state/.undercroft.lock"))
    assert is_skipped(Path("state/keys/audit.head.json"))
    assert is_skipped(Path("state/run/lane"))
    assert not is_skipped(Path("config/config.json"))
