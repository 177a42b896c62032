"""Repair: sound files and files with known bad pieces are staged again, everything else stays where it is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from actors.model_downloader.installed.repair import reusable_files, reuse_sound_files
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import InstalledFile, record_of, write_record
from schemas.manifest import FilePromise, ModelEntry, Pieces, Unpack
from schemas.models import VerificationFinding

PIECE = 65_536


def promise(path: str, size: int = 10, *, pieces: int = 0, unpack: Unpack | None = None) -> FilePromise:
    known = Pieces(size_bytes=PIECE, sha256=["0" * 64] * pieces) if pieces else None
    return FilePromise(
        path=path,
        size_bytes=size,
        sha256="0" * 64,
        urls=["https://models.example/f"],
        pieces=known,
        unpack=unpack,
    )


def finding(path: str, *pieces: int) -> VerificationFinding:
    return VerificationFinding(path=path, aspect="sha256", found="x", expected="y", pieces=list(pieces))


def entry_of(*files: FilePromise) -> ModelEntry:
    return ModelEntry(id="m", name="M", category="stt", licence="MIT", files=list(files))


def test_sound_files_and_files_with_known_bad_pieces_can_be_built_upon() -> None:
    files = [
        promise("sound"),
        promise("bad"),
        promise("pieced", 2 * PIECE + 5, pieces=3),
        promise("archive", unpack=Unpack(format="zip")),
        promise("nil", 0),
    ]
    entry = entry_of(*files)
    source = InstalledFile(
        path="pieced",
        size_bytes=2 * PIECE + 5,
        sha256="0" * 64,
        url="https://models.example/f",
        validator='"v1"',
    )
    record = msgspec.structs.replace(record_of(entry, {}, 1), contents=[source])
    findings = [finding("bad"), finding("pieced", 0, 2, 7)]
    found = reusable_files(entry, record, findings)
    assert [(file.promise.path, file.good) for file in found] == [
        ("sound", ((0, 10),)),
        ("pieced", ((PIECE, 2 * PIECE),)),
        ("nil", ()),
    ]
    without_validator = msgspec.structs.replace(
        record, contents=[msgspec.structs.replace(source, validator=None)]
    )
    for unknown in (without_validator, None):
        assert [file.promise.path for file in reusable_files(entry, unknown, findings)] == ["sound", "nil"]


def test_journal_says_which_pieces_are_good_and_where_the_others_come_from(tmp_path: Path) -> None:
    root = ModelsLayout(tmp_path / "models")
    root.prepare()
    entry = entry_of(promise("pieced", 2 * PIECE + 5, pieces=3))
    source = InstalledFile(
        path="pieced",
        size_bytes=2 * PIECE + 5,
        sha256="0" * 64,
        url="https://models.example/f",
        validator='"v1"',
    )
    root.damaged("m").mkdir()
    (root.damaged("m").path / "pieced").write_bytes(bytes(2 * PIECE + 5))
    write_record(root.damaged("m"), msgspec.structs.replace(record_of(entry, {}, 1), contents=[source]))
    assert reuse_sound_files(root, entry, [finding("pieced", 1)]) == PIECE + 5
    state = root.open_staging(entry).state.file("pieced")
    assert (state.durable_ranges, state.validator, state.url) == (
        ((0, PIECE), (2 * PIECE, 2 * PIECE + 5)),
        '"v1"',
        "https://models.example/f",
    )


def test_what_is_moved_and_what_stays(tmp_path: Path) -> None:
    root = ModelsLayout(tmp_path / "models")
    root.prepare()
    entry = entry_of(promise("sub/sound"), promise("bad"), promise("staged"), promise("gone"))
    for name in ("sub/sound", "bad", "staged"):
        (root.damaged("m").path / name).parent.mkdir(parents=True, exist_ok=True)
        (root.damaged("m").path / name).write_bytes(b"0123456789")
    root.staging("m").mkdir()
    (root.staging("m").path / "staged").write_bytes(b"newer")
    assert reuse_sound_files(root, entry, [finding("bad")]) == 10
    assert (root.staging("m").path / "sub" / "sound").read_bytes() == b"0123456789"
    assert (root.staging("m").path / "staged").read_bytes() == b"newer"
    assert (root.damaged("m").path / "bad").exists()
    assert reuse_sound_files(root, entry, [finding("bad")]) == 0
