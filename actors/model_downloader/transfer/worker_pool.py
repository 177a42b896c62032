"""The connections of one attempt: as many as help, each of them a thread that fetches part after part."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from dataclasses import dataclass, field

from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.transfer.cancel_token import CancelToken, FetchCancelled
from actors.model_downloader.transfer.concurrency import Concurrency
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed, unforeseen_failure
from actors.model_downloader.transfer.part_fetcher import FileDownload, NoRanges, PartFetcher, PartsChanged
from actors.model_downloader.transfer.part_scheduler import Part, PartScheduler
from actors.model_downloader.transfer.part_writer import PartWriter
from actors.model_downloader.transfer.transfer_limits import TransferLimits

TICK_SECONDS = 0.05
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Worker:
    """One connection.

    Attributes:
        token: cancels the part that it fetches.
        part: what it fetches now.
    """

    token: CancelToken = field(default_factory=CancelToken)
    part: Part | None = None


class WorkerPool:
    """Fetches what is missing of all files of a model.

    Attributes:
        failures: why a file cannot be fetched now, by its place in the manifest.
        disk_failure: what the disk refused, which ends everything.
    """

    def __init__(
        self,
        fetcher: PartFetcher,
        scheduler: PartScheduler,
        writer: PartWriter,
        limits: TransferLimits,
        downloads: list[FileDownload],
    ) -> None:
        self._fetcher = fetcher
        self._scheduler = scheduler
        self._writer = writer
        self._limits = limits
        self._downloads = downloads
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(1)
        self._stopping = CancelToken()
        missing = [count for count in scheduler.missing_bytes if count]
        self._concurrency = Concurrency(time.monotonic(), limits.most_streams, missing)
        self.failures: dict[int, FetchFailed] = {}
        self.disk_failure: DiskFailed | None = None

    def run(self) -> None:
        """Fetch until nothing is left that can be fetched. Blocks: call it in a worker thread."""
        while not self._stopping.is_cancelled:
            changes = self._scheduler.changes
            with self._lock:
                wanted = self._observe()
                count = len(self._workers)
            has_room = count < wanted and self._scheduler.has_work()
            if count == 0 and not has_room:
                break
            if has_room and self._hire(wait=count == 0):
                continue
            self._scheduler.wait(changes, TICK_SECONDS)
        for thread in self._threads:
            thread.join()

    def cancel(self) -> None:
        """End all connections at once."""
        self._stopping.cancel()
        with self._lock:
            tokens = [worker.token for worker in self._workers]
        for token in tokens:
            token.cancel()
        self._scheduler.wake()

    def _observe(self) -> int:
        """How many connections there should be now; ends those that crawl."""
        now = time.monotonic()
        self._concurrency.limit(self._limits.most_streams)
        slow = self._scheduler.slow_parts(now)
        for worker in self._workers:
            worker.token.expire(now)
            if worker.part in slow:
                worker.token.cancel()
        return self._concurrency.observe(
            now,
            self._writer.received_bytes,
            len(self._scheduler.active_parts),
            sum(self._scheduler.missing_bytes),
        )

    def _hire(self, *, wait: bool) -> bool:
        if not self._limits.open_stream(self._stopping, wait=wait):
            return False
        worker = Worker()
        with self._lock:
            self._workers.append(worker)
        name = f"fetch {next(self._numbers)}"
        thread = threading.Thread(target=self._work, args=(worker,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads
            self._end(worker)
            if wait:
                self._give_up(FetchFailed("network", f"no connection can be made ({error})"))
            return False
        self._threads = [known for known in self._threads if known.is_alive()]
        self._threads.append(thread)
        return True

    def _work(self, worker: Worker) -> None:
        try:
            while (part := self._next_part(worker)) and self._fetch(worker, part):
                pass
        except Exception as error:
            log.exception("a connection ended by an error that nobody foresaw")
            self._give_up(unforeseen_failure(error, "the download"))
        finally:
            self._end(worker)

    def _end(self, worker: Worker) -> None:
        self._limits.close_stream()
        with self._lock:
            self._workers.remove(worker)
        self._scheduler.wake()

    def _give_up(self, failure: FetchFailed) -> None:
        """End the attempt: every file that is not complete failed like this."""
        with self._lock:
            for file, missing in enumerate(self._scheduler.missing_bytes):
                if missing:
                    self.failures.setdefault(file, failure)
        self.cancel()

    def _next_part(self, worker: Worker) -> Part | None:
        """What a connection fetches next; None if it is not needed any more."""
        with self._lock:
            if (
                self._stopping.is_cancelled
                or self.disk_failure
                or len(self._workers) > self._concurrency.wanted
                or (self._limits.is_over and len(self._workers) > 1)
            ):
                return None
            worker.part = self._scheduler.take(time.monotonic(), self._concurrency.wanted)
            if worker.part is not None and worker.token.is_cancelled:
                worker.token = CancelToken()
            return worker.part

    def _fetch(self, worker: Worker, part: Part) -> bool:
        """Fetch a part; returns whether the connection goes on with another one."""
        download = self._downloads[part.file]
        failure: FetchFailed | None = None
        try:
            self._fetcher.fetch(download, part, worker.token)
        except NoRanges:
            download.shares = False
        except PartsChanged:
            pass
        except FetchCancelled:
            return not self._stopping.is_cancelled
        except FetchFailed as failed:
            failure = failed
        except DiskFailed as failed:
            self.disk_failure = failed
            self.cancel()
        except Exception as error:
            log.exception("%s: a connection failed in a way that nobody foresaw", download.name)
            failure = unforeseen_failure(error, download.name)
        finally:
            with self._lock:
                worker.part = None
            self._scheduler.release(part)
        if not download.shares:
            self._scheduler.keep_sole(part.file)
        return failure is None or self._survives(failure, part.file)

    def _survives(self, failure: FetchFailed, file: int) -> bool:
        """Whether a connection goes on after a failure.

        While others fetch the same file it only leaves. The last one gives the file up, and goes on with the
        other files.
        """
        if self._scheduler.give_up(file):
            with self._lock:
                self.failures[file] = failure
            return True
        with self._lock:
            self._concurrency.failed(time.monotonic(), len(self._scheduler.active_parts))
        return False
