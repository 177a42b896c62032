"""Opens a staging directory: measures its files, and cuts them back to what can be trusted."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges, total_bytes, union
from actors.model_downloader.staging.staging_journal import (
    FileState,
    StagingJournal,
    read_journal,
    reconcile,
)
from actors.model_downloader.staging.watermarks import WATERMARKS_NAME, read_watermarks
from actors.shared.durable.boot_id import boot_id
from actors.shared.durable.durable_write import make_directory, remove_file
from schemas.manifest import ModelEntry


def open_staging(directory: Path, entry: ModelEntry) -> StagingJournal:
    """The journal of a model's staging directory; creates what is missing. All of it is durable on return.

    Cuts the files back to what can be trusted, so that afterwards they agree with the journal.

    Raises:
        OSError: the disk refused.
        DurableWriteFailed: the disk refused the journal.
    """
    make_directory(directory)
    found = read_journal(directory)
    journal = StagingJournal(directory, reconcile(entry, found))
    boot, fetched = boot_id(), 0
    marked = (directory / WATERMARKS_NAME).exists()
    marks = read_watermarks(directory, len(entry.files))
    paths = [file.path for file in entry.files]
    same_files = found is not None and [file.path for file in found.files] == paths
    for number, promise in enumerate(entry.files):
        state = journal.state.file(promise.path)
        known = found is not None and state.url != ""
        same_boot = known and boot is not None and journal.state.boot == boot
        keep = trusted_ranges(
            regular_size(directory / promise.path),
            promise.size_bytes,
            state if known else None,
            marks[number] if same_boot and same_files else NO_BYTES,
            grew_at_its_end=same_boot and not marked,
        )
        _cut_back(directory / promise.path, keep)
        fetched += max(0, total_bytes(keep) - state.durable_bytes) if known else 0
        journal.keep(promise.path, keep)
    journal.change(boot=boot, fetched_bytes=journal.state.fetched_bytes + fetched)
    journal.save()
    # The journal has it all now. Marks that cannot be removed are believed in this run of the machine only.
    with contextlib.suppress(OSError):
        (directory / WATERMARKS_NAME).unlink(missing_ok=True)
    return journal


def regular_size(path: Path) -> int | None:
    """Length of a regular file, not following a link; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def trusted_ranges(
    found_bytes: int | None,
    size_bytes: int,
    state: FileState | None,
    written: ByteRanges,
    *,
    grew_at_its_end: bool,
) -> ByteRanges:
    """Which bytes of a file the next attempt may keep.

    The bytes that the journal counts are on the disk. Those that the marks count are there as well: the
    kernel took them, and it has been running since. A file that is shorter than its journal or longer than
    promised is not the one that was left, so nothing of it is kept. A file that no journal mentions is kept
    only if it is complete; the verifier judges it.

    Args:
        found_bytes: length of the file; None if there is no regular file.
        size_bytes: what the manifest promises.
        state: what the journal says; None if it does not mention the file.
        written: what the marks say, if they can be believed.
        grew_at_its_end: the file was written from the first byte on, in this run of the machine, so its
            length says everything.
    """
    if found_bytes is None or found_bytes > size_bytes:
        return NO_BYTES
    if state is None:
        return ((0, found_bytes),) if found_bytes == size_bytes > 0 else NO_BYTES
    journaled = state.durable_ranges
    if journaled and journaled[-1][1] > found_bytes:
        return NO_BYTES
    if grew_at_its_end and not state.ranges:
        return ((0, found_bytes),) if found_bytes else NO_BYTES
    return union(journaled, [(start, min(end, found_bytes)) for start, end in written])


def _cut_back(path: Path, keep: ByteRanges) -> None:
    """Cut a file after its last byte to keep, durably. If there is none, remove whatever has this name."""
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
