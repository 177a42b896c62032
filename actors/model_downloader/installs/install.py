"""The install of one model: fetch what is missing, have it verified, activate it; again after failures."""

from __future__ import annotations

import contextlib
import logging
from types import TracebackType

import anyio
import anyio.to_thread

from actors.model_downloader.installs.install_context import InstallContext
from actors.model_downloader.installs.install_retry import GiveUpInstall, after_failure
from actors.model_downloader.installs.progress_reporter import ProgressReporter
from actors.model_downloader.registry.model_status import InstallReport
from actors.model_downloader.staging.activation import activate, unpack_archives
from actors.model_downloader.staging.byte_ranges import total_bytes
from actors.model_downloader.staging.piece_check import proven_ranges
from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed, unforeseen_failure
from actors.model_downloader.transfer.transfer import DISK_FULL, Transfer, TransferFailure
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.places.rooted_place import RootedPlace
from bus.errors import RequestFailed, UndercroftError
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import (
    FilesVerifyRequestEvent,
    ModelInstalledEvent,
    ModelProblemKind,
    ModelState,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
    VerificationFinding,
)

log = logging.getLogger(__name__)


class Install:
    """Brings one model to disk.

    `begin` makes the wish durable. `run` carries it out, and returns when the model is installed, the
    attempts are spent, or `stop` was called. After a crash, another `begin` and `run` continue from the last
    durable byte.

    Attributes:
        entry: the model.
    """

    def __init__(self, entry: ModelEntry, context: InstallContext, journal: StagingJournal) -> None:
        """An install whose wish is durable already; `begin` makes one.

        Args:
            entry: the model.
            context: what all installs share.
            journal: of its staging directory.
        """
        self.entry = entry
        self._context = context
        self._layout = context.layout
        self._journal = journal
        self._progress = ProgressReporter(
            entry, context.publish, str(context.layout.staging(entry.id)), journal
        )
        self._slot = _InstallSlot(context.slots)
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()
        self._has_started = False
        self._is_installed = False

    @classmethod
    async def begin(cls, entry: ModelEntry, context: InstallContext) -> Install:
        """Make the wish durable.

        Raises:
            OSError, DurableWriteFailed: the disk refused, and the wish does not count.
        """
        journal = await anyio.to_thread.run_sync(context.layout.open_staging, entry)
        if not journal.state.wanted or journal.state.paused:
            journal.change(wanted=True, paused=False)
            await anyio.to_thread.run_sync(journal.save)
        install = cls(entry, context, journal)
        await install._enter("queued")
        return install

    async def run(self) -> None:
        """Carry the wish out, once a slot is free. Failures are reported as a state, not raised."""
        self._has_started = True
        try:
            with self._scope:
                async with self._slot:
                    await self._until_done()
            if self._scope.cancelled_caught:
                await self._context.registry.install_ended(self.entry.id)
        except Exception as error:  # one install never takes the others and the actor with it
            log.exception("%s: an install failed in a way that nobody foresaw", self.entry.id)
            await self._give_up(unforeseen_failure(error, self.entry.id), "it is not tried again by itself")
        finally:
            self._ended.set()

    async def stop(self, *, forget: bool) -> None:
        """End the install and wait until it writes no more.

        Args:
            forget: it does not continue at the next start either.

        Raises:
            DurableWriteFailed: that could not be made durable.
        """
        await self._end()
        if forget:
            await self._change_wish(wanted=False, paused=False)

    async def pause(self) -> None:
        """End the install, and let it rest through restarts until a person resumes it.

        Raises:
            DurableWriteFailed: that could not be made durable.
        """
        await self._end()
        await self._change_wish(wanted=self._journal.state.wanted, paused=True)

    async def _end(self) -> None:
        self._scope.cancel()
        if self._has_started:
            await self._ended.wait()
        else:
            await self._context.registry.install_ended(self.entry.id)

    async def _change_wish(self, *, wanted: bool, paused: bool) -> None:
        if not self._is_installed:
            self._journal.change(wanted=wanted, paused=paused)
            await anyio.to_thread.run_sync(self._journal.save)
            await self._context.registry.install_ended(self.entry.id)

    async def _enter(self, state: ModelState, problem: str = "", kind: ModelProblemKind = "") -> None:
        """Be in another state, and report it."""
        report = InstallReport(state, self._journal, problem, kind)
        with anyio.CancelScope(shield=True):
            await self._context.registry.report(self.entry.id, report)

    # -- attempts

    async def _until_done(self) -> None:
        access = self._context.access
        with self._context.space.reserve() as space:
            transfer = Transfer(
                self.entry,
                self._layout,
                self._journal,
                client=access.client,
                limits=self._context.limits,
                space=space,
                urls_of=access.urls_of,
                answer_challenge=access.answer_challenge,
                report_progress=self._progress.publish_progress,
            )
            await self._attempt_until_done(transfer)

    async def _attempt_until_done(self, transfer: Transfer) -> None:
        failures = 0
        while True:
            before = self._journal.state.durable_bytes
            await self._enter("downloading")
            failure = await transfer.fetch_all() or await self._verify_and_activate(transfer)
            if failure is None:
                return
            verdict = after_failure(
                failures,
                "disk" if isinstance(failure, DiskFailed) else failure.kind,
                max(0, self._journal.state.durable_bytes - before),
                self._context.random_unit(),
                failure.retry_after if isinstance(failure, FetchFailed) else None,
                self._context.now(),
            )
            if isinstance(verdict, GiveUpInstall):
                await self._give_up(failure, verdict.reason)
                return
            failures = verdict.failures
            problem = f"{failure}; trying again in {verdict.seconds:.0f} s"
            await self._enter("downloading", problem, _problem_kind(failure))
            await self._context.sleep(verdict.seconds)

    async def _give_up(self, failure: TransferFailure, reason: str) -> None:
        advice = f"run 'undercroft models install {self.entry.id}' to try again"
        await self._enter("failed", f"{failure}; {reason}; {advice}", _problem_kind(failure))

    # -- verification and activation

    async def _verify_and_activate(self, transfer: Transfer) -> TransferFailure | None:
        await self._enter("verifying")
        has_waited = False
        while True:
            failure = await self._verify(trust_records=has_waited)
            if failure is not None:
                return failure
            try:
                directory = await self._activate()
            except (DurableWriteFailed, OSError) as error:
                return await anyio.to_thread.run_sync(transfer.disk_failed, error)
            except UndercroftError as refused:  # an archive that cannot be unpacked
                return FetchFailed("refused", str(refused))
            if directory is not None:
                await self._report_installed(directory)
                return None
            has_waited = True

    async def _verify(self, *, trust_records: bool) -> FetchFailed | None:
        """Have the staged files compared with their promises; what breaks its promise is put aside."""
        entry = self.entry
        request = FilesVerifyRequestEvent(
            model_id=entry.id,
            directory=str(self._layout.staging(entry.id)),
            files=entry.files,
            trust_records=trust_records,
        )
        try:
            answer = await self._context.verifier.verify_until_answered(request)
        except RequestFailed as refused:
            return FetchFailed("refused", f"{entry.id}: the files cannot be verified: {refused.message}")
        if answer.findings:
            failed = ModelVerificationFailedEvent(model_id=entry.id, findings=answer.findings)
            await self._context.publish(failed)
            return await anyio.to_thread.run_sync(self._put_aside, answer.findings)
        await self._context.publish(ModelVerifiedEvent(model_id=entry.id, size_bytes=entry.size_bytes))
        return None

    async def _activate(self) -> RootedPlace | None:
        """Make the verified revision the active one.

        Returns None if that had to wait for holders: the files have to be verified again then.
        """
        has_waited = False

        async def report_wait(holders: list[str]) -> None:
            nonlocal has_waited
            has_waited = True
            self._slot.release()
            problem = f"{self.entry.id}: verified; waits to become active, held by {', '.join(holders)}"
            await self._enter("verifying", problem, "held")

        members = await anyio.to_thread.run_sync(unpack_archives, self._layout, self.entry)
        async with self._context.leases.exclusive(self.entry.id, report_wait):
            if has_waited:
                return None
            with anyio.CancelScope(shield=True):
                directory = await anyio.to_thread.run_sync(activate, self._layout, self.entry, members)
        return directory

    async def _report_installed(self, directory: RootedPlace) -> None:
        self._is_installed = True
        state = self._journal.state
        with anyio.CancelScope(shield=True):
            await self._context.registry.installed(self.entry.id)
            await self._context.publish(
                ModelInstalledEvent(
                    model_id=self.entry.id,
                    name=self.entry.name,
                    directory=str(directory),
                    size_bytes=self.entry.size_bytes,
                    fetched_bytes=state.fetched_bytes,
                    attempts=state.attempt,
                )
            )

    # -- files that broke their promise

    def _put_aside(self, findings: list[VerificationFinding]) -> FetchFailed:
        """Take files that broke their promise out of the way, so that nothing is built upon them. Blocks."""
        words = []
        for promise in self.entry.files:
            for finding in findings:
                if finding.path == promise.path:
                    kept = self._keep_good_pieces(promise) or self._set_aside(promise)
                    words.append(
                        f"{self.entry.id}/{finding.path}: {finding.aspect} is {finding.found}, "
                        f"expected {finding.expected}{kept}"
                    )
        with contextlib.suppress(DurableWriteFailed):  # the next start then finds the files missing
            self._journal.save()
        problem = "; ".join(words) or f"{self.entry.id}: the files are not those of the manifest"
        return FetchFailed("mismatch", problem)

    def _keep_good_pieces(self, promise: FilePromise) -> str:
        """Where pieces are known, only the bad ones are fetched again; returns how much is kept, in words."""
        state = self._journal.state.file(promise.path)
        staged = self._layout.staged_file(self.entry.id, promise)
        good = proven_ranges(staged, promise, state.durable_ranges)
        if not good or not state.validator:
            return ""
        self._journal.keep(promise.path, good)
        return f"; {total_bytes(good)} of its {promise.size_bytes} bytes are sound and kept"

    def _set_aside(self, promise: FilePromise) -> str:
        aside = self._layout.set_aside(self.entry.id, promise)
        self._journal.change_file(
            promise.path, durable_bytes=0, validator=None, url="", etag="", last_modified=""
        )
        return f"; what was fetched is kept at {aside}" if aside else ""


class _InstallSlot:
    """One of the slots for installs that fetch at once; given back when it is left, or earlier."""

    def __init__(self, slots: anyio.Semaphore) -> None:
        self._slots = slots
        self._is_taken = False

    def release(self) -> None:
        """Leave the slot to another install."""
        if self._is_taken:
            self._is_taken = False
            self._slots.release()

    async def __aenter__(self) -> None:
        await self._slots.acquire()
        self._is_taken = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _problem_kind(failure: TransferFailure) -> ModelProblemKind:
    if isinstance(failure, DiskFailed):
        return "space" if failure.errno in DISK_FULL else "disk"
    return failure.kind
