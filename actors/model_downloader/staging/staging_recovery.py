"""Opens a staging directory: measures what lies there and cuts it back to what can be trusted."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

from actors.model_downloader.staging.staging_journal import FileState, StagingJournal, read_journal, reconcile
from actors.model_downloader.staging.watermarks import WATERMARKS_NAME, read_watermarks
from actors.model_downloader.transfer.byte_ranges import NO_BYTES, ByteRanges, total, union
from actors.model_downloader.transfer.flush_policy import resume_position
from actors.shared.durable.boot_id import boot_id
from actors.shared.durable.durable_write import make_directory, remove_file
from schemas.manifest import FilePromise, ModelEntry


def open_staging(directory: Path, entry: ModelEntry) -> StagingJournal:
    """The journal of a model's staging directory, both created if missing, and durable on return.

    Files are measured and cut back to what can be trusted, so that afterwards they and the journal agree.

    Raises:
        OSError, DurableWriteFailed: the disk does not take it.
    """
    make_directory(directory)
    found = read_journal(directory)
    book = StagingJournal(directory, reconcile(entry, found))
    boot, fetched = boot_id(), 0
    marked = (directory / WATERMARKS_NAME).exists()
    marks = read_watermarks(directory, len(entry.files))
    same_files = found is not None and [file.path for file in found.files] == [
        file.path for file in entry.files
    ]
    for number, promise in enumerate(entry.files):
        state = book.state.file(promise.path)
        known = found is not None and state.url != ""
        same_boot = known and boot is not None and book.state.boot == boot
        written = marks[number] if same_boot and same_files else NO_BYTES
        keep = _trusted(
            directory / promise.path, promise, state if known else None, written, same_boot and not marked
        )
        _settle(directory / promise.path, keep)
        fetched += max(0, total(keep) - state.durable_bytes) if known else 0
        book.keep(promise.path, keep)
    book.change(boot=boot, fetched_bytes=book.state.fetched_bytes + fetched)
    book.save()
    with contextlib.suppress(
        OSError
    ):  # the journal has it all now; what is left there would be believed again only in the same run
        (directory / WATERMARKS_NAME).unlink(missing_ok=True)
    return book


def regular_size(path: Path) -> int | None:
    """Length of a regular file that is not reached over a link; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _trusted(
    path: Path, promise: FilePromise, state: FileState | None, written: ByteRanges, grew_at_its_end: bool
) -> ByteRanges:
    """Which bytes of a file can be built upon.

    Bytes that the journal counts were on the platters, and those that the marks count were taken by a kernel
    that ran on since. A file that is shorter than its journal, or longer than promised, is not the one that
    was left:
    nothing of it is used. Of a file that no journal speaks of only a complete one is kept, for the verifier
    to judge.

    Args:
        path: the file.
        promise: what the manifest says of it.
        state: None if the journal does not speak of it.
        written: what the marks say, if they can be believed.
        grew_at_its_end: it was written from the first byte on, in this run of the machine; then its length
            tells all.
    """
    found = regular_size(path)
    if found is None or found > promise.size_bytes:
        return NO_BYTES
    if state is None:
        return ((0, found),) if found == promise.size_bytes > 0 else NO_BYTES
    journaled = state.durable_ranges
    if journaled and journaled[-1][1] > found:
        return NO_BYTES
    if grew_at_its_end and not state.ranges:
        keep = resume_position(state.durable_bytes, found, promise.size_bytes, same_boot=True)
        return ((0, keep),) if keep else NO_BYTES
    return union(journaled, [(start, min(end, found)) for start, end in written])


def _settle(path: Path, keep: ByteRanges) -> None:
    """Cut a file to its last byte that is kept, and make it durable; without any it is removed, whatever it is."""
    if not keep:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            remove_file(path)
        return
    with path.open("r+b") as file:
        if os.fstat(file.fileno()).st_size != keep[-1][1]:
            file.truncate(keep[-1][1])
        os.fsync(file.fileno())
