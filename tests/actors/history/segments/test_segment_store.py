"""A crash or a failing disk at any step leaves the old files or the new, and every acknowledged batch."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from actors.history.engine import AppendEntry
from actors.history.segments.segment_files import history_files
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_store import SegmentStore
from tests.support.descriptors import let_go
from tests.support.history_lab import RING, add, engine_of, entry, finish, losses, texts, troubles
from tests.support.syscall_faults import Scene, faults_of, needs_strace, play

ROOT = Path(__file__).parents[4]
SETUP = f"""
import os, sys
sys.path.append({str(ROOT)!r})
from tests.support.descriptors import let_go
from tests.support.history_lab import RING, add, entry, edit, remove, engine_of, finish
from actors.history.engine import AppendEntry
engine = engine_of(root, limit_bytes=700)
log = os.open(str(root) + ".acknowledged", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
def acknowledge(what):
    os.writev(log, [what.encode() + b"\\n"])  # a call that no fault is put into
"""
CHANGES = """
for number in (10, 11):
    engine.commit([AppendEntry(entry(number))])
    acknowledge(str(number))
engine.commit([edit(0, "edited"), remove(1)])
acknowledge("changed")
engine.work()
engine.close()
"""


def store_of(root: Path, limit_bytes: int = 4 << 20) -> SegmentStore:
    return SegmentStore(root / "history", root / "anchors", SegmentKeys(RING, encrypts=True), limit_bytes)


def test_segments_are_begun_with_the_first_batch_and_closed_when_they_are_long_enough(
    tmp_path: Path,
) -> None:
    store = store_of(tmp_path, limit_bytes=600)
    store.open()
    assert list((tmp_path / "history").iterdir()) == []
    numbers = [store.append(b'{"put":[],"remove":["%d"]}' % number) for number in range(6)]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 1
    assert store.numbers == sorted(set(numbers))
    assert store.size_bytes == sum(path.stat().st_size for path in (tmp_path / "history").iterdir())
    store.close()
    again = store_of(tmp_path)
    again.open()
    assert [len(loaded.batches) for loaded in again.load()] == [
        numbers.count(number) for number in sorted(set(numbers))
    ]
    assert again.append(b"{}") == numbers[-1] + 1, (
        "a number never comes twice, nor is a closed segment appended to"
    )


def test_a_write_that_fails_costs_its_batch_only_and_the_next_goes_to_another_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(tmp_path)
    add(engine, [1])
    with monkeypatch.context() as patch:
        patch.setattr("actors.history.segments.segment_writer.sync_data", _fail)
        with pytest.raises(OSError, match="no space"):
            engine.commit([AppendEntry(entry(2))])
    add(engine, [3])
    assert texts(engine) == ["text 1", "text 3"]
    assert len(list((tmp_path / "history").iterdir())) == 2
    again = engine_of(tmp_path)
    assert (texts(again), again.findings) == (["text 1", "text 3"], [])


def _fail(descriptor: int) -> None:
    raise OSError(28, "no space left")


def test_purged_files_are_all_that_there_were(tmp_path: Path) -> None:
    engine = engine_of(tmp_path)
    add(engine, [1])
    (tmp_path / "history" / "segment-000001-x.jsonl.corrupt").write_bytes(b"x")
    (tmp_path / "anchors" / "other").write_bytes(b"x")
    assert len(history_files(tmp_path / "history", tmp_path / "anchors")) == 4
    engine.purge()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["other"]
    assert history_files(tmp_path / "nowhere", tmp_path / "nowhere") == []


@needs_strace
@pytest.mark.slow
@pytest.mark.requirement("S0-12", "S3-25")
@pytest.mark.parametrize("effect", ["KILL", "EIO", "ENOSPC"])
def test_a_fault_at_any_system_call_loses_nothing_acknowledged(tmp_path: Path, effect: str) -> None:
    template = tmp_path / "template"
    engine = engine_of(template, limit_bytes=700)
    add(engine, range(3))
    engine.close()
    counter = 0

    def prepare() -> Path:
        nonlocal counter
        counter += 1
        return Path(shutil.copytree(template, tmp_path / f"run{counter}"))

    scene = Scene(SETUP, CHANGES)
    calls = ("write", "fdatasync", "fsync", "rename", "unlink", "openat", "pwrite64", "ftruncate")
    chosen = [
        fault
        for fault in faults_of(scene, prepare, [effect], calls)
        if fault.number % 3 == 1 or fault.call in ("rename", "unlink")
    ]
    for fault in chosen:
        root = prepare()
        outcome = play(scene, root, fault, calls)
        again = engine_of(root)
        found = texts(again)
        acknowledged = set(root.with_name(root.name + ".acknowledged").read_text().split())
        assert all(f"text {number}" in found for number in (10, 11) if str(number) in acknowledged), (
            fault,
            found,
            outcome,
        )
        assert ("edited" in found, "text 1" in found) in (
            [(True, False)] if "changed" in acknowledged else [(True, False), (False, True)]
        ), (fault, found)
        assert losses(again.findings) == [], (fault, outcome.trace)
        finish(again)
        again.close()
        assert troubles(engine_of(root)) == [], fault
        let_go(root)
        shutil.rmtree(root)
    assert len(chosen) > 10
