"""One attempt at all files of a model: builds scheduler, writer and connections, and runs them to the end."""

from __future__ import annotations

from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.part_fetcher import FileDownload, PartFetcher
from actors.model_downloader.transfer.part_scheduler import PartScheduler
from actors.model_downloader.transfer.part_writer import PartWriter
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.model_downloader.transfer.worker_pool import WorkerPool
from actors.shared.places.rooted_place import AnyPlace


class Attempt:
    """Fetches what the journal says is missing, from one source for each file.

    Attributes:
        scheduler: who fetches what now.
    """

    def __init__(
        self,
        directory: AnyPlace,
        downloads: list[FileDownload],
        journal: StagingJournal,
        client: HttpClient,
        limits: TransferLimits,
    ) -> None:
        """Make no connection yet.

        Args:
            directory: the staging directory.
            downloads: every file of the model, in the order of the manifest.
            journal: of that directory.
            client: for HTTP.
            limits: shared by all transfers.

        Raises:
            DiskFailed: the disk refused.
        """
        promises = [download.promise for download in downloads]
        states = [journal.state.file(promise.path) for promise in promises]
        self.scheduler = PartScheduler(
            [promise.size_bytes for promise in promises], [state.durable_ranges for state in states]
        )
        self._writer = PartWriter(directory, promises, journal, self.scheduler)
        fetcher = PartFetcher(client, limits, self.scheduler, self._writer, journal)
        self._pool = WorkerPool(fetcher, self.scheduler, self._writer, limits, downloads)

    def run(self) -> DiskFailed | None:
        """Fetch until nothing is left that can be fetched; returns what the disk refused, if it did.

        All that came is durable on return. Blocks: call it in a worker thread.
        """
        try:
            self._pool.run()
        finally:
            failure = self._close()
        return failure or self._pool.disk_failure

    def _close(self) -> DiskFailed | None:
        try:
            self._writer.close()
        except DiskFailed as failed:
            return failed
        return None

    def cancel(self) -> None:
        """End all connections at once. `run` returns as soon as what came is durable."""
        self._pool.cancel()

    @property
    def failures(self) -> dict[int, FetchFailed]:
        """Why a file cannot be fetched now, by its place in the manifest."""
        return self._pool.failures
