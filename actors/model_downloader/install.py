"""One model's journey to disk: fetch what is missing, have it verified, activate it, and try again as the policy allows."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread

from actors.model_downloader.downloader_context import World
from actors.model_downloader.install_retry import Spent, Stop, after_failure
from actors.model_downloader.progress_reporter import ProgressReporter
from actors.model_downloader.staging.activation import activate, unpack_archives
from actors.model_downloader.staging.byte_ranges import total_bytes
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.piece_check import proven_ranges
from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.model_downloader.transfer.source_urls import source_urls
from actors.model_downloader.transfer.transfer import DISK_FULL, Transfer, TransferFailure
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.errors import RequestFailed, UndercroftError
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelInstalledEvent,
    ModelStatus,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
    ProblemKind,
    VerificationFinding,
)

ASK_AGAIN_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Delays before the verifier is asked again while it is not there; the last one repeats."""


class Install:
    """Brings one model to disk.

    `begin` makes the wish durable; `run` carries it out and returns when the model is installed, the attempts
    are spent, or `stop` was called. Whatever ends the process in between, another `begin` and `run` go on
    from the last
    durable byte.

    Attributes:
        let_others: awaited before it waits for those who hold the model, which may be for days.
    """

    def __init__(self, entry: ModelEntry, root: ModelsLayout, world: World) -> None:
        self.entry = entry
        self._root = root
        self._world = world
        self._telling = ProgressReporter(entry, world, str(root.staging(entry.id)))
        self._scope = anyio.CancelScope()
        self._done = anyio.Event()
        self._started = False
        self.let_others: Callable[[], Awaitable[None]] = _nobody_waits

    @property
    def status(self) -> ModelStatus:
        """Where the model stands now."""
        return self._telling.status

    @property
    def is_over(self) -> bool:
        """Whether `run` has returned."""
        return self._done.is_set()

    async def begin(self) -> None:
        """Make the wish durable.

        Raises:
            OSError, DurableWriteFailed: it could not be, and does not count.
        """
        self._telling.book = await anyio.to_thread.run_sync(self._root.open_staging, self.entry)
        if not self._book.state.wanted or self._book.state.paused:
            self._book.change(wanted=True, paused=False)
            await anyio.to_thread.run_sync(self._book.save)
        await self._telling.tell_state()

    async def run(self) -> None:
        """Carry the wish out. Failures are told in the state, not raised."""
        self._started = True
        try:
            if self._scope.cancel_called:
                return
            with self._scope:
                await self._until_done()
            if self._scope.cancelled_caught:
                await self._telling.enter("partial")
        finally:
            self._done.set()

    async def stop(self, *, forget: bool) -> None:
        """End it and wait until nothing is written any more. With `forget` it does not go on at the next start either."""
        self._scope.cancel()
        if self._started:
            await self._done.wait()
        if forget and self._telling.state != "installed" and self._telling.book is not None:
            self._book.change(wanted=False, paused=False)
            await anyio.to_thread.run_sync(self._book.save)
            await self._telling.enter("partial")

    async def pause(self) -> None:
        """End it, and let it rest through restarts until a person resumes it.

        Raises:
            DurableWriteFailed: that could not be made durable.
        """
        self._scope.cancel()
        if self._started:
            await self._done.wait()
        if self._telling.state != "installed":
            self._book.change(paused=True)
            await anyio.to_thread.run_sync(self._book.save)
            await self._telling.enter("paused")

    # -- the journey
    # -----------------------------------------------------------------------------------------------

    async def _until_done(self) -> None:
        with self._world.space.reserve() as space:
            transfer = Transfer(
                self.entry,
                self._root,
                self._book,
                client=self._world.client,
                limits=self._world.limits,
                space=space,
                urls_of=self._urls_of,
                answer_challenge=self._world.answer_challenge,
                report_progress=self._telling.tell_progress,
            )
            await self._try_until_done(transfer)

    def _urls_of(self, promise: FilePromise) -> list[str]:
        return source_urls(promise, self._world.settings.mirror_url, self._world.endpoints)

    async def _try_until_done(self, transfer: Transfer) -> None:
        spent = Spent()
        while True:
            before = self._book.state.durable_bytes
            await self._telling.enter("downloading")
            failure = await transfer.fetch_all() or await self._verify_and_activate(transfer)
            if failure is None:
                return
            kind = "disk" if isinstance(failure, DiskFailed) else failure.kind
            retry_after = failure.retry_after if isinstance(failure, FetchFailed) else None
            gained = max(0, self._book.state.durable_bytes - before)
            verdict = after_failure(
                spent, kind, gained, self._world.random_unit(), retry_after, self._world.now()
            )
            if isinstance(verdict, Stop):
                advice = f"run 'undercroft models install {self.entry.id}' to try again"
                await self._telling.enter(
                    "failed", f"{failure}; {verdict.reason}; {advice}", _problem_kind(failure)
                )
                return
            spent = verdict.spent
            await self._telling.enter(
                "downloading", f"{failure}; trying again in {verdict.seconds:.0f} s", _problem_kind(failure)
            )
            await self._world.sleep(verdict.seconds)

    async def _verify_and_activate(
        self, transfer: Transfer, trust_records: bool = False
    ) -> TransferFailure | None:
        if not trust_records:
            await self._telling.enter("verifying")
        staging = str(self._root.staging(self.entry.id))
        question = FilesVerifyRequestEvent(
            model_id=self.entry.id, directory=staging, files=self.entry.files, trust_records=trust_records
        )
        answer = await self._ask_verifier(question)
        if isinstance(answer, FetchFailed):
            return answer
        if answer.findings:
            await self._world.publish(
                ModelVerificationFailedEvent(model_id=self.entry.id, findings=answer.findings)
            )
            return await anyio.to_thread.run_sync(self._put_aside, answer.findings)
        await self._world.publish(
            ModelVerifiedEvent(model_id=self.entry.id, size_bytes=self.entry.size_bytes)
        )
        journal = self._book.state
        try:
            directory = await self._activate()
            if directory is None:
                return await self._verify_and_activate(transfer, trust_records=True)
        except (DurableWriteFailed, OSError) as error:
            return transfer.disk_failed(error)
        except UndercroftError as refused:  # an archive that cannot be unpacked
            return FetchFailed("refused", str(refused))
        with anyio.CancelScope(shield=True):
            await self._telling.enter("installed")
            installed = ModelInstalledEvent(
                model_id=self.entry.id,
                name=self.entry.name,
                directory=str(directory),
                size_bytes=self.entry.size_bytes,
                fetched_bytes=journal.fetched_bytes,
                attempts=journal.attempt,
            )
            await self._world.installed(self.entry)
            await self._world.publish(installed)
        return None

    async def _activate(self) -> Path | None:
        """Let what was verified become the model; None if that had to wait for holders, so that it is to be looked at again."""
        has_waited = False

        async def wait(holders: list[str]) -> None:
            nonlocal has_waited
            has_waited = True
            await self.let_others()
            await self._telling.wait_for_holders(holders)

        members = await anyio.to_thread.run_sync(unpack_archives, self._root, self.entry)
        async with self._world.alone(self.entry.id, wait):
            if has_waited:
                return None
            with anyio.CancelScope(shield=True):
                directory = await anyio.to_thread.run_sync(activate, self._root, self.entry, members)
        return directory

    async def _ask_verifier(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent | FetchFailed:
        """Ask until somebody answers: the question changes nothing, so it may be asked as often as it takes."""
        asked = 0
        while True:
            try:
                return await self._world.verify(request)
            except RequestFailed as failed:
                if failed.kind in ("refused", "invalid"):
                    return FetchFailed(
                        "refused", f"{self.entry.id}: the files cannot be verified: {failed.message}"
                    )
            await self._world.sleep(ASK_AGAIN_SECONDS[min(asked, len(ASK_AGAIN_SECONDS) - 1)])
            asked += 1

    def _put_aside(self, findings: list[VerificationFinding]) -> FetchFailed:
        """Take files that broke their promise out of the way, so that nothing is built upon them."""
        words = []
        for promise in self.entry.files:
            for finding in findings:
                if finding.path == promise.path:
                    kept = self._keep_good_pieces(promise) or self._set_aside(promise)
                    words.append(
                        f"{self.entry.id}/{finding.path}: {finding.aspect} is {finding.found}, expected {finding.expected}{kept}"
                    )
        with contextlib.suppress(
            DurableWriteFailed
        ):  # without it the files are missed at the next start, which comes to the same
            self._book.save()
        return FetchFailed(
            "mismatch", "; ".join(words) or f"{self.entry.id}: the files are not those of the manifest"
        )

    def _keep_good_pieces(self, promise: FilePromise) -> str:
        """Where pieces are known, only the bad ones are fetched again; returns how much is kept, in words."""
        state = self._book.state.file(promise.path)
        good = proven_ranges(self._root.staged_file(self.entry.id, promise), promise, state.durable_ranges)
        if not good or not state.validator:
            return ""
        self._book.keep(promise.path, good)
        return f"; {total_bytes(good)} of its {promise.size_bytes} bytes are sound and kept"

    def _set_aside(self, promise: FilePromise) -> str:
        aside = self._root.set_aside(self.entry.id, promise)
        self._book.change_file(
            promise.path, durable_bytes=0, validator=None, url="", etag="", last_modified=""
        )
        return f"; what was fetched is kept at {aside}" if aside else ""

    @property
    def _book(self) -> StagingJournal:
        assert self._telling.book is not None, "begin comes first"
        return self._telling.book


def _problem_kind(failure: TransferFailure) -> ProblemKind:
    if isinstance(failure, DiskFailed):
        return "space" if failure.errno in DISK_FULL else "disk"
    return failure.kind


async def _nobody_waits() -> None:
    """For an install that has no slot to give away."""
