"""The connections of one attempt: as many as help, each a thread that fetches part after part."""

from __future__ import annotations

import threading
import time

from actors.model_downloader.staging.byte_ranges import total_bytes
from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.transfer.cancel_token import CancelToken, FetchCancelled
from actors.model_downloader.transfer.concurrency import Concurrency
from actors.model_downloader.transfer.http_client import FetchFailed
from actors.model_downloader.transfer.part_fetcher import FileDownload, NoRanges, PartFetcher, PartsChanged
from actors.model_downloader.transfer.part_scheduler import Part
from actors.model_downloader.transfer.part_writer import PartWriter
from actors.model_downloader.transfer.transfer_limits import TransferLimits

TICK_SECONDS = 0.05


class WorkerPool:
    """Fetches what is missing of all files of a model.

    Attributes:
        failures: why a file cannot be fetched now, by its place in the manifest.
        disk_failure: what the disk did not take, which ends everything.
    """

    def __init__(
        self, fetcher: PartFetcher, traffic: TransferLimits, writing: PartWriter, sources: list[FileDownload]
    ) -> None:
        self._fetcher = fetcher
        self._traffic = traffic
        self._writing = writing
        self._sources = sources
        self._changed = writing.changed
        self._at_work: dict[int, CancelToken] = {}
        self._receiving: dict[int, Part] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = CancelToken()
        self._number = 0
        missing = [
            source.promise.size_bytes - total_bytes(writing.ranges.written(file))
            for file, source in enumerate(sources)
        ]
        self._ramp = Concurrency(
            time.monotonic(), traffic.most_streams, [count for count in missing if count]
        )
        self.failures: dict[int, FetchFailed] = {}
        self.disk_failure: DiskFailed | None = None

    def run(self) -> None:
        """Fetch until nothing is left that can be fetched. Blocks: call it in a worker thread."""
        while not self._stopping.is_cancelled:
            with self._changed:
                wanted = self._observe()
                idle = not self._at_work
                more = len(self._at_work) < wanted and (
                    self._writing.ranges.has_work() or self._writing.ranges.can_split()
                )
                if idle and not more:
                    break
            if more and self._hire(wait=idle):
                continue
            with self._changed:
                if self._at_work and not self._stopping.is_cancelled:
                    self._changed.wait(TICK_SECONDS)
        for thread in self._threads:
            thread.join()

    def cancel(self) -> None:
        """End all connections at once."""
        self._stopping.cancel()
        with self._changed:
            working = list(self._at_work.values())
            self._changed.notify_all()
        for token in working:
            token.cancel()

    def _observe(self) -> int:
        """How many connections there should be now; ends those that crawl."""
        now, ranges = time.monotonic(), self._writing.ranges
        left = sum(
            source.promise.size_bytes - total_bytes(ranges.written(file))
            for file, source in enumerate(self._sources)
        )
        self._ramp.limit(self._traffic.most_streams)
        for part in ranges.slow(now):
            for number, mine in self._receiving.items():
                if mine is part and number in self._at_work:
                    self._at_work[number].cancel()
        return self._ramp.observe(now, self._writing.received_bytes, len(ranges.active), left)

    def _hire(self, *, wait: bool) -> bool:
        if not self._traffic.open_stream(self._stopping, wait=wait):
            return False
        with self._changed:
            self._number += 1
            number = self._number
            self._at_work[number] = CancelToken()
        thread = threading.Thread(target=self._work, args=(number,), name=f"fetch {number}", daemon=True)
        self._threads = [known for known in self._threads if known.is_alive()]
        self._threads.append(thread)
        thread.start()
        return True

    def _work(self, number: int) -> None:
        try:
            while self._fetch_next(number):
                pass
        finally:
            self._traffic.close_stream()
            with self._changed:
                self._at_work.pop(number, None)
                self._changed.notify_all()

    def _fetch_next(self, number: int) -> bool:
        """Fetch one part; False if this connection is not needed any more."""
        with self._changed:
            if (
                self._stopping.is_cancelled
                or self.disk_failure
                or len(self._at_work) > self._ramp.wanted
                or (self._traffic.is_over and len(self._at_work) > 1)
            ):
                return False
            part = self._writing.ranges.take(time.monotonic(), self._ramp.wanted)
            if part is None:
                return False
            if self._at_work[number].is_cancelled:
                self._at_work[number] = CancelToken()
            abort = self._at_work[number]
            self._receiving[number] = part
        source = self._sources[part.file]
        failure: FetchFailed | None = None
        try:
            self._fetcher.fetch(source, part, abort)
        except NoRanges:
            source.shares = False
        except PartsChanged:
            pass
        except FetchCancelled:
            return not self._stopping.is_cancelled
        except FetchFailed as failed:
            failure = failed
        except DiskFailed as failed:
            self.disk_failure = failed
            self.cancel()
        finally:
            self._writing.release(part)
            with self._changed:
                self._receiving.pop(number, None)
        if not source.shares:
            with self._changed:
                self._writing.ranges.keep_sole(part.file)
        return self._goes_on_after(failure, part) if failure else True

    def _goes_on_after(self, failure: FetchFailed, part: Part) -> bool:
        """A connection that fails while others fetch the same file only leaves; the last one takes the file with it."""
        with self._changed:
            others = [other for other in self._writing.ranges.active if other.file == part.file]
            if others:
                self._ramp.failed(time.monotonic(), len(self._writing.ranges.active))
                return False
            self._writing.ranges.block(part.file)
            self.failures[part.file] = failure
            return True
