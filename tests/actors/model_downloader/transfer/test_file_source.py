"""Models from a disk or a stick: copied like any other source, and only if they are what was promised."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from actors.model_downloader.staging.staged_file import StagedFile
from actors.model_downloader.transfer.file_source import FileSource
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed

CONTENT = os.urandom(300_000)


@pytest.mark.parametrize("shared", [True, False], ids=["by the file system", "by reading"])
def test_any_part_is_copied_to_its_place(
    tmp_path: Path, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shared:
        monkeypatch.setattr("actors.model_downloader.transfer.file_source.sys.platform", "other")
    source = tmp_path / "a b.bin"
    source.write_bytes(CONTENT)
    target = StagedFile(tmp_path / "staged")
    told: list[int] = []
    local = FileSource(urlsplit(source.as_uri()), len(CONTENT), "m/f")
    local.copy(target, 100_000, len(CONTENT), told.append)
    local.copy(target, 0, 100_000, told.append)
    local.close()
    target.close()
    assert (tmp_path / "staged").read_bytes() == CONTENT
    assert sum(told) == len(CONTENT)


def test_file_of_another_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(CONTENT)
    with pytest.raises(FetchFailed, match="has 300000 bytes, expected 5"):
        FileSource(urlsplit((tmp_path / "f").as_uri()), 5, "m/f")


@pytest.mark.parametrize(
    ("url", "words"),
    [("file:///no/such/file", "cannot be read"), ("file://elsewhere/f", "is not this machine")],
)
def test_file_that_is_not_there_is_refused(url: str, words: str) -> None:
    with pytest.raises(FetchFailed, match=words) as caught:
        FileSource(urlsplit(url), 5, "m/f")
    assert caught.value.kind == "refused"


def test_file_that_was_replaced_has_another_validator(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(CONTENT)
    url = urlsplit((tmp_path / "f").as_uri())
    one = FileSource(url, len(CONTENT), "m/f")
    os.utime(tmp_path / "f", (1, 1))
    other = FileSource(url, len(CONTENT), "m/f")
    assert one.validator != other.validator
    one.close()
    other.close()
