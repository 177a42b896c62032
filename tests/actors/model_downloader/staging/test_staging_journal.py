"""The journal: written durably, read whole or not at all, and worthless for files whose promise changed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.staging_journal import (
    JOURNAL_NAME,
    FileState,
    StagingJournal,
    StagingState,
    read_journal,
    reconcile,
)
from schemas.manifest import FilePromise, ModelEntry


def promise(path: str = "a", size: int = 10, digest: str = "0" * 64) -> FilePromise:
    return FilePromise(path=path, size_bytes=size, sha256=digest, urls=["https://models.example/a"])


def entry(*files: FilePromise) -> ModelEntry:
    return ModelEntry(id="m", name="M", category="stt", licence="MIT", files=list(files))


@pytest.mark.requirement("S1-27", "S1-38")
def test_bytes_and_validators_survive_as_json(tmp_path: Path) -> None:
    journal = StagingJournal(tmp_path, reconcile(entry(promise("a"), promise("b")), None))
    journal.change_file(
        "b",
        url="https://models.example/b",
        etag='"v1"',
        last_modified="yesterday",
        validator='"v1"',
        durable_bytes=7,
    )
    journal.change(attempt=2)
    journal.save()
    found = read_journal(tmp_path)
    assert found == journal.state
    assert found is not None
    assert (found.file("b").etag, found.file("b").durable_bytes, found.durable_bytes, found.attempt) == (
        '"v1"',
        7,
        7,
        2,
    )
    assert (tmp_path / JOURNAL_NAME).read_bytes().startswith(b"{")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\x00" * 100, b'{"model_id": "m", "files": [], "format": 99}', b"[" * 100_000],
)
def test_journal_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL_NAME).write_bytes(content)
    assert read_journal(tmp_path) is None
    assert read_journal(tmp_path / "absent") is None


@given(st.binary(max_size=100))
def test_any_bytes_are_a_journal_or_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    directory = tmp_path_factory.mktemp("any")
    (directory / JOURNAL_NAME).write_bytes(content)
    assert read_journal(directory) is None or isinstance(read_journal(directory), StagingState)


def test_only_files_whose_promise_is_the_same_keep_their_state() -> None:
    old = StagingState(
        model_id="m",
        wanted=False,
        attempt=3,
        files=[
            FileState(path=path, size_bytes=10, sha256="0" * 64, durable_bytes=5)
            for path in ("same", "resized", "rehashed", "gone")
        ],
    )
    found = reconcile(
        entry(promise("same"), promise("resized", 11), promise("rehashed", 10, "1" * 64), promise("new")), old
    )
    assert {file.path: file.durable_bytes for file in found.files} == {
        "same": 5,
        "resized": 0,
        "rehashed": 0,
        "new": 0,
    }
    assert (found.wanted, found.attempt) == (False, 3)


def test_snapshots_do_not_change(tmp_path: Path) -> None:
    journal = StagingJournal(tmp_path, reconcile(entry(promise()), None))
    before = journal.state
    journal.change_file("a", durable_bytes=3)
    assert (before.durable_bytes, journal.state.durable_bytes) == (0, 3)
    assert msgspec.json.decode(msgspec.json.encode(before), type=StagingState) == before
