"""Writes parts into the staged files of one attempt; a thread behind the connections makes them durable."""

from __future__ import annotations

import threading
import time
from typing import Any

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges
from actors.model_downloader.staging.staged_file import DiskFailed, StagedFile, disk_failed
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.model_downloader.staging.watermarks import NO_MARK, Watermarks
from actors.model_downloader.transfer import flush_policy
from actors.model_downloader.transfer.part_scheduler import Part, PartScheduler
from actors.shared.durable.durable_write import remove_file
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, below
from bus.errors import UndercroftError
from schemas.manifest import FilePromise

TICK_SECONDS = flush_policy.SYNC_INTERVAL_SECONDS / 2


class PartWriter:
    """Shared by all connections of an attempt; safe to use from several threads.

    The order is always: bytes, watermark, sync of the file, journal. Many small files share one write of the
    journal. It takes the scheduler's lock while it has its own, never the other way round.
    """

    def __init__(
        self,
        directory: AnyPlace,
        promises: list[FilePromise],
        journal: StagingJournal,
        scheduler: PartScheduler,
    ) -> None:
        """Start the thread behind.

        Args:
            directory: the staging directory.
            promises: the files of the model, in the order of the scheduler.
            journal: of that directory.
            scheduler: learns what is written.

        Raises:
            DiskFailed: the disk refused the watermarks.
        """
        self._directory = below(directory)
        self._promises = promises
        self._journal = journal
        self._scheduler = scheduler
        self._strict = journal.state.boot is None
        try:
            self._marks = Watermarks(self._directory)
        except OSError as error:
            raise disk_failed(directory, error) from error
        self._changed = threading.Condition()
        self._files: dict[int, StagedFile] = {}
        self._dirty: set[int] = set()
        self._generations = [0] * len(promises)
        self._received_bytes = 0
        self._pending_bytes = 0
        self._journaled_bytes = 0
        self._failure: DiskFailed | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._sync_behind, name=f"sync {directory.name}", daemon=True)
        self._thread.start()

    @property
    def received_bytes(self) -> int:
        """How many bytes were written in this attempt, over all files."""
        return self._received_bytes

    def path(self, file: int) -> RootedPlace:
        """Where a file is staged."""
        return self._directory / self._promises[file].path

    def begin(self, part: Part) -> StagedFile:
        """Open the file of a part, and mark where the part begins.

        Raises:
            DiskFailed: the disk refused.
        """
        with self._changed:
            if part.file not in self._files:
                self._files[part.file] = StagedFile(self.path(part.file))
            try:
                part.mark = self._marks.begin(part.file, part.position)
            except OSError as error:
                raise disk_failed(self._directory, error) from error
            return self._files[part.file]

    def write(self, part: Part, content: memoryview | bytes) -> int:
        """Write bytes at the position of a part, up to its end; returns how many. Waits for a slow disk.

        Raises:
            DiskFailed: the disk is full or broken, or earlier bytes could not be made durable.
        """
        count = min(len(content), part.left_bytes)
        if count <= 0:
            return 0
        self._files[part.file].write(part.position, content[:count])
        self.wrote(part, count)
        return count

    def wrote(self, part: Part, count: int) -> None:
        """Note bytes that were written at the position of a part, here or by a system call.

        Raises:
            DiskFailed: earlier bytes could not be made durable.
        """
        try:
            self._marks.move(part.mark, part.position + count)
        except OSError as error:
            raise disk_failed(self._directory, error) from error
        with self._changed:
            self._scheduler.advance(part, count)
            self._received_bytes += count
            was_idle = not self._pending_bytes
            self._pending_bytes += count
            self._dirty.add(part.file)
            if was_idle or flush_policy.sync_due(self._pending_bytes, 0.0, self._strict):
                self._changed.notify_all()
            while flush_policy.must_wait(self._pending_bytes, self._strict) and self._failure is None:
                self._changed.wait()
            if self._failure is not None:
                raise self._failure

    def start_over(self, part: Part, keep: ByteRanges = NO_BYTES, **source: Any) -> None:
        """Discard what is there of a part's file but for what to keep. It must be the only active part.

        If there is nothing to keep, the name gets a new file, so that readers of the old one can tell.

        Raises:
            DiskFailed: the disk refused.
        """
        promise = self._promises[part.file]
        with self._changed:
            self._marks.void(part.file)
            part.mark = NO_MARK
            self._scheduler.start_over(part.file, keep)
            self._generations[part.file] += 1
            self._dirty.discard(part.file)
            self._journal.keep(promise.path, keep)
            self._journal.change_file(promise.path, **source)
            self._journal.change(attempt=self._journal.state.attempt + 1)
            try:
                self._journal.save()
                if not keep:
                    if found := self._files.pop(part.file, None):
                        found.close()
                    remove_file(self.path(part.file))
            except (OSError, UndercroftError) as error:
                raise disk_failed(self.path(part.file), error) from error

    def note_source(self, file: int, **source: Any) -> None:
        """Journal where the bytes of a file come from, before the first of them is written.

        Raises:
            DiskFailed: the disk refused the journal.
        """
        state = self._journal.state.file(self._promises[file].path)
        if all(getattr(state, name) == value for name, value in source.items()):
            return
        self._journal.change_file(state.path, **source)
        if not state.durable_ranges and self._promises[file].size_bytes <= flush_policy.STRICT_LAG_BYTES:
            return  # a small file is fetched again as fast as its journal is written
        try:
            self._journal.save()
        except UndercroftError as error:
            raise disk_failed(self.path(file), error) from error

    def close(self) -> None:
        """Make the rest durable, and close the files.

        Raises:
            DiskFailed: that failed, now or earlier.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._marks.close()
        for found in self._files.values():
            found.close()
        if self._failure is not None:
            raise self._failure

    # -- the thread behind
    # -----------------------------------------------------------------------------------------

    def _sync_behind(self) -> None:
        synced_at = time.monotonic()
        while self._failure is None:
            with self._changed:
                while not self._closing and not flush_policy.sync_due(
                    self._pending_bytes, time.monotonic() - synced_at, self._strict
                ):
                    self._changed.wait(TICK_SECONDS if self._pending_bytes else None)
                if self._closing and not self._dirty:
                    return
                written = {
                    file: (self._files[file], self._scheduler.written(file))
                    for file in self._dirty
                    if file in self._files
                }
                self._dirty.clear()
                generations = list(self._generations)
                received, pending = self._received_bytes, self._pending_bytes
            try:
                self._sync(written, received, generations)
            except Exception as error:  # whatever it is, nobody must wait for this thread in vain
                with self._changed:
                    self._failure = (
                        error if isinstance(error, DiskFailed) else disk_failed(self._directory, error)
                    )
            with self._changed:
                self._pending_bytes -= pending
                self._changed.notify_all()
            synced_at = time.monotonic()

    def _sync(
        self, written: dict[int, tuple[StagedFile, ByteRanges]], received: int, generations: list[int]
    ) -> None:
        for found, _ in written.values():
            found.sync()
        with self._changed:
            for file, (_, ranges) in written.items():
                if self._generations[file] != generations[file]:
                    continue  # it was started over meanwhile
                self._journal.keep(self._promises[file].path, ranges)
                if self._scheduler.is_complete(file) and file not in self._dirty:
                    self._files.pop(file).close()
            fetched = self._journal.state.fetched_bytes + received - self._journaled_bytes
            self._journal.change(fetched_bytes=fetched)
            self._journaled_bytes = received
        self._journal.save()
