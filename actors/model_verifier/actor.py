"""The model verifier: hashes behind a download, so that a verdict takes only as long as the tail."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import assert_never

import anyio
import anyio.to_thread

from actors.model_verifier.comparison import Comparison, compare
from actors.model_verifier.file_verdict import is_below
from actors.model_verifier.growing_hash import READ_NOW, GrowingHash, GrowingHashes, ReadOptions
from actors.model_verifier.idle_reader import IdleReadAbandoned, IdleReader
from actors.model_verifier.verification_records import VerificationRecords
from actors.shared.durable.record_file import RecordNotRead
from actors.shared.manifest import path_problem
from actors.shared.places.rooted_place import RootedPlace, placed
from bus.actor import Actor, BusContext, Later
from bus.error_words import in_words
from bus.errors import Refused, UndercroftError
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelDownloadProgressedEvent,
    ModelRemovedEvent,
)
from schemas.paths import ModelsRootAdmitRequestEvent, ModelsRootAdmittedEvent

VERDICTS_AT_ONCE = 2
Inbox = (
    FilesVerifyRequestEvent | ModelsRootAdmitRequestEvent | ModelDownloadProgressedEvent | ModelRemovedEvent
)


class ModelVerifier(Actor[Inbox]):
    """Tells whether the files of a model keep their promise. Can find out again all that it keeps."""

    def __init__(self, context: BusContext, models: Path, state: Path) -> None:
        """Look at nothing yet.

        Args:
            context: its connection to the bus.
            models: the directory of models; only directories directly below it are looked into.
            state: where the app keeps its state.
        """
        super().__init__(context)
        self._roots = {models.absolute()}
        self._hashes = GrowingHashes()
        self._idle = IdleReader()
        self._slots = anyio.CapacityLimiter(VERDICTS_AT_ONCE)
        self._records = VerificationRecords(state / "model_verifier")
        self._hashed_bytes = self.metrics.counter(
            "models.verifier.hashed_bytes",
            "Bytes that were hashed, by when: behind a download, when asked, when idle.",
        )
        self._broken = self.metrics.counter("models.verifier.findings", "Promises that were found broken.")

    async def prepare(self) -> None:
        """Read what was verified before."""
        try:
            aside = await anyio.to_thread.run_sync(self._records.load)
        except RecordNotRead as error:
            _log(f"{error}; all models are read anew")
            return
        if aside:
            _log(f"the records of verified files were damaged, see {aside}; what has none is read anew")

    async def handle(self, event: Inbox) -> ModelsRootAdmittedEvent | Later | None:
        """Hash what became durable, or give a verdict."""
        match event:
            case ModelDownloadProgressedEvent():
                await self._follow(event)
                return None
            case ModelsRootAdmitRequestEvent():
                self._roots.add(Path(event.directory))
                return ModelsRootAdmittedEvent(directory=event.directory)
            case FilesVerifyRequestEvent():
                return self._verify(event)
            case ModelRemovedEvent():
                self._hashes.drop(event.model_id)
                await anyio.to_thread.run_sync(self._forget, event.model_id)
                return None
            case _:
                assert_never(event)

    async def close(self) -> None:
        """Close the files that are being followed, and stop idle reading."""
        self._idle.close()
        self._hashes.drop_all()

    async def _follow(self, event: ModelDownloadProgressedEvent) -> None:
        self._idle.download_progressed()
        directory = Path(event.staging_directory)
        if not self._is_of_models(directory) or any(path_problem(file.path) for file in event.files):
            return
        follow = functools.partial(
            self._hashes.follow, event.model_id, event.attempt, placed(directory), event.files
        )
        await anyio.to_thread.run_sync(follow)

    def _is_of_models(self, directory: Path) -> bool:
        return any(is_below(root, directory) for root in self._roots)

    def _verify(self, request: FilesVerifyRequestEvent) -> Later:
        directory = Path(request.directory)
        if not self._is_of_models(directory):
            roots = " or ".join(sorted(map(str, self._roots)))
            raise Refused(f"{request.directory} is no model's directory: expected one directly below {roots}")
        for file in request.files:
            if problem := path_problem(file.path):
                raise Refused(f"{request.model_id}: path {file.path!r} cannot be looked at: {problem}")
        if request.idle:
            return Later(functools.partial(self._compare_idly, request, placed(directory)))
        # Taken now, in the handler, while nothing is followed: one thread at a time uses a hash.
        hashes = self._hashes.take(request.model_id)
        return Later(functools.partial(self._compare_now, request, placed(directory), hashes))

    async def _compare_now(
        self, request: FilesVerifyRequestEvent, directory: RootedPlace, hashes: dict[str, GrowingHash]
    ) -> FilesVerifiedEvent:
        try:
            verdict = await anyio.to_thread.run_sync(
                self._compare, request, directory, hashes, READ_NOW, limiter=self._slots
            )
        finally:
            self._hashes.give_back(request.model_id, hashes)
        self._hashed_bytes.add(verdict.hashed_behind_bytes, when="behind")
        self._hashed_bytes.add(verdict.hashed_bytes - verdict.hashed_behind_bytes, when="asked")
        self._broken.add(len(verdict.findings))
        return verdict

    async def _compare_idly(
        self, request: FilesVerifyRequestEvent, directory: RootedPlace
    ) -> FilesVerifiedEvent:
        options = ReadOptions(pause=self._idle.pause, leaves_no_trace=True)

        def read() -> FilesVerifiedEvent:
            hashes: dict[str, GrowingHash] = {}
            try:
                return self._compare(request, directory, hashes, options)
            finally:
                for begun in hashes.values():
                    begun.close()

        try:
            verdict = await self._idle.run(read)
        except IdleReadAbandoned as abandoned:
            raise Refused(f"{request.model_id}: {abandoned}; ask again") from None
        self._hashed_bytes.add(verdict.hashed_bytes, when="idle")
        self._broken.add(len(verdict.findings))
        return verdict

    def _compare(
        self,
        request: FilesVerifyRequestEvent,
        directory: RootedPlace,
        hashes: dict[str, GrowingHash],
        options: ReadOptions,
    ) -> FilesVerifiedEvent:
        """Find the verdict and record it. Runs in a worker thread."""
        trusts = functools.partial(self._records.hold, request.model_id) if request.trust_records else None
        outcome = compare(hashes, directory, request.files, options, trusts)
        self._record(request, outcome)
        verified_at = None
        if not outcome.findings:
            verified_at = self._records.verified_at(request.model_id, request.files, outcome.identities)
        return FilesVerifiedEvent(
            model_id=request.model_id,
            findings=outcome.findings,
            hashed_bytes=outcome.hashed_bytes,
            hashed_behind_bytes=outcome.hashed_behind_bytes,
            seconds=outcome.seconds,
            verified_at=verified_at,
        )

    def _record(self, request: FilesVerifyRequestEvent, outcome: Comparison) -> None:
        if not outcome.read and not outcome.findings:
            return
        try:
            self._records.keep(request.model_id, request.files, outcome.identities, outcome.read)
        except (UndercroftError, OSError) as error:
            _log(f"the record of {request.model_id} is not saved, it will be read again: {in_words(error)}")

    def _forget(self, model_id: str) -> None:
        try:
            self._records.forget(model_id)
        except (UndercroftError, OSError) as error:
            _log(f"the record of {model_id} stays until the next one is saved: {in_words(error)}")


def _log(line: str) -> None:
    """Write a line to the log, which is stderr."""
    sys.stderr.write(line + "\n")
