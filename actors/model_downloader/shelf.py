"""The shelf: the installed models, which are checked, put out of use when they are damaged, and removed on somebody's word."""

from __future__ import annotations

import contextlib

import anyio.to_thread

from actors.model_downloader.staging import ModelRoot
from actors.model_downloader.standing import Standings
from actors.model_downloader.world import World
from actors.storage.durable import DurableWriteFailed
from bus.actor import Later
from bus.errors import Refused, RequestFailed
from schemas.manifest import ModelEntry
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelRemovalEvent,
    ModelRemovedEvent,
    ModelVerdictEvent,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
)

ASK_AGAIN_SECONDS = 1.0


class Shelf:
    """All installed models of one downloader."""

    def __init__(self, standings: Standings, root: ModelRoot, world: World) -> None:
        self._standings = standings
        self._root = root
        self._world = world

    async def check(self) -> None:
        """See that every installed model is what it was; files that did not change since they were verified are not read."""
        for entry in list(self._standings.entries.values()):
            if not self._lies_idle(entry):
                continue
            verdict = await self._insist(self._question(entry, trust_records=True))
            if verdict is not None and self._lies_idle(entry):
                await self._act_on(entry, verdict)

    def verify(self, entry: ModelEntry) -> Later:
        """Have every byte of an installed model hashed again.

        Raises:
            Refused: it is not installed.
        """
        if not self._root.installed(entry.id).is_dir():
            raise Refused(f"{entry.id}: is not installed; run 'undercroft models install {entry.id}'")

        async def work() -> ModelVerdictEvent:
            try:
                verdict = await self._world.verify(self._question(entry))
            except RequestFailed as failed:
                raise Refused(f"{entry.id}: the verifier cannot answer now ({failed.kind}); try again in a moment") from failed
            if self._root.installed(entry.id).is_dir():  # it may have been removed meanwhile
                await self._act_on(entry, verdict)
            return ModelVerdictEvent(status=self._standings.status(entry), findings=verdict.findings)

        return Later(work)

    async def remove(self, entry: ModelEntry, dry_run: bool) -> ModelRemovalEvent:
        """Remove everything of a model; its install was stopped before.

        Raises:
            Refused: a program holds its files.
        """
        if dry_run:
            freed = await anyio.to_thread.run_sync(self._root.size_bytes, entry.id)
            return ModelRemovalEvent(status=self._standings.status(entry), freed_bytes=freed, dry_run=True)
        try:
            freed = await anyio.to_thread.run_sync(self._root.purge, entry.id)
        except DurableWriteFailed as error:
            raise Refused(f"{entry.id}: cannot be removed, since a program may still use it: {error}") from error
        self._standings.forget(entry.id)
        await self._standings.tell(entry)
        await self._world.publish(ModelRemovedEvent(model_id=entry.id, freed_bytes=freed))
        return ModelRemovalEvent(status=self._standings.status(entry), freed_bytes=freed, dry_run=False)

    async def _insist(self, question: FilesVerifyRequestEvent) -> FilesVerifiedEvent | None:
        while True:
            try:
                return await self._world.verify(question)
            except RequestFailed as failed:
                if failed.kind in ("refused", "invalid"):
                    return None
            await self._world.sleep(ASK_AGAIN_SECONDS)

    async def _act_on(self, entry: ModelEntry, verdict: FilesVerifiedEvent) -> None:
        problems = self._standings.problems
        if not verdict.findings:
            problems.pop(entry.id, None)
            await self._world.publish(ModelVerifiedEvent(model_id=entry.id, size_bytes=entry.size_bytes))
            return
        first = verdict.findings[0]
        problems[entry.id] = (
            f"{entry.id}/{first.path}: {first.aspect} is {first.found}, expected {first.expected}; it is out of use; "
            f"run 'undercroft models install {entry.id}' to fetch it again"
        )
        with contextlib.suppress(DurableWriteFailed):  # held open by a program (Windows): its state says that it is damaged all the same
            await anyio.to_thread.run_sync(self._root.put_out_of_use, entry.id)
        await self._world.publish(ModelVerificationFailedEvent(model_id=entry.id, findings=verdict.findings))
        await self._standings.tell(entry)

    def _lies_idle(self, entry: ModelEntry) -> bool:
        return entry.id not in self._standings.installs and self._root.installed(entry.id).is_dir()

    def _question(self, entry: ModelEntry, trust_records: bool = False) -> FilesVerifyRequestEvent:
        directory = str(self._root.installed(entry.id))
        return FilesVerifyRequestEvent(model_id=entry.id, directory=directory, files=entry.files, trust_records=trust_records)
