"""Takes what is sound of a damaged model over into a staging directory, so that only what is bad is fetched again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges, gaps, total_bytes, union
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import InstalledFile, RevisionRecord
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.shared.durable.durable_write import make_directory, move
from schemas.manifest import FilePromise, ModelEntry, Pieces
from schemas.models import VerificationFinding


@dataclass(frozen=True)
class Find:
    """A file of a damaged model that can be built upon.

    Attributes:
        good: which of its bytes are the promised ones.
        source: where it came from; None if all its bytes are good, so that it does not matter.
    """

    promise: FilePromise
    good: ByteRanges
    source: InstalledFile | None = None


def reusable(
    entry: ModelEntry, record: RevisionRecord | None, findings: Sequence[VerificationFinding]
) -> list[Find]:
    """Which files of a damaged model can be built upon. Pure.

    Sound ones can, and bad ones whose bad pieces are known, if their source is known too: without a validator
    no range is fetched (RFC 9110, 13.1.5). What came out of an archive can not: the archive is fetched again.
    """
    bad = {finding.path: finding for finding in findings}
    sources = {content.path: content for content in record.contents if content.validator} if record else {}
    found = []
    for promise in entry.files:
        finding, source = bad.get(promise.path), sources.get(promise.path)
        if promise.unpack is not None:
            continue
        if finding is None:
            found.append(Find(promise, ((0, promise.size_bytes),) if promise.size_bytes else NO_BYTES))
        elif finding.pieces and promise.pieces is not None and source is not None:
            damaged = union(*(_place_of(promise, promise.pieces, number) for number in finding.pieces))
            found.append(Find(promise, gaps(damaged, promise.size_bytes), source))
    return found


def salvage(root: ModelsLayout, entry: ModelEntry, findings: Sequence[VerificationFinding]) -> int:
    """Move what can be built upon from where a damaged model lies to its staging directory; returns how many bytes are good.

    What is not moved stays where it is until the model is whole again. What is staged already is not
    replaced.

    Raises:
        OSError, DurableWriteFailed: the disk does not take it; what was moved is found there by the next
            attempt.
    """
    source = root.damaged(entry.id)
    moved = []
    for find in reusable(entry, root.record_in(source), findings):
        staged = root.staged_file(entry.id, find.promise)
        if not os.path.lexists(staged) and (source / find.promise.path).is_file():
            make_directory(staged.parent)
            move(source / find.promise.path, staged)
            moved.append(find)
    if pieced := [find for find in moved if find.source is not None]:
        _note(root.open_staging(entry), pieced)
    return sum(total_bytes(find.good) for find in moved)


def _note(book: StagingJournal, finds: list[Find]) -> None:
    """Have the journal say which bytes of the moved files are good, and where the others come from."""
    for find in finds:
        assert find.source is not None, "the others are complete"
        origin = find.source
        book.change_file(
            find.promise.path,
            url=origin.url,
            etag=origin.etag,
            last_modified=origin.last_modified,
            validator=origin.validator,
        )
        book.keep(find.promise.path, find.good)
    book.save()


def _place_of(promise: FilePromise, pieces: Pieces, number: int) -> ByteRanges:
    start = number * pieces.size_bytes
    return (
        ((start, min(start + pieces.size_bytes, promise.size_bytes)),)
        if start < promise.size_bytes
        else NO_BYTES
    )
