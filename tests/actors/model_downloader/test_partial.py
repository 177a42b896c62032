"""A partial file: bytes count as durable only after their fsync, in order, and a failing disk is told to the writer."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from actors.model_downloader import pace
from actors.model_downloader.partial import DiskFailed, PartialFile
from actors.storage.durable import sync_data

KIB = 1024


@pytest.mark.parametrize("strict", [False, True])
def test_all_bytes_are_durable_at_the_end_and_never_more_than_are_written(tmp_path: Path, strict: bool) -> None:
    told: list[int] = []
    with PartialFile(tmp_path / "sub" / "f", 0, told.append, strict) as sink:
        for number in range(200):
            sink.write(bytes([number]) * (64 * KIB))
            assert not told or told[-1] <= sink.position
    assert told == sorted(told)
    assert told[-1] == 200 * 64 * KIB
    assert (tmp_path / "sub" / "f").stat().st_size == told[-1]


def test_bytes_are_told_only_after_they_were_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def sync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        sync_data(descriptor)
        synced.append(size)

    monkeypatch.setattr("actors.model_downloader.partial.sync_data", sync)

    def on_durable(durable: int) -> None:
        assert synced
        assert durable <= synced[-1]

    with PartialFile(tmp_path / "f", 0, on_durable, strict=True) as sink:
        for _ in range(100):
            sink.write(bytes(64 * KIB))


@pytest.mark.requirement("C-4")
def test_strict_writer_is_never_more_than_a_mebibyte_ahead_of_the_disk(tmp_path: Path) -> None:
    durable = [0]
    with PartialFile(tmp_path / "f", 0, lambda count: durable.__setitem__(0, count), strict=True) as sink:
        for _ in range(200):
            sink.write(bytes(64 * KIB))
            assert sink.position - durable[0] < pace.STRICT_LAG_BYTES


def test_file_goes_on_at_its_position_and_loses_what_lies_beyond(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    with PartialFile(tmp_path / "f", 4, lambda count: None, strict=False) as sink:
        sink.write(b"ab")
        assert sink.position == 6
    assert (tmp_path / "f").read_bytes() == b"0123ab"


def test_starting_over_makes_a_new_file_under_the_name(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    before = (tmp_path / "f").stat().st_ino
    told: list[int] = []
    with PartialFile(tmp_path / "f", 10, told.append, strict=False) as sink, (tmp_path / "f").open("rb") as reader:
        sink.start_over()
        sink.write(b"new")
        assert reader.read() == b"0123456789"
        assert (tmp_path / "f").stat().st_ino != before
    assert (tmp_path / "f").read_bytes() == b"new"
    assert told == [0, 3]


def test_failed_sync_is_told_to_the_writer_and_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def fail(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr("actors.model_downloader.partial.sync_data", fail)
    told: list[int] = []

    def write_much() -> None:
        with PartialFile(tmp_path / "f", 0, told.append, strict=True) as sink:
            for _ in range(100):
                sink.write(bytes(64 * KIB))

    with pytest.raises(DiskFailed, match="input/output error") as caught:
        write_much()
    assert caught.value.errno == errno.EIO
    assert len(calls) == 1
    assert told == []


def test_failing_journal_ends_the_download_too(tmp_path: Path) -> None:
    def fail(count: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with pytest.raises(DiskFailed) as caught, PartialFile(tmp_path / "f", 0, fail, strict=False) as sink:
        sink.write(b"x")
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="no protection against links on this platform")
def test_link_under_the_name_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "f").symlink_to(tmp_path / "victim")
    with pytest.raises(DiskFailed), PartialFile(tmp_path / "f", 0, lambda count: None, strict=False):
        pass
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    with PartialFile(tmp_path / "f", 0, lambda count: None, strict=False) as sink:
        sink.write(b"x")
    assert threading.active_count() == before
