"""The model verifier: hashes behind a download, so that a verdict takes only as long as the tail."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import anyio.to_thread

from actors.manifest import path_problem
from actors.model_verifier.hashing import HashBook, Verdict
from actors.model_verifier.policy import is_below
from actors.model_verifier.records import VerificationRecords
from actors.storage.durable import DurableWriteFailed
from bus.actor import Actor
from bus.errors import Refused
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent, ModelDownloadProgressedEvent, ModelRemovedEvent

if TYPE_CHECKING:
    from actors.launch import Surroundings

Inbox = FilesVerifyRequestEvent | ModelDownloadProgressedEvent | ModelRemovedEvent


class ModelVerifier(Actor[Inbox]):
    """Tells whether the files of a model keep their promise. Keeps nothing that it could not find out again."""

    def __init__(self, models: Path, state: Path) -> None:
        """Args: models: only directories directly below it are looked into; state: where the records lie."""
        self._models = models.absolute()
        self._book = HashBook()
        self._records = VerificationRecords(state / "model_verifier")

    @classmethod
    def of(cls, surroundings: Surroundings) -> ModelVerifier:
        """The verifier of an app."""
        return cls(surroundings.locations.models, surroundings.locations.state)

    async def prepare(self) -> None:
        """Read what was verified before."""
        if aside := self._records.load():
            _log(f"the records of verified files could not be read; they are kept at {aside}, and all models are read anew")

    async def handle(self, event: Inbox) -> FilesVerifiedEvent | None:
        """Hash what became durable, or give a verdict."""
        match event:
            case ModelDownloadProgressedEvent():
                directory = Path(event.staging_directory)
                if is_below(self._models, directory) and not any(path_problem(file.path) for file in event.files):
                    follow = functools.partial(self._book.follow, event.model_id, event.attempt, directory, event.files)
                    await anyio.to_thread.run_sync(follow)
                return None
            case FilesVerifyRequestEvent():
                return await self._verify(event)
            case ModelRemovedEvent():
                self._book.drop(event.model_id)
                self._records.forget(event.model_id)
                return None
            case _:
                assert_never(event)

    async def close(self) -> None:
        """Close the files that are being followed."""
        self._book.drop_all()

    async def _verify(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        directory = Path(request.directory)
        if not is_below(self._models, directory):
            raise Refused(f"{request.directory} is no model's directory: expected one directly below {self._models}")
        for file in request.files:
            if problem := path_problem(file.path):
                raise Refused(f"{request.model_id}: path {file.path!r} cannot be looked at: {problem}")
        verdict = await anyio.to_thread.run_sync(self._compare, request, directory)
        return FilesVerifiedEvent(
            model_id=request.model_id,
            findings=verdict.findings,
            hashed_bytes=verdict.hashed_bytes,
            hashed_behind_bytes=verdict.hashed_behind_bytes,
            seconds=verdict.seconds,
        )

    def _compare(self, request: FilesVerifyRequestEvent, directory: Path) -> Verdict:
        trusted = functools.partial(self._records.hold, request.model_id) if request.trust_records else None
        verdict = self._book.verify(request.model_id, directory, request.files, trusted)
        if verdict.hashed_bytes or verdict.findings:
            try:
                self._records.keep(request.model_id, request.files, verdict.identities)
            except (DurableWriteFailed, OSError) as error:
                _log(f"the record of {request.model_id} could not be kept, so it will be read again: {error}")
        return verdict


def _log(line: str) -> None:
    """Write a line to the log, which is stderr."""
    sys.stderr.write(line + "\n")
