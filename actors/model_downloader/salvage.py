"""Takes what is sound of a damaged model over into a staging directory, so that only what is bad is fetched again."""

from __future__ import annotations

import os
from collections.abc import Sequence

from actors.model_downloader.staging import ModelRoot
from actors.storage.durable import make_directory, move
from schemas.manifest import FilePromise, ModelEntry, Pieces
from schemas.models import VerificationFinding


def reusable(entry: ModelEntry, findings: Sequence[VerificationFinding]) -> list[tuple[FilePromise, int]]:
    """Which files of a damaged model can be built upon, and how many of their bytes are good. Pure.

    Sound ones are, and bad ones whose bad pieces are known. What came out of an archive is not: the archive is fetched again.
    """
    bad = {finding.path: finding for finding in findings}
    found = []
    for promise in entry.files:
        finding = bad.get(promise.path)
        if promise.unpack is not None:
            continue
        if finding is None:
            found.append((promise, promise.size_bytes))
        elif finding.pieces and promise.pieces is not None:
            found.append((promise, promise.size_bytes - sum(_piece_bytes(promise, promise.pieces, number) for number in set(finding.pieces))))
    return found


def salvage(root: ModelRoot, entry: ModelEntry, findings: Sequence[VerificationFinding]) -> int:
    """Move what can be built upon from where a damaged model lies to its staging directory; returns how many bytes are good.

    What is not moved stays where it is until the model is whole again. What is staged already is not replaced.

    Raises:
        OSError, DurableWriteFailed: the disk does not take it; what was moved is found there by the next attempt.
    """
    source, kept = root.damaged(entry.id), 0
    for promise, good_bytes in reusable(entry, findings):
        staged = root.staged_file(entry.id, promise)
        if os.path.lexists(staged) or not (source / promise.path).is_file():
            continue
        make_directory(staged.parent)
        move(source / promise.path, staged)
        kept += good_bytes
    return kept


def _piece_bytes(promise: FilePromise, pieces: Pieces, number: int) -> int:
    start = number * pieces.size_bytes
    return max(0, min(start + pieces.size_bytes, promise.size_bytes) - start)
