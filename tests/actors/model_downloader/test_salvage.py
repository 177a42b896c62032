"""Salvage: sound files and files with known bad pieces are staged again, everything else stays where it is."""

from __future__ import annotations

from pathlib import Path

from actors.model_downloader.salvage import reusable, salvage
from actors.model_downloader.staging import ModelRoot
from schemas.manifest import FilePromise, ModelEntry, Pieces, Unpack
from schemas.models import VerificationFinding

PIECE = 65_536


def promise(path: str, size: int = 10, *, pieces: int = 0, unpack: Unpack | None = None) -> FilePromise:
    known = Pieces(size_bytes=PIECE, sha256=["0" * 64] * pieces) if pieces else None
    return FilePromise(path=path, size_bytes=size, sha256="0" * 64, urls=["https://models.example/f"], pieces=known, unpack=unpack)


def finding(path: str, *pieces: int) -> VerificationFinding:
    return VerificationFinding(path=path, aspect="sha256", found="x", expected="y", pieces=list(pieces))


def entry_of(*files: FilePromise) -> ModelEntry:
    return ModelEntry(id="m", name="M", category="stt", licence="MIT", files=list(files))


def test_sound_files_and_files_with_known_bad_pieces_can_be_built_upon() -> None:
    entry = entry_of(promise("sound"), promise("bad"), promise("pieced", 2 * PIECE + 5, pieces=3), promise("archive", unpack=Unpack(format="zip")))
    found = reusable(entry, [finding("bad"), finding("pieced", 0, 2)])
    assert [(promised.path, good) for promised, good in found] == [("sound", 10), ("pieced", PIECE)]


def test_what_is_moved_and_what_stays(tmp_path: Path) -> None:
    root = ModelRoot(tmp_path / "models")
    root.prepare()
    entry = entry_of(promise("sub/sound"), promise("bad"), promise("staged"), promise("gone"))
    for name in ("sub/sound", "bad", "staged"):
        (root.damaged("m") / name).parent.mkdir(parents=True, exist_ok=True)
        (root.damaged("m") / name).write_bytes(b"0123456789")
    root.staging("m").mkdir()
    (root.staging("m") / "staged").write_bytes(b"newer")
    assert salvage(root, entry, [finding("bad")]) == 10
    assert (root.staging("m") / "sub" / "sound").read_bytes() == b"0123456789"
    assert (root.staging("m") / "staged").read_bytes() == b"newer"
    assert (root.damaged("m") / "bad").exists()
    assert salvage(root, entry, [finding("bad")]) == 0
