"""Fetches all files of one model: what is missing of each, from which source, into the journal of its staging directory."""

from __future__ import annotations

import contextlib
import errno
import math
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import anyio.to_thread

from actors.model_downloader.downloader_context import World
from actors.model_downloader.install_retry import next_url
from actors.model_downloader.progress_reporter import ProgressReporter
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.staging.staging_journal import StagingJournal, StagingState
from actors.model_downloader.transfer.http_client import FetchFailed
from actors.model_downloader.transfer.part_fetcher import FileDownload, PartFetcher
from actors.model_downloader.transfer.part_writer import PartWriter
from actors.model_downloader.transfer.worker_pool import WorkerPool
from actors.shared.credentials import SourceEndpoints, at_endpoint
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.errors import UndercroftError
from schemas.manifest import FilePromise, ModelEntry

Failure = FetchFailed | DiskFailed
FULL = (errno.ENOSPC, errno.EDQUOT)


class Transfer:
    """Fetches the files of one model; each attempt goes on where the last one ended, at another source if that one failed."""

    def __init__(
        self,
        entry: ModelEntry,
        root: ModelsLayout,
        world: World,
        telling: ProgressReporter,
        book: StagingJournal,
    ) -> None:
        self._entry = entry
        self._root = root
        self._world = world
        self._telling = telling
        self._book = book
        self._urls: dict[str, str] = {}
        self._answered: set[str] = set()

    async def fetch_all(self) -> Failure | None:
        """Fetch what is missing of every file; several connections where that helps."""
        try:
            await anyio.to_thread.run_sync(self._make_empty_files)
        except (OSError, UndercroftError) as error:
            return self.disk_failed(error)
        while any(not self._is_complete(promise) for promise in self._entry.files):
            await anyio.lowlevel.checkpoint()  # where an attempt was aborted, the cancellation shows here
            if too_small := self._check_space():
                return too_small
            before = self._journal.durable_bytes
            failure, failures = await self._attempt()
            if failure is not None:
                return self.disk_failed(failure)
            if not failures:
                continue
            if await self._find_credentials(failures):
                continue
            return self._go_elsewhere(failures, self._journal.durable_bytes - before)
        return None

    def disk_failed(self, error: Exception) -> DiskFailed:
        """Bytes beyond the journal are not to be trusted from now on: the kernel may have dropped them."""
        self._book.change(boot=None)
        with contextlib.suppress(DurableWriteFailed):
            self._book.save()
        number = getattr(error, "errno", 0) or 0
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        if number in FULL:
            reason = f"{reason}: {self._missing_bytes()} bytes more are needed"
        return DiskFailed(str(self._root.staging(self._entry.id)), number, reason)

    # -- one attempt
    # -----------------------------------------------------------------------------------------------

    async def _attempt(self) -> tuple[DiskFailed | None, dict[int, FetchFailed]]:
        self._book.change(attempt=self._journal.attempt + 1)
        try:
            writing = PartWriter(self._root.staging(self._entry.id), self._entry.files, self._book)
        except DiskFailed as refused:
            return refused, {}
        sources = [
            FileDownload(promise, f"{self._entry.id}/{promise.path}", self._url(promise))
            for promise in self._entry.files
        ]
        crew = WorkerPool(
            PartFetcher(self._world.client, self._world.traffic, writing, self._book),
            self._world.traffic,
            writing,
            sources,
        )

        def work() -> DiskFailed | None:
            crew.run()
            try:
                writing.close()
            except DiskFailed as failed:
                return failed
            return crew.disk_failure

        async with anyio.create_task_group() as group:
            group.start_soon(self._tell_progress, crew)
            failure = await anyio.to_thread.run_sync(work)
            group.cancel_scope.cancel()
        await self._telling.tell_progress(last=True)
        return failure, crew.failures

    async def _tell_progress(self, crew: WorkerPool) -> None:
        """Tell of progress until cancelled; whatever cancels the install reaches the connections here."""
        try:
            while True:
                self._world.space.reserve(self._entry.id, self._needed_bytes)
                await self._telling.tell_progress()
                await anyio.sleep(self._telling.tick_seconds)
        finally:
            crew.abort()

    def _make_empty_files(self) -> None:
        for promise in self._entry.files:
            if promise.size_bytes == 0:
                path = self._root.staged_file(self._entry.id, promise)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(0o600)

    # -- sources
    # ---------------------------------------------------------------------------------------------------

    def _candidates(self, promise: FilePromise) -> list[str]:
        return candidates(promise, self._world.traffic.mirror_url, self._world.endpoints)

    def _url(self, promise: FilePromise) -> str:
        """Where to ask for a file: where its bytes came from, if there are any, and else the first source."""
        state, known = self._journal.file(promise.path), self._candidates(promise)
        chosen = self._urls.get(promise.path, "")
        if chosen not in known:
            chosen = state.url if state.url in known and state.durable_bytes else known[0]
            self._urls[promise.path] = chosen
        return chosen

    async def _find_credentials(self, failures: dict[int, FetchFailed]) -> bool:
        """Whether somebody has an answer to the servers that want to know who asks; each address is answered for once."""
        found = False
        for failure in failures.values():
            if failure.challenges and failure.url not in self._answered:
                self._answered.add(failure.url)
                found = await self._world.answer_challenge(failure.url, failure.challenges) or found
        return found

    def _go_elsewhere(self, failures: dict[int, FetchFailed], gained_bytes: int) -> FetchFailed:
        """Choose the next source of each file that failed; returns the failure that the attempt ends with."""
        first: FetchFailed | None = None
        for file, failure in sorted(failures.items()):
            promise = self._entry.files[file]
            known, url = self._candidates(promise), self._urls[promise.path]
            have = self._journal.file(promise.path).durable_bytes if gained_bytes > 0 else 0
            self._urls[promise.path] = next_url(known, url, failure.kind, have)
            following = self._urls[promise.path]
            if failure.kind == "refused" and url in known and known.index(following) > known.index(url):
                failure = FetchFailed(
                    "server", str(failure)
                )  # another source is left, so another attempt makes sense
            if first is None or failure.kind == "refused":
                first = failure
        assert first is not None, "something failed"
        return first

    # -- small questions
    # -------------------------------------------------------------------------------------------

    @property
    def _journal(self) -> StagingState:
        return self._book.state

    @property
    def _needed_bytes(self) -> int:
        return self._entry.size_bytes - self._journal.durable_bytes

    def _is_complete(self, promise: FilePromise) -> bool:
        complete = self._journal.file(promise.path).durable_bytes == promise.size_bytes
        return complete and (
            promise.size_bytes > 0 or self._root.staged_file(self._entry.id, promise).exists()
        )

    def _missing_bytes(self) -> int:
        return self._world.space.missing(self._entry.id, self._needed_bytes, self._root.free_bytes())

    def _check_space(self) -> DiskFailed | None:
        missing = self._missing_bytes()
        if not missing:
            self._world.space.reserve(self._entry.id, self._needed_bytes)
            return None
        reserved = self._world.space.reserved_bytes
        others = f", of which other installs will take {_megabytes(reserved)}" if reserved else ""
        reason = f"the disk is {_megabytes(missing)} short{others}; free some space"
        return DiskFailed(str(self._root.path), errno.ENOSPC, reason)


def _megabytes(size_bytes: int) -> str:
    """For people, rounded up: so much has to be freed."""
    return f"{math.ceil(size_bytes / 1e5) / 10:.1f} MB"


def candidates(promise: FilePromise, mirror_url: str, endpoints: SourceEndpoints) -> list[str]:
    """Every source of a file, in the order in which they are tried: the mirror of the settings, then the manifest's.

    Those of the public hub and registry are asked where a server stands in for them.
    """
    urls = list(dict.fromkeys(at_endpoint(url, endpoints) for url in promise.urls))
    parts = urlsplit(promise.urls[0])
    if not mirror_url or parts.scheme not in ("http", "https"):
        return urls
    mirrored = mirror_url.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
    return [mirrored, *(url for url in urls if url != mirrored)]
