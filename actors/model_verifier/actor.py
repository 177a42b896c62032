"""The model verifier: hashes behind a download, so that a verdict takes only as long as the tail."""

from __future__ import annotations

import functools
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import anyio
import anyio.to_thread

from actors.model_verifier.file_verdict import is_below
from actors.model_verifier.growing_hash import Comparison, GrowingHash, GrowingHashes, ReadOptions, compare
from actors.model_verifier.idle_reader import IdleReadAbandoned, IdleReader
from actors.model_verifier.verification_records import VerificationRecords
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.manifest import path_problem
from bus.actor import Actor, Later
from bus.errors import Refused
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelDownloadProgressedEvent,
    ModelRemovedEvent,
)
from schemas.paths import ModelsRootAdmitRequestEvent, ModelsRootAdmittedEvent

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

VERDICTS_AT_ONCE = 2
Inbox = (
    FilesVerifyRequestEvent | ModelsRootAdmitRequestEvent | ModelDownloadProgressedEvent | ModelRemovedEvent
)


class ModelVerifier(Actor[Inbox]):
    """Tells whether the files of a model keep their promise. Keeps nothing that it could not find out again."""

    def __init__(self, models: Path, state: Path) -> None:
        """Args: models: only directories directly below it are looked into; state: where the records lie."""
        self._roots = {models.absolute()}
        self._book = GrowingHashes()
        self._idle = IdleReader()
        self._slots = anyio.CapacityLimiter(VERDICTS_AT_ONCE)
        self._records = VerificationRecords(state / "model_verifier")

    @classmethod
    def of(cls, surroundings: ActorContext) -> ModelVerifier:
        """The verifier of an app."""
        return cls(surroundings.locations.models, surroundings.locations.state)

    async def prepare(self) -> None:
        """Read what was verified before."""
        self._hashed = self.metrics.counter(
            "models.verifier.hashed_bytes",
            "Bytes that were hashed, by when: behind a download, when asked, when idle.",
        )
        self._broken = self.metrics.counter("models.verifier.findings", "Promises that were found broken.")
        if aside := self._records.load():
            _log(
                f"the records of verified files could not be read; they are kept at {aside}, and all models are read anew"
            )

    async def handle(self, event: Inbox) -> ModelsRootAdmittedEvent | Later | None:
        """Hash what became durable, or give a verdict."""
        match event:
            case ModelDownloadProgressedEvent():
                self._idle.download_progressed()
                directory = Path(event.staging_directory)
                if self._is_of_models(directory) and not any(path_problem(file.path) for file in event.files):
                    follow = functools.partial(
                        self._book.follow, event.model_id, event.attempt, directory, event.files
                    )
                    await anyio.to_thread.run_sync(follow)
                return None
            case ModelsRootAdmitRequestEvent():
                self._roots.add(Path(event.directory))
                return ModelsRootAdmittedEvent(directory=event.directory)
            case FilesVerifyRequestEvent():
                return self._verify(event)
            case ModelRemovedEvent():
                self._book.drop(event.model_id)
                self._records.forget(event.model_id)
                return None
            case _:
                assert_never(event)

    async def close(self) -> None:
        """Close the files that are being followed, and give up reading those for which there was time."""
        self._idle.close()
        self._book.drop_all()

    def _is_of_models(self, directory: Path) -> bool:
        return any(is_below(root, directory) for root in self._roots)

    def _verify(self, request: FilesVerifyRequestEvent) -> Later:
        directory = Path(request.directory)
        if not self._is_of_models(directory):
            raise Refused(
                f"{request.directory} is no model's directory: expected one directly below {' or '.join(sorted(map(str, self._roots)))}"
            )
        for file in request.files:
            if problem := path_problem(file.path):
                raise Refused(f"{request.model_id}: path {file.path!r} cannot be looked at: {problem}")
        if request.idle:
            return Later(functools.partial(self._judge_idly, request, directory))
        hashes = self._book.take(
            request.model_id
        )  # now, while nobody follows: a hash is used by one thread at a time
        return Later(functools.partial(self._judge, request, directory, hashes))

    async def _judge(
        self, request: FilesVerifyRequestEvent, directory: Path, hashes: dict[str, GrowingHash]
    ) -> FilesVerifiedEvent:
        try:
            verdict = await anyio.to_thread.run_sync(
                self._compare, request, directory, hashes, ReadOptions(), limiter=self._slots
            )
        finally:
            self._book.give_back(request.model_id, hashes)
        self._hashed.add(verdict.hashed_behind_bytes, when="behind")
        self._hashed.add(verdict.hashed_bytes - verdict.hashed_behind_bytes, when="asked")
        self._broken.add(len(verdict.findings))
        return verdict

    async def _judge_idly(self, request: FilesVerifyRequestEvent, directory: Path) -> FilesVerifiedEvent:
        reading = ReadOptions(pause=self._idle.pause, leaves_no_trace=True)

        def read() -> FilesVerifiedEvent:
            hashes: dict[str, GrowingHash] = {}
            try:
                return self._compare(request, directory, hashes, reading)
            finally:
                for begun in hashes.values():
                    begun.close()

        try:
            verdict = await self._idle.run(read)
        except IdleReadAbandoned:
            raise Refused(f"{request.model_id}: the verifier stops; ask again") from None
        self._hashed.add(verdict.hashed_bytes, when="idle")
        self._broken.add(len(verdict.findings))
        return verdict

    def _compare(
        self,
        request: FilesVerifyRequestEvent,
        directory: Path,
        hashes: dict[str, GrowingHash],
        reading: ReadOptions,
    ) -> FilesVerifiedEvent:
        """Find the verdict, in a thread of its own, and remember it."""
        if request.trust_records:
            reading = replace(reading, trusted=functools.partial(self._records.hold, request.model_id))
        verdict = compare(hashes, directory, request.files, reading)
        verified_at = self._remember(request, verdict)
        return FilesVerifiedEvent(
            model_id=request.model_id,
            findings=verdict.findings,
            hashed_bytes=verdict.hashed_bytes,
            hashed_behind_bytes=verdict.hashed_behind_bytes,
            seconds=verdict.seconds,
            verified_at=verified_at,
        )

    def _remember(self, request: FilesVerifyRequestEvent, verdict: Comparison) -> float | None:
        if verdict.read or verdict.findings:
            try:
                self._records.keep(request.model_id, request.files, verdict.identities, verdict.read)
            except (DurableWriteFailed, OSError) as error:
                _log(f"the record of {request.model_id} could not be kept, so it will be read again: {error}")
        return (
            None
            if verdict.findings
            else self._records.verified_at(request.model_id, request.files, verdict.identities)
        )


def _log(line: str) -> None:
    """Write a line to the log, which is stderr."""
    sys.stderr.write(line + "\n")
