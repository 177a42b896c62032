"""Crash records: ten of them, private, and a crash loop pushes out nobody but itself."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.crash_files import (
    RECORDS_KEPT,
    acknowledge_crashes,
    crash_directory,
    crash_file_name,
    keep_crash,
    read_crashes,
    surplus,
)
from schemas.operations.crashes import CrashRecord
from tests.support.strange_files import (
    DIRECTORY_MUTATIONS,
    FILE_MUTATIONS,
    Mutation,
    bounded_memory,
    strange_documents,
    write,
)
from tests.support.unsynced import unsynced

MUTATIONS = [one for one in FILE_MUTATIONS if one.name != "unreadable" or os.geteuid()]


def _record(actor: str, at: float) -> CrashRecord:
    return CrashRecord(
        actor=actor, at=at, kind="exception", reason="exit code 1", last_words="ValueError: no"
    )


def test_a_record_can_be_read_again_and_is_nobody_elses(tmp_path: Path) -> None:
    name = keep_crash(tmp_path, _record("store", 1_700_000_000.25))
    assert name == "20231114T221320.250000Z-store.json"
    assert read_crashes(tmp_path) == [(name, _record("store", 1_700_000_000.25))]
    assert stat.S_IMODE((crash_directory(tmp_path) / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(crash_directory(tmp_path).stat().st_mode) == 0o700


def test_a_crash_loop_pushes_out_its_own_records_and_leaves_those_of_others(tmp_path: Path) -> None:
    keep_crash(tmp_path, _record("rare", 1.0))
    for n in range(30):
        keep_crash(tmp_path, _record("looper", 2.0 + n))
    found = [record for _, record in read_crashes(tmp_path) if record is not None]
    assert [(record.actor, record.at) for record in found] == [
        ("rare", 1.0),
        *(("looper", 23.0 + n) for n in range(9)),
    ]


def test_what_is_no_record_is_neither_read_nor_removed(tmp_path: Path) -> None:
    directory = crash_directory(tmp_path)
    directory.mkdir()
    for n in range(20):
        (directory / f"note-{n}.json").write_text("{}")
    name = keep_crash(tmp_path, _record("a", 1.0))
    assert len(list(directory.iterdir())) == 21
    assert [found for found, _ in read_crashes(tmp_path)] == [name]


def test_a_record_that_cannot_be_read_is_named_without_content(tmp_path: Path) -> None:
    assert read_crashes(tmp_path) == []
    crash_directory(tmp_path).mkdir()
    for n, content in enumerate((b"{", b"[" * 100_000, b"\xff", b" " * 300_000)):
        (crash_directory(tmp_path) / crash_file_name("a", float(n))).write_bytes(content)
    assert [record for _, record in read_crashes(tmp_path)] == [None] * 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on Windows")
def test_a_pipe_in_place_of_a_record_does_not_keep_its_reader_waiting(tmp_path: Path) -> None:
    crash_directory(tmp_path).mkdir()
    os.mkfifo(crash_directory(tmp_path) / crash_file_name("a", 1.0))
    assert [record for _, record in read_crashes(tmp_path)] == [None]


def test_crashes_that_are_alike_push_out_each_other_and_not_a_rare_one(tmp_path: Path) -> None:
    """Numbers do not make a difference: each limit of memory is exceeded by another amount."""
    rare = CrashRecord(actor="a", at=1.0, kind="fatal_signal", reason="killed by SIGSEGV", signal="SIGSEGV")
    keep_crash(tmp_path, rare)
    for n in range(30):
        reason = f"{1000 + n} MiB of memory, limit is 200 MiB"
        keep_crash(tmp_path, CrashRecord(actor="a", at=2.0 + n, kind="memory_limit", reason=reason))
    found = [record for _, record in read_crashes(tmp_path) if record is not None]
    assert found[0] == rare
    assert len(found) == RECORDS_KEPT


def test_what_a_person_knows_of_makes_room_first_and_is_marked_once(tmp_path: Path) -> None:
    for n in range(RECORDS_KEPT):
        keep_crash(tmp_path, _record("known", 1.0 + n))
    assert acknowledge_crashes(tmp_path, 100.0) == RECORDS_KEPT
    assert acknowledge_crashes(tmp_path, 200.0) == 0
    for n in range(5):
        keep_crash(tmp_path, _record("new", 300.0 + n))
    found = [record for _, record in read_crashes(tmp_path) if record is not None]
    assert [record.acknowledged_at for record in found] == [100.0] * 5 + [None] * 5
    assert [record.at for record in found[:5]] == [6.0, 7.0, 8.0, 9.0, 10.0]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 10_000)), unique=True))
def test_the_ring_is_never_larger_and_every_actor_keeps_its_newest(crashes: list[tuple[str, int]]) -> None:
    records = {crash_file_name(actor, float(at)): _record(actor, float(at)) for actor, at in crashes}
    names = set(records)
    kept = names - set(surplus(records.items()))
    assert len(kept) == min(len(names), RECORDS_KEPT)
    for actor in {actor for actor, _ in crashes}:
        assert max(name for name in names if name.endswith(f"-{actor}.json")) in kept


@pytest.mark.skipif(os.name != "posix", reason="makes links")
def test_no_record_is_written_read_or_removed_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    crash_directory(tmp_path).symlink_to("elsewhere")
    for number in range(RECORDS_KEPT + 2):
        (tmp_path / "elsewhere" / crash_file_name("probe", float(number))).write_text("{}")
    before = sorted((tmp_path / "elsewhere").iterdir())
    with pytest.raises(OSError, match="a link lies there"):
        keep_crash(tmp_path, _record("probe", 100.0))
    assert read_crashes(tmp_path) == []
    assert sorted((tmp_path / "elsewhere").iterdir()) == before


@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_whatever_lies_in_the_place_of_records_a_crash_is_kept_and_the_rest_is_read(
    mutation: Mutation, tmp_path: Path
) -> None:
    names = [keep_crash(tmp_path, _record("store", 1.0 + n)) for n in range(RECORDS_KEPT)]
    for name in names[1:]:
        trace = mutation.leave(crash_directory(tmp_path) / name)
    with bounded_memory(), unsynced():
        found = dict(read_crashes(tmp_path))
        assert found[names[0]] == _record("store", 1.0)
        for n in range(RECORDS_KEPT):
            name = keep_crash(tmp_path, _record("other", 100.0 + n))
            assert dict(read_crashes(tmp_path))[name] == _record("other", 100.0 + n)
        acknowledge_crashes(tmp_path, 200.0)
        found = dict(read_crashes(tmp_path))
        assert len(found) == RECORDS_KEPT
        assert all(record.acknowledged_at == 200.0 for record in found.values() if record is not None)
    assert mutation.is_content or mutation.name == "huge and sparse" or trace.is_kept(tmp_path)


@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("mutation", DIRECTORY_MUTATIONS, ids=lambda one: one.name)
def test_whatever_lies_in_the_place_of_their_directory_a_crash_is_kept(
    mutation: Mutation, tmp_path: Path
) -> None:
    trace = mutation.leave(crash_directory(tmp_path))
    with unsynced():
        assert (read_crashes(tmp_path), acknowledge_crashes(tmp_path, 1.0)) == ([], 0)
        name = keep_crash(tmp_path, _record("store", 1.0))
    assert [found for found, _ in read_crashes(tmp_path)] == [name]
    assert trace.is_kept(tmp_path)


@pytest.mark.requirement("S0-4")
def test_any_value_in_a_record_costs_at_most_the_record(tmp_path: Path) -> None:
    name = keep_crash(tmp_path, _record("store", 1.0))
    content = (crash_directory(tmp_path) / name).read_bytes()
    with unsynced():
        for words, changed in [*strange_documents(content)][::5]:
            write(crash_directory(tmp_path) / name, changed)
            acknowledge_crashes(tmp_path, 1.0)
            kept = keep_crash(tmp_path, _record("other", 2.0))
            assert dict(read_crashes(tmp_path))[kept] == _record("other", 2.0), words
