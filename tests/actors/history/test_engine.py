"""Acknowledged entries survive a restart, removed text leaves the disk, and every changed byte is noticed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.history.engine import SMALL_BYTES, SMALL_RUN, AppendEntry, batches_of, small_run
from actors.history.segments.segment import NAME
from tests.support.descriptors import let_go
from tests.support.history_lab import (
    RING,
    FakeKeyRing,
    add,
    bytes_below,
    edit,
    engine_of,
    entry,
    finish,
    losses,
    remove,
    texts,
    troubles,
)


@pytest.mark.requirement("S0-12")
@pytest.mark.parametrize("encrypts", [True, False])
def test_what_was_kept_is_there_in_the_next_life_closed_or_not(tmp_path: Path, encrypts: bool) -> None:
    for start, close in enumerate([True, False, True]):
        engine = engine_of(tmp_path, encrypts=encrypts)
        add(engine, range(start * 3, start * 3 + 3))
        engine.commit([edit(0, f"edited in start {start}")])
        if close:
            engine.close()
    again = engine_of(tmp_path, encrypts=encrypts)
    assert texts(again) == ["edited in start 2", *(f"text {number}" for number in range(1, 9))]
    assert again.findings == []
    found = bytes_below(tmp_path)
    assert (b"text 5" in found) is not encrypts


@pytest.mark.requirement("S0-12", "S3-23")
def test_files_and_directories_are_private(tmp_path: Path) -> None:
    engine = engine_of(tmp_path)
    add(engine, [1])
    engine.close()
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_changes_that_wait_together_become_one_record_and_see_each_other(tmp_path: Path) -> None:
    engine = engine_of(tmp_path)
    first = entry(1)
    outcomes = engine.commit(
        [
            AppendEntry(first),
            AppendEntry(entry(1, "again")),
            edit(1, "changed"),
            remove(1, 9),
            edit(1, "late"),
            AppendEntry(entry(2)),
        ]
    )
    assert outcomes[0] is first
    assert outcomes[1] is first
    assert outcomes[3:5] == [[first.id], None]
    (segment,) = (tmp_path / "history").iterdir()
    assert segment.read_bytes().count(b"\n") == 2, "a header and one record"
    assert texts(engine) == ["text 2"]


@pytest.mark.parametrize("encrypts", [True, False])
def test_text_that_was_edited_or_deleted_is_nowhere_on_disk(tmp_path: Path, encrypts: bool) -> None:
    """In plain, so that it can be looked for; encrypted, the file that held it is gone with its key."""
    engine = engine_of(tmp_path, encrypts=encrypts, limit_bytes=1500)
    add(engine, range(30))
    before = {path.name for path in (tmp_path / "history").iterdir()}
    engine.commit([edit(3, "harmless"), remove(4, 20)])
    finish(engine)
    found = bytes_below(tmp_path)
    assert not any(f'"text {number}"'.encode() in found for number in (3, 4, 20))
    held = {name for name in before if name not in {path.name for path in (tmp_path / "history").iterdir()}}
    assert len(held) >= 2
    engine.close()
    again = engine_of(tmp_path, encrypts=encrypts)
    assert texts(again) == ["harmless" if n == 3 else f"text {n}" for n in range(30) if n not in (4, 20)]
    assert again.findings == []


def test_a_rewrite_that_a_crash_prevented_is_caught_up_on_by_the_next_life(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, encrypts=False)
    add(engine, range(3))
    engine.commit([remove(1)])
    assert b'"text 1"' in bytes_below(tmp_path)
    again = engine_of(tmp_path, encrypts=False)
    assert again.has_work
    finish(again)
    assert b'"text 1"' not in bytes_below(tmp_path)
    assert texts(again) == ["text 0", "text 2"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "edit", "remove", "work", "restart", "roll"]), st.integers(0, 9)),
        max_size=30,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_changes_rewrites_and_restarts_keeps_what_was_acknowledged(
    tmp_path: Path, steps: list[tuple[str, int]]
) -> None:
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    engine, known = engine_of(tmp_path, encrypts=False, limit_bytes=600), dict[int, str]()
    for turn, (step, number) in enumerate(steps):
        match step:
            case "add":
                engine.commit([AppendEntry(entry(number, f"<{turn}>"))])
                known.setdefault(number, f"<{turn}>")
            case "edit":
                engine.commit([edit(number, f"<{turn}>")])
                known |= {number: f"<{turn}>"} if number in known else {}
            case "remove":
                engine.commit([remove(number)])
                known.pop(number, None)
            case "work":
                engine.work()
            case "roll":
                engine.close()
            case _:
                engine = engine_of(tmp_path, encrypts=False, limit_bytes=600)
        assert texts(engine) == [known[one] for one in sorted(known)]
    finish(engine)
    again = engine_of(tmp_path, encrypts=False)
    finish(again)
    assert (texts(again), again.findings) == ([known[one] for one in sorted(known)], [])
    found = bytes_below(tmp_path / "history")
    assert {f"<{turn}>" for turn in range(len(steps)) if f"<{turn}>".encode() in found} == set(known.values())


@pytest.mark.slow
@pytest.mark.requirement("S3-23")
@pytest.mark.parametrize("closed", [True, False])
def test_tampering_with_any_byte_is_noticed(
    tmp_path: Path, closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of segments, catalog and head, while one segment is sealed and one as a crash leaves it, or closed."""
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(
            os, name, lambda descriptor: None, raising=False
        )  # thousands of copies, none of which has to last
    origin = tmp_path / "origin"
    engine = engine_of(origin, limit_bytes=500)
    add(engine, range(2))
    if closed:
        engine.close()
    assert keeper_of_copy(origin, tmp_path / "same").findings == []
    for path in sorted(path for path in origin.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for at in range(len(content)):
            copy = tmp_path / "copy"
            forged = bytearray(content)
            forged[at] ^= 1 + at % 255
            if forged[at] == content[at]:
                forged[at] ^= 1
            again = keeper_of_copy(
                origin,
                copy,
                lambda root, path=path, forged=forged: (root / path.relative_to(origin)).write_bytes(forged),
            )  # type: ignore[misc]
            assert again.findings, f"byte {at} of {path.name} ({content[at]} to {forged[at]}) was not noticed"
            assert set(texts(again)) <= {f"text {number}" for number in range(3)}
            let_go(copy)


def keeper_of_copy(origin: Path, copy: Path, change: Callable[[Path], object] = lambda root: None):  # type: ignore[no-untyped-def]
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(origin, copy)
    change(copy)
    return engine_of(copy)


def segment_of(root: Path, number: int) -> Path:
    return next(
        path
        for path in (root / "history").iterdir()
        if (match := NAME.fullmatch(path.name)) and int(match[1]) == number
    )


def cut(root: Path, number: int, length: int) -> None:
    path = segment_of(root, number)
    path.write_bytes(path.read_bytes()[:length])


def test_torn_truncated_tampered_missing_and_unknown_are_told_apart(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    add(engine_of(origin, limit_bytes=500), range(3))
    open_number = max(int(NAME.fullmatch(path.name)[1]) for path in (origin / "history").iterdir())  # type: ignore[index]
    length = segment_of(origin, open_number).stat().st_size
    assert open_number > 1

    def found(change: Callable[[Path], object]) -> list[str]:
        return troubles(keeper_of_copy(origin, tmp_path / "copy", change))

    def half_a_line(root: Path) -> None:
        with segment_of(root, open_number).open("ab") as file:
            file.write(b'{"seq":9,"ki')

    def last_line_gone(root: Path) -> None:
        path = segment_of(root, open_number)
        path.write_bytes(path.read_bytes().rstrip(b"\n").rpartition(b"\n")[0] + b"\n")

    assert found(half_a_line) == ["torn"]
    assert found(last_line_gone) == ["truncated"]
    assert found(lambda root: cut(root, open_number, length - 3)) == ["tampered"]
    assert found(lambda root: segment_of(root, 1).unlink()) == ["missing"]
    assert found(
        lambda root: shutil.copy(segment_of(root, 1), root / "history" / f"segment-000009-{'a' * 16}.jsonl")
    ) == ["unknown"]
    assert found(lambda root: (root / "anchors" / "history.json").unlink()) == ["anchor"]
    assert found(lambda root: (root / "anchors" / "history.head").unlink()) == ["anchor"]


def test_what_can_be_read_of_a_damaged_segment_is_kept_and_the_rest_put_aside(tmp_path: Path) -> None:
    engine = engine_of(tmp_path)
    add(engine, range(5))
    engine.close()
    path = segment_of(tmp_path, 1)
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b'"data":"', b'"data":"AAAA')
    damaged = b"\n".join(lines)
    path.write_bytes(damaged)
    again = engine_of(tmp_path)
    finish(again)
    assert texts(again) == ["text 0", "text 2", "text 3", "text 4"]
    assert [path.read_bytes() for path in (tmp_path / "history").glob("*.corrupt")] == [damaged]
    again.close()
    assert engine_of(tmp_path).findings == []


def test_a_torn_tail_costs_nothing_acknowledged_and_is_told_once(tmp_path: Path) -> None:
    add(engine_of(tmp_path), range(3))
    with segment_of(tmp_path, 1).open("ab") as file:
        file.write(b'{"seq":4,"kind":"batch","after":')
    again = engine_of(tmp_path)
    assert (texts(again), troubles(again), losses(again.findings)) == (
        ["text 0", "text 1", "text 2"],
        ["torn"],
        [],
    )
    add(again, [3])
    assert len(list((tmp_path / "history").iterdir())) == 2, "nothing is appended behind a torn tail"
    assert engine_of(tmp_path).findings == []


def test_a_missing_segment_is_told_of_until_it_is_back_or_its_loss_accepted(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, limit_bytes=500)
    add(engine, range(3))
    engine.close()
    path = segment_of(tmp_path, 1)
    away = path.rename(tmp_path / "away")
    for _ in range(2):
        lacking = engine_of(tmp_path)
        assert troubles(lacking) == ["missing"]
        lacking.close()
    away.rename(path)
    assert (texts(engine_of(tmp_path)), engine_of(tmp_path).findings) == (["text 0", "text 1", "text 2"], [])
    path.unlink()
    lacking = engine_of(tmp_path)
    assert lacking.accept_loss() == 1
    assert engine_of(tmp_path).findings == []


def test_a_segment_whose_key_is_away_is_left_alone_until_it_is_back(tmp_path: Path) -> None:
    ring = FakeKeyRing()
    first = engine_of(tmp_path, ring=ring)
    add(first, [1])
    first.close()
    ring.rotate()
    second = engine_of(tmp_path, ring=ring)
    add(second, [2])
    second.close()
    content = segment_of(tmp_path, 1).read_bytes()
    key = ring.keys.pop("k1")
    lacking = engine_of(tmp_path, ring=ring)
    finish(lacking)
    assert (texts(lacking), troubles(lacking)) == (["text 2"], ["locked"])
    lacking.close()
    assert segment_of(tmp_path, 1).read_bytes() == content
    ring.keys = {"k1": key, **ring.keys}
    assert texts(engine_of(tmp_path, ring=ring)) == ["text 1", "text 2"]


def test_plain_segments_are_encrypted_once_that_is_wanted(tmp_path: Path) -> None:
    plain = engine_of(tmp_path, encrypts=False)
    add(plain, range(3))
    plain.close()
    engine = engine_of(tmp_path)
    finish(engine)
    assert b"text 1" not in bytes_below(tmp_path)
    assert texts(engine) == ["text 0", "text 1", "text 2"]


@pytest.mark.requirement("S0-12")
def test_clearing_and_purging_leave_nothing(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, encrypts=False)
    add(engine, range(3))
    assert engine.clear() == 3
    assert b"text" not in bytes_below(tmp_path / "history")
    add(engine, [7])
    assert engine.purge() >= 3
    assert list(tmp_path.rglob("*.*")) == []
    add(engine, [8])
    engine.close()
    again = engine_of(tmp_path, encrypts=False)
    assert (texts(again), again.findings) == (["text 8"], [])


def test_small_segments_of_many_starts_are_merged(tmp_path: Path) -> None:
    for number in range(SMALL_RUN + 1):
        engine = engine_of(tmp_path, ring=RING)
        add(engine, [number])
        engine.close()
    engine = engine_of(tmp_path)
    finish(engine)
    assert len(list((tmp_path / "history").iterdir())) == 1
    engine.close()
    assert texts(engine_of(tmp_path)) == [f"text {number}" for number in range(SMALL_RUN + 1)]


def test_only_a_run_of_small_segments_is_worth_merging() -> None:
    small = dict.fromkeys(range(1, SMALL_RUN + 1), 100)
    assert small_run(small, set()) == list(small)
    assert small_run(small, {4}) == []
    assert small_run({**small, 3: SMALL_BYTES}, set()) == []
    assert small_run({**small, SMALL_RUN + 1: SMALL_BYTES}, {SMALL_RUN + 1}) == list(small)


def test_entries_are_written_in_records_of_a_handy_size() -> None:
    batches = list(batches_of(b'{"n":"%s"}' % (b"x" * 30_000) for _ in range(7)))
    assert len(batches) == 3
    assert list(batches_of([])) == []
