"""The writer: the journal never counts more than the disk has, and a failing disk ends it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.staging.staging_journal import StagingJournal, read_journal, reconcile
from actors.model_downloader.staging.watermarks import read_watermarks
from actors.model_downloader.transfer import flush_policy
from actors.model_downloader.transfer.part_scheduler import Part, PartScheduler
from actors.model_downloader.transfer.part_writer import PartWriter
from schemas.manifest import FilePromise, ModelEntry

KIB = 1024
MIB = 1 << 20


def begun(
    directory: Path, *sizes: int, boot: str | None = "this one"
) -> tuple[PartWriter, PartScheduler, StagingJournal]:
    files = [
        FilePromise(path=f"sub/f{n}", size_bytes=size, sha256="0" * 64, urls=["https://models.example/f"])
        for n, size in enumerate(sizes)
    ]
    entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=files)
    journal = StagingJournal(directory, reconcile(entry, None))
    journal.change(boot=boot)
    scheduler = PartScheduler([file.size_bytes for file in files], [()] * len(files))
    return PartWriter(directory, files, journal, scheduler), scheduler, journal


def taken(writer: PartWriter, scheduler: PartScheduler) -> Part:
    part = scheduler.take(0.0, 1)
    assert part is not None
    writer.begin(part)
    return part


@pytest.mark.requirement("S1-27")
def test_all_files_are_durable_at_the_end_and_the_journal_says_so(tmp_path: Path) -> None:
    writer, scheduler, _ = begun(tmp_path, 100, 200, 300)
    for size in (100, 200, 300):
        part = taken(writer, scheduler)
        assert writer.write(part, b"x" * (size + 7)) == size, (
            "what lies beyond the end of a part is left away"
        )
        scheduler.release(part)
    writer.close()
    state = read_journal(tmp_path)
    assert state is not None
    assert (state.durable_bytes, state.fetched_bytes) == (600, 600)
    assert [(tmp_path / "sub" / f"f{n}").stat().st_size for n in range(3)] == [100, 200, 300]


@pytest.mark.requirement("C-4")
def test_where_boots_have_no_names_the_journal_is_never_a_mebibyte_behind(tmp_path: Path) -> None:
    writer, scheduler, journal = begun(tmp_path, 16 * MIB, boot=None)
    part = taken(writer, scheduler)
    for _ in range(256):
        writer.write(part, bytes(64 * KIB))
        assert part.position - journal.state.durable_bytes < flush_policy.STRICT_LAG_BYTES + 64 * KIB
    writer.close()


def test_every_byte_that_the_kernel_took_is_marked_before_it_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flush_policy, "SYNC_INTERVAL_SECONDS", 3600.0)
    writer, scheduler, journal = begun(tmp_path, MIB)
    part = taken(writer, scheduler)
    writer.write(part, bytes(100 * KIB))
    assert journal.state.durable_bytes == 0
    assert read_watermarks(tmp_path, 1) == [((0, 100 * KIB),)]
    writer.close()
    assert journal.state.durable_bytes == 100 * KIB


def test_failed_sync_ends_everything_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fail(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr("actors.model_downloader.staging.staged_file.sync_data", fail)
    writer, scheduler, journal = begun(tmp_path, 8 * MIB, boot=None)
    part = taken(writer, scheduler)

    def write_much() -> None:
        for _ in range(100):
            writer.write(part, bytes(64 * KIB))

    with pytest.raises(DiskFailed, match="input/output error"):
        write_much()
    with pytest.raises(DiskFailed):
        writer.close()
    assert len(calls) == 1
    assert journal.state.durable_bytes == 0


def test_starting_over_makes_a_new_file_under_the_name_and_another_attempt(tmp_path: Path) -> None:
    writer, scheduler, journal = begun(tmp_path, 10)
    part = taken(writer, scheduler)
    writer.write(part, b"old")
    inode = (tmp_path / "sub" / "f0").stat().st_ino
    with (tmp_path / "sub" / "f0").open("rb") as reader:
        writer.start_over(part, validator='"v2"')
        scheduler.take_whole(part)
        writer.begin(part)
        writer.write(part, b"new bytes!")
        assert reader.read() == b"old"
    writer.close()
    assert (tmp_path / "sub" / "f0").read_bytes() == b"new bytes!"
    assert (tmp_path / "sub" / "f0").stat().st_ino != inode
    assert (journal.state.attempt, journal.state.files[0].validator, journal.state.durable_bytes) == (
        1,
        '"v2"',
        10,
    )


def test_starting_over_with_pieces_to_keep_counts_only_those(tmp_path: Path) -> None:
    writer, scheduler, journal = begun(tmp_path, 10)
    part = taken(writer, scheduler)
    writer.write(part, b"0123456")
    writer.start_over(part, ((2, 5),), validator='"v2"')
    writer.close()
    assert journal.state.files[0].durable_ranges == ((2, 5),)
    assert read_watermarks(tmp_path, 1) == [()]


def test_a_thread_behind_that_fails_in_any_way_lets_nobody_wait_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise ZeroDivisionError("in a test")

    monkeypatch.setattr(flush_policy, "LAG_BYTES", 1)
    writer, scheduler, _ = begun(tmp_path, MIB)
    part = taken(writer, scheduler)
    monkeypatch.setattr(writer, "_sync", fail)

    def write_on() -> None:
        while True:
            writer.write(part, b"x" * 1000)

    with pytest.raises(DiskFailed, match="cannot be written \\(in a test\\)"):
        write_on()
    with pytest.raises(DiskFailed):
        writer.close()
