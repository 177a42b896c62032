"""Packs: what goes in comes out, alone or all together, and whatever is changed shows."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.state_store.backups.errors import BackupDamaged
from actors.state_store.backups.format import backup_pack
from actors.state_store.backups.format.backup_manifest import BackupManifest
from actors.state_store.backups.format.backup_pack import PackReader, PackWriter


def packed(path: Path, files: dict[str, bytes]) -> BackupManifest:
    with PackWriter(path) as writer:
        for name, content in files.items():
            writer.add(name, name.removesuffix(".json"), content)
        contents, pack_bytes, contents_at, contents_bytes, digest = writer.finish()
    return BackupManifest(
        id="x",
        name="",
        kind="manual",
        created_at=0.0,
        format=1,
        revision=1,
        documents=len(contents.documents),
        content_bytes=0,
        pack_bytes=pack_bytes,
        encrypted=0,
        contents_at=contents_at,
        contents_bytes=contents_bytes,
        contents_sha256=digest,
    )


def unpacked(path: Path, manifest: BackupManifest) -> dict[str, bytes | BackupDamaged]:
    return {document.path: content for document, content in PackReader(path, manifest).documents()}


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.text("abcdef/", min_size=1, max_size=12), st.binary(max_size=3000), max_size=30),
    st.sampled_from([64, 1000, 10**6]),
)
def test_all_comes_back_whatever_the_size_of_frames(files: dict[str, bytes], frame_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_pack, "FRAME_BYTES", frame_bytes)
        path = Path(directory) / "pack"
        manifest = packed(path, files)
        assert unpacked(path, manifest) == files
        reader = PackReader(path, manifest)
        assert {document.path: reader.read(document) for document in reader.contents.documents} == files


def test_what_is_added_again_replaces_what_was_added_before_and_what_is_dropped_is_not_there(
    tmp_path: Path,
) -> None:
    with PackWriter(tmp_path / "pack") as writer:
        writer.add("a.json", "a", b"old")
        writer.add("b.json", "b", b"gone")
        writer.add("a.json", "a", b"new")
        writer.drop("b.json")
        contents, *_ = writer.finish()
    assert [(document.path, document.size_bytes, document.at) for document in contents.documents] == [
        ("a.json", 3, 7)
    ]


def test_any_byte_that_is_changed_shows_and_costs_only_the_documents_of_its_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_pack, "FRAME_BYTES", 1000)
    chance = random.Random(5)
    files = {f"{number}.json": chance.randbytes(400) for number in range(12)}
    path = tmp_path / "pack"
    manifest = packed(path, files)
    good = path.read_bytes()
    for at in chance.sample(range(len(good)), 60):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        try:
            found = unpacked(path, manifest)
        except BackupDamaged:
            assert at >= manifest.contents_at, "a damaged document is not the end of the others"
            continue
        wrong = [name for name, content in found.items() if isinstance(content, BackupDamaged)]
        assert 1 <= len(wrong) <= 3
        assert all(content == files[name] for name, content in found.items() if name not in wrong)


def test_what_was_made_is_read_back_and_any_byte_that_is_changed_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_pack, "FRAME_BYTES", 1000)
    chance = random.Random(6)
    path = tmp_path / "pack"
    manifest = packed(path, {f"{number}.json": b"word " * 100 + chance.randbytes(50) for number in range(12)})
    counted: list[int] = []
    PackReader(path, manifest).check(counted.append)
    assert sum(counted) == len(PackReader(path, manifest).contents.frames) == 6
    good = path.read_bytes()
    for at in range(manifest.contents_at):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(BackupDamaged):
            PackReader(path, manifest).check()


@pytest.mark.parametrize("cut", [0, 1, 50])
def test_a_pack_that_was_cut_short_is_damaged(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "pack"
    manifest = packed(path, {"a.json": b"x" * 100})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BackupDamaged, match="bytes, expected"):
        PackReader(path, manifest)


def test_a_pack_is_private_and_never_covers_another_one(tmp_path: Path) -> None:
    path = tmp_path / "pack"
    packed(path, {"a.json": b"x"})
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        PackWriter(path)
