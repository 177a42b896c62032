"""One model's journey to disk: fetch what is missing, have it verified, activate it, and try again as the policy allows."""

from __future__ import annotations

import contextlib
import errno
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from actors.model_downloader.fetch import Abort, Aborted, FetchFailed, fetch_file, open_client
from actors.model_downloader.journal import Journal, JournalFile
from actors.model_downloader.pace import Progress, missing_bytes
from actors.model_downloader.partial import DiskFailed, PartialFile
from actors.model_downloader.policy import Partial
from actors.model_downloader.retry import Spent, Stop, after_failure, next_url
from actors.model_downloader.staging import ModelRoot
from actors.storage.durable import DurableWriteFailed
from bus.errors import RequestFailed
from schemas.event import Event
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import (
    FileProgress,
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelDownloadProgressedEvent,
    ModelInstalledEvent,
    ModelState,
    ModelStateChangedEvent,
    ModelStatus,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
    VerificationFinding,
)

if TYPE_CHECKING:
    import httpx

TICK_SECONDS = 0.05
ASK_AGAIN_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Delays before the verifier is asked again while it is not there; the last one repeats."""

Failure = FetchFailed | DiskFailed


@dataclass
class World:
    """What an install needs of the world; tests hand in their own.

    Attributes:
        publish: tells everybody.
        verify: has somebody else compare files with their promise; raises RequestFailed if nobody can now.
        open_client: makes the client for HTTP.
        sleep: waits for so many seconds.
        now: seconds since the Unix epoch.
        random_unit: a random number in [0, 1).
    """

    publish: Callable[[Event], Awaitable[None]]
    verify: Callable[[FilesVerifyRequestEvent], Awaitable[FilesVerifiedEvent]]
    open_client: Callable[[], httpx.Client] = open_client
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    now: Callable[[], float] = time.time
    random_unit: Callable[[], float] = random.random

    @cached_property
    def client(self) -> httpx.Client:
        """One for all installs; made when the first byte is fetched, since httpx is not worth its memory before."""
        return self.open_client()

    def close(self) -> None:
        """Close the client, if one was made."""
        if "client" in self.__dict__:
            self.client.close()


class Install:
    """Brings one model to disk.

    `begin` makes the wish durable; `run` carries it out and returns when the model is installed, the attempts are spent, or
    `stop` was called. Whatever ends the process in between, another `begin` and `run` go on from the last durable byte.
    """

    def __init__(self, entry: ModelEntry, root: ModelRoot, world: World) -> None:
        self.entry = entry
        self._root = root
        self._world = world
        self._book: JournalFile | None = None
        self._progress: Progress | None = None
        self._told_attempt = 0
        self._state: ModelState = "queued"
        self._problem = ""
        self._scope = anyio.CancelScope()
        self._done = anyio.Event()
        self._started = False

    @property
    def status(self) -> ModelStatus:
        """Where the model stands now."""
        durable = self._journal.durable_bytes if self._book else 0
        return status_of(self.entry, self._state, durable, self._problem)

    @property
    def is_over(self) -> bool:
        """Whether `run` has returned."""
        return self._done.is_set()

    async def begin(self) -> None:
        """Make the wish durable.

        Raises:
            OSError, DurableWriteFailed: it could not be, and does not count.
        """
        self._book = await anyio.to_thread.run_sync(self._root.open_staging, self.entry)
        if not self._journal.wanted:
            self._book.change(wanted=True)
            await anyio.to_thread.run_sync(self._book.save)
        await self._tell_state()

    async def run(self) -> None:
        """Carry the wish out. Failures are told in the state, not raised."""
        self._started = True
        try:
            if self._scope.cancel_called:
                return
            with self._scope:
                await self._until_done()
            if self._scope.cancelled_caught:
                await self._enter("partial")
        finally:
            self._done.set()

    async def stop(self, *, forget: bool) -> None:
        """End it and wait until nothing is written any more. With `forget` it does not go on at the next start either."""
        self._scope.cancel()
        if self._started:
            await self._done.wait()
        if forget and self._state != "installed" and self._book is not None:
            self._book.change(wanted=False)
            await anyio.to_thread.run_sync(self._book.save)
            await self._enter("partial")

    # -- the journey -----------------------------------------------------------------------------------------------

    async def _until_done(self) -> None:
        spent = Spent()
        urls: dict[str, str] = {}
        while True:
            before = self._journal.durable_bytes
            await self._enter("downloading")
            failure = await self._fetch_all(urls) or await self._verify_and_activate()
            if failure is None:
                return
            kind = "disk" if isinstance(failure, DiskFailed) else failure.kind
            retry_after = failure.retry_after if isinstance(failure, FetchFailed) else None
            gained = max(0, self._journal.durable_bytes - before)
            verdict = after_failure(spent, kind, gained, self._world.random_unit(), retry_after, self._world.now())
            if isinstance(verdict, Stop):
                await self._enter("failed", f"{failure}; {verdict.reason}; {self._advice()}")
                return
            spent = verdict.spent
            await self._enter("downloading", f"{failure}; trying again in {verdict.seconds:.0f} s")
            await self._world.sleep(verdict.seconds)

    async def _fetch_all(self, urls: dict[str, str]) -> Failure | None:
        """Fetch what is missing of every file, one after the other."""
        for promise in self.entry.files:
            state = self._journal.file(promise.path)
            if self._is_complete(promise):
                continue
            if too_small := self._check_space():
                return too_small
            url = urls.setdefault(promise.path, state.url if state.url in promise.urls and state.durable_bytes else promise.urls[0])
            failure: Failure | None = await self._fetch(promise, url)
            if failure is not None:
                kind = failure.kind if isinstance(failure, FetchFailed) else "disk"
                urls[promise.path] = next_url(promise.urls, url, kind, self._journal.file(promise.path).durable_bytes)
                if kind == "refused" and urls[promise.path] != url and promise.urls.index(urls[promise.path]) > promise.urls.index(url):
                    failure = FetchFailed("server", str(failure))  # another source is left, so another attempt makes sense
                return failure
        return None

    async def _fetch(self, promise: FilePromise, url: str) -> Failure | None:
        abort = Abort()
        self._book_file.change(attempt=self._journal.attempt + 1)
        async with anyio.create_task_group() as group:
            group.start_soon(self._tell_progress, abort)
            failure = await anyio.to_thread.run_sync(self._fetch_in_thread, promise, url, abort)
            group.cancel_scope.cancel()
        await self._tell_if_due(last=True)
        return failure

    def _fetch_in_thread(self, promise: FilePromise, url: str, abort: Abort) -> Failure | None:
        book, state = self._book_file, self._journal.file(promise.path)
        partial = Partial(f"{self.entry.id}/{promise.path}", promise.size_bytes, state.durable_bytes, state.validator)
        fetched_before, counted = self._journal.fetched_bytes, state.durable_bytes
        path = self._root.staged_file(self.entry.id, promise)

        def on_durable(durable_bytes: int) -> None:
            nonlocal fetched_before, counted
            if durable_bytes < counted:  # what was there had to be discarded: from here on it is another attempt
                book.change(attempt=book.journal.attempt + 1)
            fetched_before += max(0, durable_bytes - counted)
            counted = durable_bytes
            book.change(fetched_bytes=fetched_before)
            book.change_file(promise.path, durable_bytes=durable_bytes)
            book.save()

        def on_source(source: dict[str, Any]) -> None:
            book.change_file(promise.path, **source)
            book.save()

        try:
            if promise.size_bytes == 0:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(0o600)
                return None
            with PartialFile(path, state.durable_bytes, on_durable, strict=self._journal.boot is None) as sink:
                fetch_file(self._world.client, url, partial, sink, on_source, abort)
        except FetchFailed as failure:
            if failure.kind == "mismatch":
                self._root.set_aside(self.entry.id, promise)
                book.change_file(promise.path, durable_bytes=0, validator=None)
            return failure
        except Aborted:
            return None
        except (DiskFailed, DurableWriteFailed, OSError) as failure:
            return self._disk_failed(failure)
        return None

    async def _verify_and_activate(self) -> Failure | None:
        await self._enter("verifying")
        staging = self._root.staging(self.entry.id)
        answer = await self._ask_verifier(FilesVerifyRequestEvent(model_id=self.entry.id, directory=str(staging), files=self.entry.files))
        if isinstance(answer, FetchFailed):
            return answer
        if answer.findings:
            await self._world.publish(ModelVerificationFailedEvent(model_id=self.entry.id, findings=answer.findings))
            return await anyio.to_thread.run_sync(self._put_aside, answer.findings)
        await self._world.publish(ModelVerifiedEvent(model_id=self.entry.id, size_bytes=self.entry.size_bytes))
        journal = self._journal
        try:
            with anyio.CancelScope(shield=True):
                directory = await anyio.to_thread.run_sync(self._root.activate, self.entry)
        except (DurableWriteFailed, OSError) as error:
            return self._disk_failed(error)
        with anyio.CancelScope(shield=True):
            await self._enter("installed")
            installed = ModelInstalledEvent(
                model_id=self.entry.id,
                name=self.entry.name,
                directory=str(directory),
                size_bytes=self.entry.size_bytes,
                fetched_bytes=journal.fetched_bytes,
                attempts=journal.attempt,
            )
            await self._world.publish(installed)
        return None

    async def _ask_verifier(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent | FetchFailed:
        """Ask until somebody answers: the question changes nothing, so it may be asked as often as it takes."""
        asked = 0
        while True:
            try:
                return await self._world.verify(request)
            except RequestFailed as failed:
                if failed.kind in ("refused", "invalid"):
                    return FetchFailed("refused", f"{self.entry.id}: the files cannot be verified: {failed.message}")
            await self._world.sleep(ASK_AGAIN_SECONDS[min(asked, len(ASK_AGAIN_SECONDS) - 1)])
            asked += 1

    def _put_aside(self, findings: list[VerificationFinding]) -> FetchFailed:
        """Take files that broke their promise out of the way, so that nothing is built upon them."""
        words = []
        for promise in self.entry.files:
            for finding in findings:
                if finding.path != promise.path:
                    continue
                aside = self._root.set_aside(self.entry.id, promise)
                self._book_file.change_file(promise.path, durable_bytes=0, validator=None, url="", etag="", last_modified="")
                kept = f"; what was fetched is kept at {aside}" if aside else ""
                words.append(f"{self.entry.id}/{finding.path}: {finding.aspect} is {finding.found}, expected {finding.expected}{kept}")
        with contextlib.suppress(DurableWriteFailed):  # without it the files are missed at the next start, which comes to the same
            self._book_file.save()
        return FetchFailed("mismatch", "; ".join(words) or f"{self.entry.id}: the files are not those of the manifest")

    # -- what others are told --------------------------------------------------------------------------------------

    async def _enter(self, state: ModelState, problem: str = "") -> None:
        self._state, self._problem = state, problem
        await self._tell_state()

    async def _tell_state(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._world.publish(ModelStateChangedEvent(model_id=self.entry.id, status=self.status))

    async def _tell_progress(self, abort: Abort) -> None:
        """Tell of progress until cancelled; whatever cancels the install reaches the fetching thread here."""
        try:
            while True:
                await self._tell_if_due()
                await anyio.sleep(TICK_SECONDS)
        finally:
            abort.set()

    async def _tell_if_due(self, last: bool = False) -> None:
        journal, now = self._journal, time.monotonic()
        if self._progress is None or self._told_attempt != journal.attempt:
            self._told_attempt = journal.attempt
            self._progress = Progress(journal.durable_bytes, self.entry.size_bytes, now)
        progress = self._progress
        if not progress.due(journal.durable_bytes, now) and not (last and journal.durable_bytes > progress.durable_bytes):
            return
        event = ModelDownloadProgressedEvent(
            model_id=self.entry.id,
            name=self.entry.name,
            attempt=journal.attempt,
            durable_bytes=journal.durable_bytes,
            size_bytes=self.entry.size_bytes,
            rate_bytes_per_second=progress.rate_bytes_per_second,
            seconds_left=progress.seconds_left,
            staging_directory=str(self._root.staging(self.entry.id)),
            files=[FileProgress(path=file.path, durable_bytes=file.durable_bytes, size_bytes=file.size_bytes) for file in journal.files],
        )
        await self._world.publish(event)

    # -- small questions -------------------------------------------------------------------------------------------

    @property
    def _book_file(self) -> JournalFile:
        assert self._book is not None, "begin comes first"
        return self._book

    @property
    def _journal(self) -> Journal:
        return self._book_file.journal

    def _is_complete(self, promise: FilePromise) -> bool:
        complete = self._journal.file(promise.path).durable_bytes == promise.size_bytes
        return complete and (promise.size_bytes > 0 or self._root.staged_file(self.entry.id, promise).exists())

    def _check_space(self) -> FetchFailed | None:
        needed = self.entry.size_bytes - self._journal.durable_bytes
        missing = missing_bytes(needed, self._root.free_bytes())
        if not missing:
            return None
        return FetchFailed("refused", f"{self.entry.id}: the disk of {self._root.path} is {missing} bytes short; free some space")

    def _disk_failed(self, error: Exception) -> DiskFailed:
        """Bytes beyond the journal are not to be trusted from now on: the kernel may have dropped them."""
        self._book_file.change(boot=None)
        with contextlib.suppress(DurableWriteFailed):
            self._book_file.save()
        number = getattr(error, "errno", 0) or 0
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        if number in (errno.ENOSPC, errno.EDQUOT):
            missing = missing_bytes(self.entry.size_bytes - self._journal.durable_bytes, self._root.free_bytes())
            reason = f"{reason}: {missing} bytes more are needed"
        return DiskFailed(str(self._root.staging(self.entry.id)), number, reason)

    def _advice(self) -> str:
        return f"run 'undercroft models install {self.entry.id}' to try again"


def status_of(entry: ModelEntry, state: ModelState, durable_bytes: int, problem: str = "") -> ModelStatus:
    """Status of a model of the manifest."""
    return ModelStatus(
        model_id=entry.id,
        name=entry.name,
        category=entry.category,
        licence=entry.licence,
        state=state,
        size_bytes=entry.size_bytes,
        durable_bytes=entry.size_bytes if state == "installed" else durable_bytes,
        problem=problem,
    )
