"""Fetches all files of one model: what is missing of each, from which source, into the journal of its staging directory."""

from __future__ import annotations

import contextlib
import errno
from typing import Any

import anyio
import anyio.to_thread

from actors.model_downloader.fetch import Abort, Aborted, FetchFailed, fetch_file
from actors.model_downloader.journal import Journal, JournalFile
from actors.model_downloader.pace import missing_bytes
from actors.model_downloader.partial import DiskFailed, PartialFile
from actors.model_downloader.policy import Partial
from actors.model_downloader.retry import next_url
from actors.model_downloader.staging import ModelRoot
from actors.model_downloader.telling import Telling
from actors.model_downloader.world import World
from actors.storage.durable import DurableWriteFailed
from schemas.manifest import FilePromise, ModelEntry

Failure = FetchFailed | DiskFailed


class Transfer:
    """Fetches the files of one model; each attempt goes on where the last one ended, at another source if that one failed."""

    def __init__(self, entry: ModelEntry, root: ModelRoot, world: World, telling: Telling, book: JournalFile) -> None:
        self._entry = entry
        self._root = root
        self._world = world
        self._telling = telling
        self._book = book
        self._urls: dict[str, str] = {}

    async def fetch_all(self) -> Failure | None:
        """Fetch what is missing of every file, one after the other."""
        for promise in self._entry.files:
            state = self._journal.file(promise.path)
            if self._is_complete(promise):
                continue
            if too_small := self._check_space():
                return too_small
            url = self._urls.setdefault(promise.path, state.url if state.url in promise.urls and state.durable_bytes else promise.urls[0])
            failure: Failure | None = await self._fetch(promise, url)
            if failure is not None:
                kind = failure.kind if isinstance(failure, FetchFailed) else "disk"
                self._urls[promise.path] = next_url(promise.urls, url, kind, self._journal.file(promise.path).durable_bytes)
                if kind == "refused" and self._urls[promise.path] != url and promise.urls.index(self._urls[promise.path]) > promise.urls.index(url):
                    failure = FetchFailed("server", str(failure))  # another source is left, so another attempt makes sense
                return failure
        return None

    def disk_failed(self, error: Exception) -> DiskFailed:
        """Bytes beyond the journal are not to be trusted from now on: the kernel may have dropped them."""
        self._book.change(boot=None)
        with contextlib.suppress(DurableWriteFailed):
            self._book.save()
        number = getattr(error, "errno", 0) or 0
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        if number in (errno.ENOSPC, errno.EDQUOT):
            missing = missing_bytes(self._entry.size_bytes - self._journal.durable_bytes, self._root.free_bytes())
            reason = f"{reason}: {missing} bytes more are needed"
        return DiskFailed(str(self._root.staging(self._entry.id)), number, reason)

    async def _fetch(self, promise: FilePromise, url: str) -> Failure | None:
        abort = Abort()
        self._book.change(attempt=self._journal.attempt + 1)
        async with anyio.create_task_group() as group:
            group.start_soon(self._tell_progress, abort)
            failure = await anyio.to_thread.run_sync(self._fetch_in_thread, promise, url, abort)
            group.cancel_scope.cancel()
        await self._telling.tell_progress(last=True)
        return failure

    async def _tell_progress(self, abort: Abort) -> None:
        """Tell of progress until cancelled; whatever cancels the install reaches the fetching thread here."""
        try:
            await self._telling.tell_progress_for_ever()
        finally:
            abort.set()

    def _fetch_in_thread(self, promise: FilePromise, url: str, abort: Abort) -> Failure | None:
        book, state = self._book, self._journal.file(promise.path)
        partial = Partial(f"{self._entry.id}/{promise.path}", promise.size_bytes, state.durable_bytes, state.validator)
        fetched_before, counted = self._journal.fetched_bytes, state.durable_bytes
        path = self._root.staged_file(self._entry.id, promise)

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
                self._root.set_aside(self._entry.id, promise)
                book.change_file(promise.path, durable_bytes=0, validator=None)
            return failure
        except Aborted:
            return None
        except (DiskFailed, DurableWriteFailed, OSError) as failure:
            return self.disk_failed(failure)
        return None

    @property
    def _journal(self) -> Journal:
        return self._book.journal

    def _is_complete(self, promise: FilePromise) -> bool:
        complete = self._journal.file(promise.path).durable_bytes == promise.size_bytes
        return complete and (promise.size_bytes > 0 or self._root.staged_file(self._entry.id, promise).exists())

    def _check_space(self) -> FetchFailed | None:
        needed = self._entry.size_bytes - self._journal.durable_bytes
        missing = missing_bytes(needed, self._root.free_bytes())
        if not missing:
            return None
        return FetchFailed("refused", f"{self._entry.id}: the disk of {self._root.path} is {missing} bytes short; free some space")
