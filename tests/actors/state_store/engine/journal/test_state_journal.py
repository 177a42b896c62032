"""A journal gives back what was appended, whatever a crash cut off or a disk spoiled."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.durable.durable_write import Disk, DurableWriteFailed
from actors.state_store.engine.journal import state_journal
from actors.state_store.engine.journal.state_journal import FileChange, JournalRecord, StateJournal

PLACES = st.from_regex(r"[ab]{1,3}/[ab][ab.]{0,3}\.json", fullmatch=True)
RECORDS = st.lists(
    st.builds(
        JournalRecord,
        number=st.integers(1, 2**40),
        revision=st.integers(0, 2**40),
        changes=st.lists(
            st.builds(
                FileChange,
                path=PLACES,
                content=st.none() | st.binary(max_size=40),
            ),
            max_size=3,
        ),
    ),
    max_size=5,
)


@given(RECORDS)
def test_what_was_packed_is_read_again(records: list[JournalRecord]) -> None:
    content = b"".join(map(state_journal.pack, records))
    found = state_journal.parse(content)
    assert (found.records, found.good_bytes, found.is_torn, found.is_damaged) == (
        records,
        len(content),
        False,
        False,
    )


@given(RECORDS, st.integers(0, 10_000))
def test_of_a_torn_journal_the_whole_records_are_read_and_nothing_is_damaged(
    records: list[JournalRecord], cut: int
) -> None:
    packed = [state_journal.pack(record) for record in records]
    content = b"".join(packed)[:cut]
    found = state_journal.parse(content)
    assert found.records == records[: len(found.records)]
    assert found.good_bytes == sum(map(len, packed[: len(found.records)]))
    assert not found.is_damaged
    assert found.is_torn == (found.good_bytes < len(content))


@given(RECORDS, st.data())
def test_a_flipped_byte_costs_one_record_and_shows(records: list[JournalRecord], data: st.DataObject) -> None:
    packed = [state_journal.pack(record) for record in records]
    content = bytearray(b"".join(packed))
    if not content:
        return
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    hit = next(number for number in range(len(packed)) if at < sum(map(len, packed[: number + 1])))
    found = state_journal.parse(bytes(content))
    assert found.records == [record for number, record in enumerate(records) if number != hit]
    begins_at = sum(map(len, packed[:hit]))
    assert found.is_damaged == (hit < len(records) - 1 or (at - begins_at < 4 and content[begins_at] != 0))
    assert found.is_torn == (hit == len(records) - 1)


@given(RECORDS, st.data())
def test_records_that_were_appended_together_are_read_all_or_none_and_zeros_behind_them_are_nothing(
    records: list[JournalRecord], data: st.DataObject
) -> None:
    content = state_journal.pack(*records)
    whole = state_journal.parse(content + bytes(5000))
    assert (whole.records, whole.good_bytes, whole.is_torn, whole.is_damaged) == (
        records,
        len(content),
        False,
        False,
    )
    torn = bytearray(content)
    at = data.draw(st.integers(0, len(content) - 1))
    torn[at] ^= 1  # as where a later block came to the platters and an earlier one did not
    found = state_journal.parse(bytes(torn) + bytes(5000))
    assert (found.records, found.is_torn, found.is_damaged) == ([], True, at < len(state_journal.MAGIC))


def test_a_value_that_looks_like_a_record_is_not_taken_for_one_where_its_own_record_is_torn() -> None:
    forged = state_journal.pack(JournalRecord(99, 99, [FileChange("config/app.json", b"forged")]))
    salt = b"s" * state_journal.SALT_BYTES
    content = state_journal.pack(
        JournalRecord(1, 1, [FileChange("notes/a.json", forged + bytes(100))]), salt=salt
    )
    assert [record.number for record in state_journal.parse(content, salt).records] == [1]
    assert state_journal.parse(content[:-50], salt).records == []


def test_the_name_of_a_segment_tells_its_serial_and_its_salt() -> None:
    salt = bytes(range(state_journal.SALT_BYTES))
    assert state_journal.read_name(state_journal.name_of(7, salt)) == (7, salt)
    assert state_journal.read_name(f"{state_journal.name_of(7, salt)}.corrupt") is None
    assert state_journal.name_of(9, salt) < state_journal.name_of(10, bytes(state_journal.SALT_BYTES))


@given(st.binary(max_size=300))
def test_anything_at_all_can_be_read(content: bytes) -> None:
    assert state_journal.parse(content).good_bytes <= len(content)


def test_the_last_word_about_a_file_counts_and_what_was_void_does_not() -> None:
    records = [
        JournalRecord(1, 1, [FileChange("n/a.json", b"1"), FileChange("n/b.json", b"1")]),
        JournalRecord(2, 2, [FileChange("n/a.json", None)]),
        JournalRecord(3, 3, [FileChange("n/b.json", b"3")]),
        JournalRecord(4, 3, voids=3),
    ]
    assert state_journal.final_contents(records) == {"n/a.json": None, "n/b.json": b"1"}


class FailingSync(Disk):
    """Its next sync fails."""

    fails = False

    def sync(self, descriptor: int) -> None:
        if self.fails:
            self.fails = False
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        self.sync(descriptor)


def test_segments_follow_one_another_and_remember_the_newest_revision(tmp_path: Path) -> None:
    one = StateJournal(tmp_path)
    assert one.recover() == ([], [], {})
    assert one.begin(5) is None
    assert one.append(7, [[FileChange("n/a.json", b"1")], [FileChange("n/b.json", None)]]) == [1, 2]
    before = one.begin(8)
    assert before is not None
    assert one.append(9, [[FileChange("n/a.json", b"2")]]) == [3]
    one.close()
    records, segments, damaged = StateJournal(tmp_path).recover()
    assert state_journal.final_contents(records) == {"n/b.json": None, "n/a.json": b"2"}
    assert (max(record.revision for record in records), segments[0], damaged) == (9, before, {})
    state_journal.remove_segments([before])
    again = StateJournal(tmp_path)
    again.recover()
    again.begin(9)
    assert again.append(10, [[FileChange("n/c.json", b"")]]) == [4], "numbers go on"


def test_what_could_not_be_synced_is_not_there_later(tmp_path: Path) -> None:
    disk = FailingSync()
    one = StateJournal(tmp_path, disk)
    one.recover()
    one.begin(0)
    one.append(1, [[FileChange("n/a.json", b"1")]])
    size_bytes = one.size_bytes
    disk.fails = True
    with pytest.raises(DurableWriteFailed, match="sync failed"):
        one.append(2, [[FileChange("n/a.json", b"2")]])
    assert one.size_bytes == size_bytes
    one.append(2, [[FileChange("n/b.json", b"3")]])
    one.close()
    assert state_journal.final_contents(StateJournal(tmp_path).recover()[0]) == {
        "n/a.json": b"1",
        "n/b.json": b"3",
    }


def test_a_segment_that_cannot_be_made_leaves_the_one_before(tmp_path: Path) -> None:
    disk = FailingSync()
    one = StateJournal(tmp_path, disk)
    one.recover()
    one.begin(0)
    disk.fails = True
    with pytest.raises(DurableWriteFailed):
        one.begin(1)
    one.append(1, [[FileChange("n/a.json", b"1")]])
    assert len(list(tmp_path.iterdir())) == 1
    one.close()


def test_a_segment_is_longer_than_what_it_holds_and_grows_when_it_is_full(tmp_path: Path) -> None:
    one = StateJournal(tmp_path)
    one.recover()
    one.begin(0)
    (path,) = tmp_path.iterdir()
    lengths = []
    for n in range(4):
        one.append(n, [[FileChange("n/a.json", bytes([n]) * 600_000)]])
        lengths.append(path.stat().st_size)
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == 2 + (lengths[0] != lengths[1])
    assert all(length >= (n + 1) * 600_000 for n, length in enumerate(lengths))
    one.close()
    records, _, damaged = StateJournal(tmp_path).recover()
    assert (state_journal.final_contents(records), damaged) == ({"n/a.json": bytes([3]) * 600_000}, {})


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_where_there_is_no_space_for_zeros_a_segment_does_without(tmp_path: Path) -> None:
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        one = StateJournal(tmp_path)
        one.recover()
        one.begin(0)
        one.append(1, [[FileChange("n/a.json", b"1")]])
        with pytest.raises(DurableWriteFailed, match="write failed"):
            one.append(2, [[FileChange("n/b.json", bytes(20_000))]])
        one.append(2, [[FileChange("n/c.json", b"3")]])
        one.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert state_journal.final_contents(StateJournal(tmp_path).recover()[0]) == {
        "n/a.json": b"1",
        "n/c.json": b"3",
    }


def test_a_record_can_be_taken_back(tmp_path: Path) -> None:
    one = StateJournal(tmp_path)
    one.recover()
    one.begin(0)
    (number,) = one.append(1, [[FileChange("n/a.json", b"1")]])
    one.void(number, 1)
    one.close()
    assert state_journal.final_contents(StateJournal(tmp_path).recover()[0]) == {}
