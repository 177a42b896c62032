"""Pieces: only bytes with the digest that the manifest names are proven."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from actors.model_downloader.staging.piece_check import proven_ranges
from schemas.manifest import FilePromise, Pieces

PIECE = 65_536
CONTENT = os.urandom(4 * PIECE + 10)


def promise(pieces: bool = True) -> FilePromise:
    digests = [
        hashlib.sha256(CONTENT[start : start + PIECE]).hexdigest() for start in range(0, len(CONTENT), PIECE)
    ]
    known = Pieces(size_bytes=PIECE, sha256=digests) if pieces else None
    return FilePromise(
        path="f",
        size_bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        urls=["https://models.example/f"],
        pieces=known,
    )


def test_whole_pieces_with_the_right_digest_are_proven(tmp_path: Path) -> None:
    spoilt = bytearray(CONTENT)
    spoilt[2 * PIECE + 5] ^= 1
    (tmp_path / "f").write_bytes(spoilt)
    assert proven_ranges(tmp_path / "f", promise(), ((0, len(CONTENT)),)) == (
        (0, 2 * PIECE),
        (3 * PIECE, len(CONTENT)),
    )


def test_piece_that_is_only_partly_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(CONTENT)
    assert proven_ranges(tmp_path / "f", promise(), ((10, 2 * PIECE + 1),)) == ((PIECE, 2 * PIECE),)


def test_without_pieces_or_a_file_nothing_is_proven(tmp_path: Path) -> None:
    assert proven_ranges(tmp_path / "f", promise(), ((0, PIECE),)) == ()
    (tmp_path / "f").write_bytes(CONTENT)
    assert proven_ranges(tmp_path / "f", promise(pieces=False), ((0, PIECE),)) == ()
    (tmp_path / "f").write_bytes(CONTENT[:10])
    assert proven_ranges(tmp_path / "f", promise(), ((0, PIECE),)) == ()
