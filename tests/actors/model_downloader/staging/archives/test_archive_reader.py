"""Reading archives: from front to back, little at once, and never more than the meter allows."""

from __future__ import annotations

import io
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from actors.model_downloader.staging.archives.archive_reader import (
    BUFFER_BYTES,
    ArchiveLimits,
    MeteredReader,
    UnpackMeter,
    archive_members,
)
from actors.model_downloader.staging.archives.member_paths import MemberUnfit

PLENTY = ArchiveLimits()


def reader_of(content: bytes, limits: ArchiveLimits = PLENTY) -> MeteredReader:
    return MeteredReader(io.BytesIO(content), UnpackMeter(len(content), limits))


def test_steps_back_are_possible_within_the_last_read() -> None:
    reader = reader_of(b"0123456789")
    assert reader.read(4) == b"0123"
    assert reader.seek(2) == 2
    assert reader.read(4) == b"2345"
    assert reader.tell() == 6
    with pytest.raises(MemberUnfit) as caught:
        reader.seek(1)
    assert caught.value.reason == "it cannot be read from front to back"


def test_steps_forward_read_and_count_what_they_skip() -> None:
    reader = reader_of(bytes(3 * BUFFER_BYTES), ArchiveLimits(unpacked_bytes=2 * BUFFER_BYTES))
    assert reader.seek(BUFFER_BYTES + 5) == BUFFER_BYTES + 5
    with pytest.raises(MemberUnfit):
        reader.seek(3 * BUFFER_BYTES)


@pytest.mark.parametrize("count", [-1, BUFFER_BYTES + 1])
def test_read_without_a_sane_bound_is_refused(count: int) -> None:
    with pytest.raises(MemberUnfit) as caught:
        reader_of(b"").read(count)
    assert "header of" in caught.value.reason


@pytest.mark.parametrize("format", ["zip", "tar"])
def test_members_come_in_their_order_with_their_content(tmp_path: Path, format: str) -> None:
    path = tmp_path / "a"
    if format == "zip":
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr("sub/", b"")
            zipped.writestr("sub/f", b"content")
    else:
        with tarfile.open(path, "w") as tarred:
            directory, file = tarfile.TarInfo("sub"), tarfile.TarInfo("sub/f")
            directory.type, file.size = tarfile.DIRTYPE, 7
            tarred.addfile(directory)
            tarred.addfile(file, io.BytesIO(b"content"))
    meter = UnpackMeter(path.stat().st_size, PLENTY)
    with ExitStack() as stack:
        found = [
            (member.name.rstrip("/"), None if member.is_directory else member.open().read(100))
            for member in archive_members(path, format, meter, stack)
        ]
    assert found == [("sub", None), ("sub/f", b"content")]


def test_meter_allows_a_ratio_with_some_grace_and_never_more_than_the_limit() -> None:
    UnpackMeter(10, ArchiveLimits(ratio=2, grace_bytes=5)).count_bytes(25)
    with pytest.raises(MemberUnfit):
        UnpackMeter(10, ArchiveLimits(ratio=2, grace_bytes=5)).count_bytes(26)
    with pytest.raises(MemberUnfit):
        UnpackMeter(1000, ArchiveLimits(unpacked_bytes=100)).count_bytes(101)
    meter = UnpackMeter(0, ArchiveLimits(members=1))
    meter.count_members(1)
    with pytest.raises(MemberUnfit):
        meter.count_members(1)
