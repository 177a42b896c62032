"""The files of one attempt on their way to disk: connections write parts of them, one thread behind makes them durable."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges
from actors.model_downloader.staging.staged_file import DiskFailed, StagedFile, disk_failed
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.model_downloader.staging.watermarks import Watermarks
from actors.model_downloader.transfer import flush_policy
from actors.model_downloader.transfer.part_scheduler import Part, PartScheduler
from actors.shared.durable.durable_write import remove_file
from bus.errors import UndercroftError
from schemas.manifest import FilePromise

TICK_SECONDS = flush_policy.SYNC_INTERVAL_SECONDS / 2


class PartWriter:
    """Writes parts, and journals what is durable of them: many small files share one write of the journal.

    Attributes:
        ranges: what is written, under way and missing; only to be touched with `changed` held.
        changed: is notified when a part ends, when more is durable, and when the disk fails.
    """

    def __init__(self, directory: Path, promises: list[FilePromise], book: StagingJournal) -> None:
        """Raises DiskFailed if the disk does not take it."""
        self._directory = directory
        self._promises = promises
        self._book = book
        self._strict = book.state.boot is None
        states = [book.state.file(promise.path) for promise in promises]
        self.ranges = PartScheduler(
            [promise.size_bytes for promise in promises], [state.durable_ranges for state in states]
        )
        self.changed = threading.Condition()
        try:
            self._marks = Watermarks(directory)
        except OSError as error:
            raise disk_failed(directory, error) from error
        self._part_marks: dict[int, int] = {}
        self._files: dict[int, StagedFile] = {}
        self._dirty: set[int] = set()
        self._generations = [0] * len(promises)
        self._pending_bytes = 0
        self.received_bytes = 0
        self._counted_bytes = 0
        self.failure: DiskFailed | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._sync_behind, name=f"sync {directory.name}", daemon=True)
        self._thread.start()

    def path(self, file: int) -> Path:
        """Where a file is staged."""
        return self._directory / self._promises[file].path

    def begin(self, part: Part) -> StagedFile:
        """Open the file of a part, and mark where the part begins.

        Raises:
            DiskFailed: it cannot be opened.
        """
        with self.changed:
            if part.file not in self._files:
                self._files[part.file] = StagedFile(self.path(part.file))
            try:
                self._part_marks[id(part)] = self._marks.begin(part.file, part.position)
            except OSError as error:
                raise disk_failed(self._directory, error) from error
            return self._files[part.file]

    def write(self, part: Part, content: memoryview | bytes) -> int:
        """Write what came of a part, up to its end; returns how much of it was. Waits while the disk is far behind.

        Raises:
            DiskFailed: the disk is full or broken, or earlier bytes could not be made durable.
        """
        with self.changed:
            room = part.end - part.position
            target = self._files[part.file]
        count = min(len(content), room)
        if count <= 0:
            return 0
        target.write(part.position, content[:count])
        self.wrote(part, count)
        return count

    def wrote(self, part: Part, count: int) -> None:
        """So many bytes of a part were written at its position, by `write` or by a system call.

        Raises:
            DiskFailed: earlier bytes could not be made durable.
        """
        try:
            self._marks.move(self._part_marks.get(id(part), -1), part.position + count)
        except OSError as error:
            raise disk_failed(self._directory, error) from error
        with self.changed:
            self.ranges.advance(part, count)
            self.received_bytes += count
            idle = not self._pending_bytes
            self._pending_bytes += count
            self._dirty.add(part.file)
            if idle or flush_policy.sync_due(self._pending_bytes, 0.0, self._strict):
                self.changed.notify_all()
            while flush_policy.must_wait(self._pending_bytes, self._strict) and self.failure is None:
                self.changed.wait()
            if self.failure is not None:
                raise self.failure

    def release(self, part: Part) -> None:
        """A part ends, done or not."""
        with self.changed:
            self.ranges.release(part)
            self._part_marks.pop(id(part), None)
            self.changed.notify_all()

    def start_over(self, part: Part, keep: ByteRanges = NO_BYTES, **source: Any) -> None:
        """Discard what is there of a part's file but for what to keep. The part is the only one of its file that is active.

        Without anything to keep the name means a new file afterwards, so that whoever read the old one can
        tell.

        Raises:
            DiskFailed: the disk does not take it.
        """
        promise = self._promises[part.file]
        with self.changed:
            self._marks.void(part.file)
            self._part_marks.pop(id(part), None)
            self.ranges.start_over(part.file, keep)
            self._generations[part.file] += 1
            self._dirty.discard(part.file)
            self._book.keep(promise.path, keep)
            self._book.change_file(promise.path, **source)
            self._book.change(attempt=self._book.state.attempt + 1)
            try:
                self._book.save()
                if not keep:
                    if found := self._files.pop(part.file, None):
                        found.close()
                    remove_file(self.path(part.file))
            except (OSError, UndercroftError) as error:
                raise disk_failed(self.path(part.file), error) from error
            self.changed.notify_all()

    def note_source(self, file: int, **source: Any) -> None:
        """Journal where the bytes of a file come from, before the first of them is written.

        Raises:
            DiskFailed: the journal cannot be written.
        """
        state = self._book.state.file(self._promises[file].path)
        if all(getattr(state, name) == value for name, value in source.items()):
            return
        self._book.change_file(state.path, **source)
        try:
            if (
                state.durable_ranges or self._promises[file].size_bytes > flush_policy.STRICT_LAG_BYTES
            ):  # a small file is fetched again as soon
                self._book.save()
        except UndercroftError as error:
            raise disk_failed(self.path(file), error) from error

    def close(self) -> None:
        """Make the rest durable, and close the files.

        Raises:
            DiskFailed: that failed, now or earlier.
        """
        with self.changed:
            self._closing = True
            self.changed.notify_all()
        self._thread.join()
        self._marks.close()
        for found in self._files.values():
            found.close()
        if self.failure is not None:
            raise self.failure

    # -- the thread behind
    # -----------------------------------------------------------------------------------------

    def _sync_behind(self) -> None:
        synced_at = time.monotonic()
        while self.failure is None:
            with self.changed:
                while not self._closing and not flush_policy.sync_due(
                    self._pending_bytes, time.monotonic() - synced_at, self._strict
                ):
                    self.changed.wait(TICK_SECONDS if self._pending_bytes else None)
                if self._closing and not self._dirty:
                    return
                written = {
                    file: (self._files[file], self.ranges.written(file))
                    for file in self._dirty
                    if file in self._files
                }
                self._dirty.clear()
                generations = list(self._generations)
                received, pending = self.received_bytes, self._pending_bytes
            try:
                self._sync(written, received, generations)
            except UndercroftError as error:
                with self.changed:
                    self.failure = (
                        error if isinstance(error, DiskFailed) else disk_failed(self._directory, error)
                    )
            with self.changed:
                self._pending_bytes -= pending
                self.changed.notify_all()
            synced_at = time.monotonic()

    def _sync(
        self, written: dict[int, tuple[StagedFile, ByteRanges]], received: int, generations: list[int]
    ) -> None:
        for found, _ in written.values():
            found.sync()
        with self.changed:
            for file, (_, extents) in written.items():
                if self._generations[file] != generations[file]:
                    continue  # it was started over meanwhile
                self._book.keep(self._promises[file].path, extents)
                if self.ranges.is_complete(file) and file not in self._dirty:
                    self._files.pop(file).close()
            self._book.change(fetched_bytes=self._book.state.fetched_bytes + received - self._counted_bytes)
            self._counted_bytes = received
        self._book.save()
