"""Opens a staging directory: measures its files, and cuts them back to what can be trusted."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import Final

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges, total_bytes, union
from actors.model_downloader.staging.staging_journal import (
    FileState,
    StagingJournal,
    claim_journal,
    reconcile,
)
from actors.model_downloader.staging.watermarks import WATERMARKS_NAME, read_watermarks
from actors.shared.durable.boot_id import boot_id
from actors.shared.durable.directory_tree import delete
from actors.shared.durable.durable_write import make_directory, move, remove_file
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, below
from schemas.manifest import ModelEntry

OWN_SUFFIX: Final = ".own"
COPY_STEP_BYTES: Final = 1 << 20


def open_staging(staging: AnyPlace, entry: ModelEntry) -> StagingJournal:
    """The journal of a model's staging directory; creates what is missing. All of it is durable on return.

    Cuts the files back to what can be trusted, so that afterwards they agree with the journal.

    Raises:
        OSError: the disk refused.
        DurableWriteFailed: the disk refused the journal.
    """
    directory = below(staging)
    make_directory(directory)
    found = claim_journal(directory)
    journal = StagingJournal(directory, reconcile(entry, found))
    boot, fetched = boot_id(), 0
    marked = (directory / WATERMARKS_NAME).is_there()
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


def regular_size(path: AnyPlace) -> int | None:
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


def _cut_back(path: RootedPlace, keep: ByteRanges) -> None:
    """Cut a file after its last byte to keep, durably. If there is none, remove whatever has this name."""
    if not keep:
        if path.is_dir():
            delete(path)
        elif path.is_there():
            remove_file(path)
        return
    if path.lstat().st_nlink > 1:
        _part_with_other_names(path)
    with os.fdopen(path.open(os.O_RDWR), "r+b") as file:
        if os.fstat(file.fileno()).st_size != keep[-1][1]:
            file.truncate(keep[-1][1])
        os.fsync(file.fileno())


def _part_with_other_names(path: RootedPlace) -> None:
    """Give a file that has a second name a copy of its bytes, so that nothing is written under the other.

    A move within one file system links the files of a partial, until the old place is cleared.
    """
    own = path.with_name(path.name + OWN_SUFFIX)
    own.unlink(missing_ok=True)
    with (
        os.fdopen(path.open(os.O_RDONLY), "rb") as source,
        os.fdopen(own.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as copy,
    ):
        shutil.copyfileobj(source, copy, COPY_STEP_BYTES)
        copy.flush()
        os.fsync(copy.fileno())
    move(own, path)
