"""A staged file: bytes land at their place, links are not followed, and a failing disk is reported."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from actors.model_downloader.staging.staged_file import DiskFailed, StagedFile


def test_bytes_are_written_at_their_place_in_any_order(tmp_path: Path) -> None:
    staged = StagedFile(tmp_path / "sub" / "f")
    staged.write(6, b"world")
    staged.write(0, memoryview(b"hello "))
    staged.sync()
    staged.close()
    assert (tmp_path / "sub" / "f").read_bytes() == b"hello world"


def test_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    StagedFile(tmp_path / "f").close()
    assert os.name == "nt" or (tmp_path / "f").stat().st_mode & 0o777 == 0o600


def test_failed_sync_says_what_the_system_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr("actors.model_downloader.staging.staged_file.sync_data", fail)
    staged = StagedFile(tmp_path / "f")
    with pytest.raises(DiskFailed, match=r"f: cannot be written \(input/output error\)") as caught:
        staged.sync()
    staged.close()
    assert caught.value.errno == errno.EIO


@pytest.mark.skipif(sys.platform != "linux", reason="a device that is always full is Linux's")
def test_full_disk_is_reported_to_the_writer(tmp_path: Path) -> None:
    full = StagedFile(tmp_path / "f")
    device = os.open("/dev/full", os.O_RDWR)
    os.dup2(device, full.descriptor)
    os.close(device)
    with pytest.raises(DiskFailed) as caught:
        full.write(0, b"x")
    full.close()
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="no protection against links on this platform")
def test_link_under_the_name_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "f").symlink_to(tmp_path / "victim")
    with pytest.raises(DiskFailed):
        StagedFile(tmp_path / "f")
    assert (tmp_path / "victim").read_bytes() == b"precious"
