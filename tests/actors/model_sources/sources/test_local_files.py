"""Import from disk or stick: files are hashed as they lie, and what is not a model's own file is left out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from actors.model_sources.errors import ResolveFailed
from actors.model_sources.sources import local_files
from actors.shared.manifest.manifest_paths import file_of_url
from tests.support.http_servers import sha256


@pytest.mark.requirement("S1-33")
def test_a_file_is_hashed_where_it_lies(tmp_path: Path) -> None:
    file = tmp_path / "with space.gguf"
    file.write_bytes(b"x" * 3_000_000)
    (promise,) = local_files.import_from(file, "file:x").promises
    assert (promise.path, promise.size_bytes, promise.sha256) == (
        "with space.gguf",
        3_000_000,
        sha256(b"x" * 3_000_000),
    )
    assert file_of_url(promise.urls[0]) == file


def test_a_directory_is_a_model_of_all_its_own_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.bin").write_bytes(b"b")
    (tmp_path / "a.bin").write_bytes(b"a")
    (tmp_path / ".hidden").write_bytes(b"h")
    (tmp_path / "link").symlink_to("/etc/passwd")
    found = local_files.import_from(tmp_path, "file:x")
    assert [promise.path for promise in found.promises] == ["a.bin", "sub/b.bin"]
    assert found.skipped == [".hidden: hidden", "link: a link"]


def test_what_cannot_be_a_model_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ResolveFailed, match="found none"):
        local_files.import_from(tmp_path, "file:x")
    with pytest.raises(ResolveFailed, match="cannot be read: No such file"):
        local_files.import_from(tmp_path / "missing", "file:x")
    (tmp_path / "con").write_bytes(b"x")
    with pytest.raises(ResolveFailed, match="name of a device"):
        local_files.import_from(tmp_path, "file:x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on Windows")
def test_a_pipe_is_not_read_since_it_might_never_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ResolveFailed, match="found something else"):
        local_files.import_from(tmp_path / "pipe", "file:x")


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 10)

    class Growing:
        def __init__(self) -> None:
            self.updated = 0

        def update(self, chunk: object) -> None:
            with file.open("ab") as other:
                other.write(b"y" * (5 if self.updated < 3 else 0))
            self.updated += 1

        def hexdigest(self) -> str:
            return "0" * 64

    monkeypatch.setattr(local_files.hashlib, "sha256", Growing)
    with pytest.raises(ResolveFailed, match="changed while it was read"):
        local_files.import_from(file, "file:x")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files, "FILES_LIMIT", 2)
    for name in "abc":
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ResolveFailed, match="at most 2 files"):
        local_files.import_from(tmp_path, "file:x")


def test_a_directory_that_is_too_deep_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"a")
    deep = tmp_path.joinpath(*["d"] * (local_files.DEPTH_LIMIT + 1))
    deep.mkdir(parents=True)
    (deep / "b.bin").write_bytes(b"b")
    assert local_files.import_from(tmp_path, "file:x").skipped == ["d: too deep"]


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take no such names")
def test_names_that_are_no_text_are_quoted_and_few_are_told(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"x")
    for number in range(150):
        (tmp_path / f".{number:03d}").write_bytes(b"")
    os.link(tmp_path / "m.bin", os.fsencode(tmp_path) + b"/.\xff\x1b[31m")
    skipped = local_files.import_from(tmp_path, "file:m").skipped
    assert (len(skipped), skipped[-1]) == (101, "51 others")
    for number in range(150):
        (tmp_path / f".{number:03d}").unlink()
    assert local_files.import_from(tmp_path, "file:m").skipped == [". [31m: hidden"]
