"""Manifests: without one there is no backup, and one that was changed counts for nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import pytest

from actors.shared.crypto.envelope import seal
from actors.state_store.backups.errors import BackupDamaged, BackupNotFound, BackupTooNew
from actors.state_store.backups.format import backup_manifest as manifests
from actors.state_store.backups.format.backup_manifest import (
    FORMAT,
    MANIFEST_NAME,
    BackupManifest,
    PackContents,
    PackedDocument,
    PackFrame,
)

ID = "20260101T120000Z-manual-s1"
MANIFEST = BackupManifest(
    id=ID,
    name="mine",
    kind="manual",
    created_at=1767268800.0,
    format=1,
    revision=9,
    documents=2,
    content_bytes=300,
    pack_bytes=120,
    encrypted=1,
    contents_at=80,
    contents_bytes=200,
    contents_sha256="ab",
)


@pytest.mark.requirement("S3-5", "S3-7")
def test_a_manifest_is_read_back_and_is_an_envelope_with_version_and_time(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_bytes(manifests.render_manifest(MANIFEST))
    assert manifests.read_manifest(tmp_path, ID) == MANIFEST
    found = msgspec.json.decode((tmp_path / MANIFEST_NAME).read_bytes())
    assert (found["schema_version"], found["written_at"], found["value"]["kind"]) == (
        1,
        1767268800.0,
        "manual",
    )
    info = MANIFEST.info()
    assert (info.id, info.name, info.created_at, info.size_bytes, info.compressed, info.encrypted) == (
        ID,
        "mine",
        1767268800.0,
        120,
        True,
        True,
    )


def test_without_a_manifest_there_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupNotFound):
        manifests.read_manifest(tmp_path, ID)


def test_every_single_byte_of_it_counts(tmp_path: Path) -> None:
    good = manifests.render_manifest(MANIFEST)
    for at in range(0, len(good) - 1, 7):
        (tmp_path / MANIFEST_NAME).write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with contextlib.suppress(BackupDamaged, BackupTooNew):
            assert manifests.read_manifest(tmp_path, ID) == MANIFEST, "white space may change"


def test_that_of_another_backup_is_damaged(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_bytes(manifests.render_manifest(MANIFEST))
    with pytest.raises(BackupDamaged):
        manifests.read_manifest(tmp_path, "20270101T120000Z-manual-s1")


@pytest.mark.requirement("S0-19")
def test_one_of_a_later_format_is_told_apart_from_damage(tmp_path: Path) -> None:
    value = msgspec.to_builtins(MANIFEST)
    newer = seal(
        {**value, "more": 1},
        schema=manifests.SCHEMA,
        schema_version=FORMAT + 1,
        revision=1,
        now=0.0,
        name=f"backup/{ID}",
    )
    (tmp_path / MANIFEST_NAME).write_bytes(newer)
    with pytest.raises(BackupTooNew, match="update Undercroft"):
        manifests.read_manifest(tmp_path, ID)


def test_a_table_of_contents_is_vouched_for_by_the_manifest() -> None:
    contents = PackContents(
        documents=[
            PackedDocument(path="notes/a.json", key="notes.a", frame=0, at=0, size_bytes=1, sha256="00")
        ],
        frames=[PackFrame(offset=0, packed_bytes=1, size_bytes=1)],
    )
    frame, size_bytes, digest = manifests.pack_contents(contents)
    manifest = msgspec.structs.replace(MANIFEST, contents_bytes=size_bytes, contents_sha256=digest)
    assert manifests.unpack_contents(manifest, frame) == contents
    with pytest.raises(BackupDamaged, match="digest"):
        manifests.unpack_contents(manifest, frame + b"x")
