"""Stages again what is sound of a damaged model, so that only what is bad is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges, gaps, total_bytes, union
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import InstalledFile, RevisionRecord
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.shared.durable.durable_write import make_directory, move
from schemas.manifest import FilePromise, ModelEntry, Pieces
from schemas.models import VerificationFinding


@dataclass(frozen=True, slots=True)
class ReusableFile:
    """A file of a damaged model that can be built upon.

    Attributes:
        promise: what the manifest says of it.
        good: which of its bytes are the promised ones.
        source: where it came from; None if all its bytes are good.
    """

    promise: FilePromise
    good: ByteRanges
    source: InstalledFile | None = None


def reusable_files(
    entry: ModelEntry, record: RevisionRecord | None, findings: Sequence[VerificationFinding]
) -> list[ReusableFile]:
    """Which files of a damaged model can be built upon. Pure.

    Sound files can. Bad ones can if their bad pieces and their source are known: without a validator no range
    is fetched (RFC 9110 section 13.1.5). What came out of an archive cannot: the archive is fetched again.
    """
    bad = {finding.path: finding for finding in findings}
    sources = {content.path: content for content in record.contents if content.validator} if record else {}
    found = []
    for promise in entry.files:
        finding, source = bad.get(promise.path), sources.get(promise.path)
        if promise.unpack is not None:
            continue
        if finding is None:
            whole = ((0, promise.size_bytes),) if promise.size_bytes else NO_BYTES
            found.append(ReusableFile(promise, whole))
        elif finding.pieces and promise.pieces is not None and source is not None:
            damaged = union(*(_piece_range(promise, promise.pieces, number) for number in finding.pieces))
            found.append(ReusableFile(promise, gaps(damaged, promise.size_bytes), source))
    return found


def reuse_sound_files(
    layout: ModelsLayout, entry: ModelEntry, findings: Sequence[VerificationFinding]
) -> int:
    """Move what can be built upon from a damaged model to its staging directory. Blocks.

    What is not moved stays where it is until the model is whole again. What is staged is not replaced.

    Returns:
        how many bytes are good.

    Raises:
        OSError, DurableWriteFailed: the disk refused; the next attempt finds what was moved.
    """
    source = layout.damaged(entry.id)
    moved = []
    for file in reusable_files(entry, layout.record_in(source), findings):
        staged = layout.staged_file(entry.id, file.promise)
        if not staged.is_there() and (source / file.promise.path).is_file():
            make_directory(staged.parent)
            move(source / file.promise.path, staged)
            moved.append(file)
    if any(file.source is not None for file in moved):
        _note_sources(layout.open_staging(entry), moved)
    return sum(total_bytes(file.good) for file in moved)


def _note_sources(journal: StagingJournal, moved: Sequence[ReusableFile]) -> None:
    """Have the journal say which bytes of the moved files are good, and where the others come from."""
    for file in moved:
        if file.source is not None:
            journal.change_file(
                file.promise.path,
                url=file.source.url,
                etag=file.source.etag,
                last_modified=file.source.last_modified,
                validator=file.source.validator,
            )
            journal.keep(file.promise.path, file.good)
    journal.save()


def _piece_range(promise: FilePromise, pieces: Pieces, number: int) -> ByteRanges:
    start = number * pieces.size_bytes
    end = min(start + pieces.size_bytes, promise.size_bytes)
    return ((start, end),) if start < promise.size_bytes else NO_BYTES
