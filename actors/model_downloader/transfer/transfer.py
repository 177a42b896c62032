"""Fetches all files of one model, attempt by attempt, from one source after the other."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import Counter
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import anyio.to_thread

from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.staging.staging_journal import StagingJournal, StagingState
from actors.model_downloader.transfer.attempt import Attempt
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.part_fetcher import FileDownload
from actors.model_downloader.transfer.source_urls import next_url
from actors.model_downloader.transfer.space_reservations import SpaceReservation
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.shared.durable.durable_write import DurableWriteFailed, make_directory
from actors.shared.text import size_text
from bus.errors import UndercroftError
from schemas.manifest import FilePromise, ModelEntry

TransferFailure = FetchFailed | DiskFailed
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
PROGRESS_TICK_SECONDS = 0.05
CHALLENGES_A_FILE = 8
"""A server that asks for credentials more often than this, each time at another address, gets no answer."""


class Transfer:
    """Fetches the files of one model.

    Each attempt continues where the last one ended, at another source if that one failed.
    """

    def __init__(
        self,
        entry: ModelEntry,
        layout: ModelsLayout,
        journal: StagingJournal,
        *,
        client: HttpClient,
        limits: TransferLimits,
        space: SpaceReservation,
        urls_of: Callable[[FilePromise], list[str]],
        answer_challenge: Callable[[str, tuple[str, ...]], Awaitable[bool]],
        report_progress: Callable[[bool], Awaitable[None]],
    ) -> None:
        """Fetch nothing yet.

        Args:
            entry: the model.
            layout: where its staging directory lies.
            journal: of that directory.
            client: for HTTP.
            limits: shared by all transfers.
            space: what this install reserves of the disk.
            urls_of: every source of a file in the order of trying, as the settings are now.
            answer_challenge: takes a URL and its WWW-Authenticate headers; true if the next request to it has
                something new to say.
            report_progress: called every few milliseconds while bytes come; true if it is the last time.
        """
        self._entry = entry
        self._layout = layout
        self._journal = journal
        self._client = client
        self._limits = limits
        self._space = space
        self._urls_of = urls_of
        self._answer_challenge = answer_challenge
        self._report_progress = report_progress
        self._urls: dict[str, str] = {}
        self._answered: set[str] = set()
        self._challenges: Counter[int] = Counter()

    async def fetch_all(self) -> TransferFailure | None:
        """Fetch what is missing of every file; returns why that was not possible, or None."""
        try:
            await anyio.to_thread.run_sync(self._make_empty_files)
        except (OSError, UndercroftError) as error:
            return await anyio.to_thread.run_sync(self.disk_failed, error)
        while self._needed_bytes:
            await anyio.lowlevel.checkpoint()  # a cancelled attempt ends here
            if too_small := await anyio.to_thread.run_sync(self._check_space):
                return too_small
            before = self._state.durable_bytes
            failure, failures = await self._attempt()
            self._space.hold(self._needed_bytes)
            if failure is not None:
                return await anyio.to_thread.run_sync(self.disk_failed, failure)
            if not failures:
                if self._state.durable_bytes != before:
                    continue
                return FetchFailed(
                    "network", f"{self._entry.id}: an attempt brought nothing, without a reason"
                )
            if await self._find_credentials(failures):
                continue
            return self._go_elsewhere(failures, self._state.durable_bytes - before)
        return None

    def disk_failed(self, error: Exception) -> DiskFailed:
        """The failure that an error of the disk amounts to. Blocks.

        From now on the next start does not trust bytes beyond the journal: the kernel may have dropped them.
        """
        self._journal.change(boot=None)
        with contextlib.suppress(DurableWriteFailed):
            self._journal.save()
        number = getattr(error, "errno", 0) or 0
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        if number in DISK_FULL:
            reason = f"{reason}: {self._missing_bytes()} bytes more are needed"
        return DiskFailed(str(self._layout.staging(self._entry.id)), number, reason)

    # -- one attempt
    # -----------------------------------------------------------------------------------------------

    async def _attempt(self) -> tuple[DiskFailed | None, dict[int, FetchFailed]]:
        self._journal.change(attempt=self._state.attempt + 1)
        downloads = [
            FileDownload(promise, f"{self._entry.id}/{promise.path}", self._url(promise))
            for promise in self._entry.files
        ]
        directory = self._layout.staging(self._entry.id)
        try:
            attempt = await anyio.to_thread.run_sync(
                Attempt, directory, downloads, self._journal, self._client, self._limits
            )
        except DiskFailed as refused:
            return refused, {}
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, attempt)
            with anyio.CancelScope(shield=True):  # it closes its files; a cancellation ends it by `_watch`
                failure = await anyio.to_thread.run_sync(attempt.run)
            group.cancel_scope.cancel()
        await self._report_progress(True)
        return failure, attempt.failures

    async def _watch(self, attempt: Attempt) -> None:
        """Report progress until cancelled. A cancelled install reaches the connections here."""
        try:
            while True:
                self._space.hold(self._needed_bytes)
                await self._report_progress(False)
                await anyio.sleep(PROGRESS_TICK_SECONDS)
        finally:
            attempt.cancel()

    def _make_empty_files(self) -> None:
        for promise in self._entry.files:
            if promise.size_bytes == 0:
                path = self._layout.staged_file(self._entry.id, promise)
                make_directory(path.parent)
                os.close(path.open(os.O_WRONLY | os.O_CREAT))

    # -- sources
    # ---------------------------------------------------------------------------------------------------

    def _url(self, promise: FilePromise) -> str:
        """Where to ask for a file: where its bytes came from, if there are any, and else the first source."""
        state, known = self._state.file(promise.path), self._urls_of(promise)
        chosen = self._urls.get(promise.path, "")
        if chosen not in known:
            chosen = state.url if state.url in known and state.durable_bytes else known[0]
            self._urls[promise.path] = chosen
        return chosen

    async def _find_credentials(self, failures: dict[int, FetchFailed]) -> bool:
        """Whether a server that wants credentials can be answered. Each address is answered once."""
        found = False
        for file, failure in failures.items():
            if not failure.challenges or failure.url in self._answered:
                continue
            self._answered.add(failure.url)
            self._challenges[file] += 1
            if self._challenges[file] <= CHALLENGES_A_FILE:
                found = await self._answer_challenge(failure.url, failure.challenges) or found
        return found

    def _go_elsewhere(self, failures: dict[int, FetchFailed], gained_bytes: int) -> FetchFailed:
        """Choose the next source of each file that failed; returns the failure that ends the attempt."""
        first: FetchFailed | None = None
        for file, failure in sorted(failures.items()):
            promise = self._entry.files[file]
            known, url = self._urls_of(promise), self._urls[promise.path]
            have_bytes = self._state.file(promise.path).durable_bytes if gained_bytes > 0 else 0
            following = next_url(known, url, failure.kind, have_bytes)
            self._urls[promise.path] = following
            if failure.kind == "refused" and url in known and known.index(following) > known.index(url):
                failure = FetchFailed("server", str(failure))  # another source is left to try
            if first is None or failure.kind == "refused":
                first = failure
        assert first is not None, "something failed"
        return first

    # -- state and space
    # -------------------------------------------------------------------------------------------

    @property
    def _state(self) -> StagingState:
        return self._journal.state

    @property
    def _needed_bytes(self) -> int:
        return self._entry.size_bytes - self._state.durable_bytes

    def _missing_bytes(self) -> int:
        return self._space.missing(self._needed_bytes, self._layout.free_bytes())

    def _check_space(self) -> DiskFailed | None:
        """Reserve what is missing; returns how that does not fit. Blocks."""
        missing = self._missing_bytes()
        if not missing:
            self._space.hold(self._needed_bytes)
            return None
        others = self._space.others_bytes
        shared = f", of which other installs will take {size_text(others, rounded_up=True)}" if others else ""
        short = size_text(missing, rounded_up=True)
        reason = f"the disk is {short} short{shared}; free some space"
        return DiskFailed(str(self._layout.path), errno.ENOSPC, reason)
