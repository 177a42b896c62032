"""The model downloader: the one owner of the models directory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import anyio
import anyio.to_thread

from actors.manifest import load_manifest
from actors.model_downloader.install import Install, World, status_of
from actors.model_downloader.journal import read_journal
from actors.model_downloader.staging import ModelRoot
from actors.storage.durable import DurableWriteFailed
from actors.storage.lock import DirectoryLock
from bus.actor import Actor, Later
from bus.errors import Refused, RequestFailed
from schemas.manifest import Manifest, ModelEntry
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelCancelledEvent,
    ModelCancelRequestEvent,
    ModelInstallAcceptedEvent,
    ModelInstallRequestEvent,
    ModelRemovalEvent,
    ModelRemovedEvent,
    ModelRemoveRequestEvent,
    ModelsListedEvent,
    ModelsListRequestEvent,
    ModelState,
    ModelStateChangedEvent,
    ModelStatus,
    ModelVerdictEvent,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
    ModelVerifyRequestEvent,
)

if TYPE_CHECKING:
    from actors.launch import Surroundings

INSTALLS_AT_ONCE = 2
VERIFY_BASE_SECONDS = 30.0
VERIFY_BYTES_PER_SECOND = 20_000_000
"""A verdict is waited for as long as it takes to read the files from a slow disk."""

ASK_AGAIN_SECONDS = 1.0

Inbox = ModelInstallRequestEvent | ModelCancelRequestEvent | ModelRemoveRequestEvent | ModelsListRequestEvent | ModelVerifyRequestEvent
Reply = ModelInstallAcceptedEvent | ModelCancelledEvent | ModelRemovalEvent | ModelsListedEvent | Later


class ModelDownloader(Actor[Inbox]):
    """Installs, removes and checks models. An install that it accepted goes on through any crash until it is done or cancelled."""

    def __init__(self, manifest: Manifest, root: Path, name: str = "model_downloader", world: World | None = None) -> None:
        """Args: world: stands in for network, verifier and bus; None for the real ones."""
        self._entries = {entry.id: entry for entry in manifest.models}
        self._root = ModelRoot(root)
        self._lock = DirectoryLock(root, name)
        self._world_given = world
        self._installs: dict[str, Install] = {}
        self._problems: dict[str, str] = {}
        self._slots = anyio.Semaphore(INSTALLS_AT_ONCE)

    @classmethod
    def of(cls, surroundings: Surroundings) -> ModelDownloader:
        """The downloader of an app.

        Raises:
            ManifestRefused: its manifest cannot be used.
        """
        source = surroundings.profile.models
        manifest = load_manifest(source) if source else Manifest(format=1, models=[])
        return cls(manifest, surroundings.locations.models, surroundings.name)

    async def prepare(self) -> None:
        """Own the directory, finish what was interrupted, and take up every wish again."""
        self._lock.acquire()
        self._root.prepare()
        self._world = self._world_given or World(publish=self.peer.publish, verify=self._ask_verifier)
        for entry in self._entries.values():
            journal = read_journal(self._root.staging(entry.id))
            if entry.id in self._root.wishes() and (journal is None or journal.wanted):
                try:
                    await self._start(entry)
                    continue
                except (OSError, DurableWriteFailed) as error:  # a full disk must not keep the other models from being served
                    self._problems[entry.id] = f"{entry.id}: the install cannot go on: {error}"
            await self._tell(entry)
        self.tasks.start_soon(self._check_installed)

    async def handle(self, event: Inbox) -> Reply:
        """Answer one request."""
        entry = None if isinstance(event, ModelsListRequestEvent) else self._entry(event.model_id)
        match event:
            case ModelsListRequestEvent():
                models = [self._status(known) for known in self._entries.values()]
                return ModelsListedEvent(models=models, models_directory=str(self._root.path))
            case ModelInstallRequestEvent():
                return await self._install(_some(entry))
            case ModelCancelRequestEvent():
                return await self._cancel(_some(entry), event.drop_partial)
            case ModelRemoveRequestEvent():
                return await self._remove(_some(entry), event.dry_run)
            case ModelVerifyRequestEvent():
                return self._verify(_some(entry))
            case _:
                assert_never(event)

    async def close(self) -> None:
        """End the installs that run, at a durable byte; they go on at the next start."""
        for install in self._running():
            await install.stop(forget=False)
        self._world.close()
        self._lock.release()

    # -- requests --------------------------------------------------------------------------------------------------

    async def _install(self, entry: ModelEntry) -> ModelInstallAcceptedEvent:
        running = self._installs.get(entry.id)
        if (running is None or running.is_over) and self._status(entry).state != "installed":
            try:
                await self._start(entry)
            except (OSError, DurableWriteFailed) as error:
                raise Refused(f"{entry.id}: the wish could not be made durable: {error}") from error
        return ModelInstallAcceptedEvent(status=self._status(entry))

    async def _cancel(self, entry: ModelEntry, drop_partial: bool) -> ModelCancelledEvent:
        try:
            await self._stop(entry, forget=not drop_partial)
            if drop_partial:
                await anyio.to_thread.run_sync(self._root.drop_staging, entry.id)
        except (OSError, DurableWriteFailed) as error:
            raise Refused(f"{entry.id}: stopped, but it will go on at the next start: {error}") from error
        if drop_partial:
            self._installs.pop(entry.id, None)
            await self._tell(entry)
        return ModelCancelledEvent(status=self._status(entry))

    async def _remove(self, entry: ModelEntry, dry_run: bool) -> ModelRemovalEvent:
        if dry_run:
            freed = await anyio.to_thread.run_sync(self._root.size_bytes, entry.id)
            return ModelRemovalEvent(status=self._status(entry), freed_bytes=freed, dry_run=True)
        await self._stop(entry, forget=False)
        try:
            freed = await anyio.to_thread.run_sync(self._root.purge, entry.id)
        except DurableWriteFailed as error:
            raise Refused(f"{entry.id}: cannot be removed, since a program may still use it: {error}") from error
        self._installs.pop(entry.id, None)
        self._problems.pop(entry.id, None)
        await self._tell(entry)
        await self.peer.publish(ModelRemovedEvent(model_id=entry.id, freed_bytes=freed))
        return ModelRemovalEvent(status=self._status(entry), freed_bytes=freed, dry_run=False)

    def _verify(self, entry: ModelEntry) -> Later:
        if not self._root.installed(entry.id).is_dir():
            raise Refused(f"{entry.id}: is not installed; run 'undercroft models install {entry.id}'")

        async def work() -> ModelVerdictEvent:
            try:
                verdict = await self._world.verify(self._question(entry))
            except RequestFailed as failed:
                raise Refused(f"{entry.id}: the verifier cannot answer now ({failed.kind}); try again in a moment") from failed
            if self._root.installed(entry.id).is_dir():  # it may have been removed meanwhile
                await self._act_on(entry, verdict)
            return ModelVerdictEvent(status=self._status(entry), findings=verdict.findings)

        return Later(work)

    # -- work beside the inbox -------------------------------------------------------------------------------------

    async def _start(self, entry: ModelEntry) -> None:
        install = Install(entry, self._root, self._world)
        await install.begin()
        self._installs[entry.id] = install
        self.tasks.start_soon(self._run, install)

    async def _run(self, install: Install) -> None:
        async with self._slots:
            await install.run()
        if install.status.state == "installed":
            self._problems.pop(install.entry.id, None)
            self._installs.pop(install.entry.id, None)

    async def _check_installed(self) -> None:
        """See that every installed model is what it was; files that did not change since they were verified are not read."""
        for entry in self._entries.values():
            if entry.id in self._installs or not self._root.installed(entry.id).is_dir():
                continue
            verdict = await self._insist(self._question(entry, trust_records=True))
            if verdict is not None and entry.id not in self._installs and self._root.installed(entry.id).is_dir():
                await self._act_on(entry, verdict)

    async def _insist(self, question: FilesVerifyRequestEvent) -> FilesVerifiedEvent | None:
        while True:
            try:
                return await self._world.verify(question)
            except RequestFailed as failed:
                if failed.kind in ("refused", "invalid"):
                    return None
            await self._world.sleep(ASK_AGAIN_SECONDS)

    async def _act_on(self, entry: ModelEntry, verdict: FilesVerifiedEvent) -> None:
        if not verdict.findings:
            self._problems.pop(entry.id, None)
            await self.peer.publish(ModelVerifiedEvent(model_id=entry.id, size_bytes=entry.size_bytes))
            return
        first = verdict.findings[0]
        self._problems[entry.id] = (
            f"{entry.id}/{first.path}: {first.aspect} is {first.found}, expected {first.expected}; it is out of use; "
            f"run 'undercroft models install {entry.id}' to fetch it again"
        )
        with contextlib.suppress(DurableWriteFailed):  # held open by a program (Windows): its state says that it is damaged all the same
            await anyio.to_thread.run_sync(self._root.put_out_of_use, entry.id)
        await self.peer.publish(ModelVerificationFailedEvent(model_id=entry.id, findings=verdict.findings))
        await self._tell(entry)

    async def _stop(self, entry: ModelEntry, *, forget: bool) -> None:
        if install := self._installs.get(entry.id):
            await install.stop(forget=forget)
        elif forget and self._root.staging(entry.id).is_dir():
            leftover = Install(entry, self._root, self._world)
            await leftover.begin()
            await leftover.stop(forget=True)
            await self._tell(entry)

    # -- small questions -------------------------------------------------------------------------------------------

    def _entry(self, model_id: str) -> ModelEntry:
        if model_id not in self._entries:
            raise Refused(f"there is no model {model_id!r} in the manifest; run 'undercroft models list' to see which there are")
        return self._entries[model_id]

    def _running(self) -> list[Install]:
        return [install for install in self._installs.values() if not install.is_over]

    def _status(self, entry: ModelEntry) -> ModelStatus:
        if install := self._installs.get(entry.id):
            return install.status
        state, durable = self._state_on_disk(entry)
        problem = self._problems.get(entry.id, "")
        if state == "damaged" and not problem:
            problem = f"{entry.id}: its files are not those of the manifest; run 'undercroft models install {entry.id}' to fetch them again"
        return status_of(entry, state, durable, problem)

    def _state_on_disk(self, entry: ModelEntry) -> tuple[ModelState, int]:
        if self._root.installed(entry.id).is_dir():
            keeps = self._root.keeps_sizes(entry) and entry.id not in self._problems
            return ("installed" if keeps else "damaged"), 0
        if self._root.staging(entry.id).is_dir():
            journal = read_journal(self._root.staging(entry.id))
            return "partial", journal.durable_bytes if journal else 0
        return ("damaged" if self._root.damaged(entry.id).is_dir() else "absent"), 0

    def _question(self, entry: ModelEntry, trust_records: bool = False) -> FilesVerifyRequestEvent:
        directory = str(self._root.installed(entry.id))
        return FilesVerifyRequestEvent(model_id=entry.id, directory=directory, files=entry.files, trust_records=trust_records)

    async def _ask_verifier(self, question: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        seconds = VERIFY_BASE_SECONDS + sum(file.size_bytes for file in question.files) / VERIFY_BYTES_PER_SECOND
        return await self.peer.request(question, timeout_seconds=seconds)

    async def _tell(self, entry: ModelEntry) -> None:
        await self.peer.publish(ModelStateChangedEvent(model_id=entry.id, status=self._status(entry)))


def _some(entry: ModelEntry | None) -> ModelEntry:
    assert entry is not None, "only a list is asked for without a model"
    return entry
