"""Revision records: they say what lies in a directory, and what its files have to keep."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from actors.model_downloader.staging.revisions import (
    RECORD_NAME,
    InstalledFile,
    promises_digest,
    promises_of,
    read_record,
    record_of,
    revision_of,
    shown_revision,
    write_record,
)
from schemas.manifest import FilePromise, ModelEntry, Pieces, Unpack

PLAIN = FilePromise(
    path="a.bin",
    size_bytes=10,
    sha256="0" * 64,
    urls=["https://models.example/a"],
    pieces=Pieces(size_bytes=65_536, sha256=["0" * 64]),
)
ARCHIVE = FilePromise(
    path="b.zip",
    size_bytes=4,
    sha256="1" * 64,
    urls=["https://models.example/b"],
    unpack=Unpack(format="zip"),
)
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[PLAIN, ARCHIVE])
MEMBERS = {"b.zip": [InstalledFile(path="x/y", size_bytes=7, sha256="2" * 64, archive="b.zip")]}


def test_record_survives_and_names_members_in_place_of_their_archive(tmp_path: Path) -> None:
    record = record_of(ENTRY, MEMBERS, 3)
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    assert [(file.path, file.size_bytes) for file in record.contents] == [("a.bin", 10), ("x/y", 7)]
    assert record.size_bytes == 17


def test_only_what_decides_over_bytes_makes_another_revision() -> None:
    renamed = msgspec.structs.replace(
        ENTRY,
        name="Other",
        licence="GPL",
        files=[ARCHIVE, msgspec.structs.replace(PLAIN, urls=["https://mirror.example/"])],
    )
    assert promises_digest(renamed) == promises_digest(ENTRY)
    changed = msgspec.structs.replace(ENTRY, files=[msgspec.structs.replace(PLAIN, sha256="3" * 64), ARCHIVE])
    assert promises_digest(changed) != promises_digest(ENTRY)
    assert revision_of(ENTRY) == promises_digest(ENTRY)[:16]
    assert revision_of(msgspec.structs.replace(ENTRY, revision="v2")) == "v2"


def test_revision_of_the_same_name_with_other_bytes_is_told_apart() -> None:
    named = msgspec.structs.replace(ENTRY, revision="v2")
    record = record_of(named, MEMBERS, 1)
    assert shown_revision(record, named) == "v2"
    assert shown_revision(None, named) == "v2"
    other = msgspec.structs.replace(named, files=[PLAIN])
    assert shown_revision(record, other) == f"v2@{record.promises[:16]}"
    assert shown_revision(record, msgspec.structs.replace(other, revision="v3")) == "v2"


def test_pieces_are_known_only_of_the_revision_that_the_manifest_still_names() -> None:
    record = record_of(ENTRY, MEMBERS, 1)
    assert [file.pieces is not None for file in promises_of(record, ENTRY)] == [True, False]
    other = msgspec.structs.replace(ENTRY, files=[msgspec.structs.replace(PLAIN, sha256="3" * 64)])
    assert [(file.sha256, file.pieces) for file in promises_of(record, other)] == [
        ("0" * 64, None),
        ("2" * 64, None),
    ]
    assert msgspec.convert(msgspec.to_builtins(promises_of(record, other)), list[FilePromise])


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[]",
        b'{"format": 2, "model_id": "m", "revision": "", "promises": "", "sequence": 1, "contents": []}',
    ],
)
def test_record_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / RECORD_NAME).write_bytes(content)
    assert read_record(tmp_path) is None
