"""The installed models: checks them after a start, lends them, puts damaged ones out of use, removes them."""

from __future__ import annotations

import contextlib
from typing import Final

import anyio
import anyio.to_thread

from actors.model_downloader.installs.install_queue import InstallQueue
from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.registry.model_registry import ModelRegistry, Publish
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import RevisionRecord, shown_revision
from actors.model_downloader.verifier_client import VerifierClient, question_about
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.errors import Refused, RequestFailed
from schemas.leases import Lease, ModelLeasedEvent, ModelLeaseRequestEvent, ModelReleasedEvent
from schemas.manifest import ModelEntry
from schemas.models import (
    FilesVerifiedEvent,
    ModelRemovalEvent,
    ModelRemovedEvent,
    ModelRemoveRequestEvent,
    ModelVerdictEvent,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
)

CHECKS_AT_ONCE: Final = 32
"""Requests to the verifier that are under way together, so that the way there is not what takes the time."""

CHECK_PATIENCE_SECONDS: Final = 10.0
"""How long a lease waits, after the start, until the model is checked."""


class InstalledModels:
    """All installed models of one downloader."""

    def __init__(
        self,
        layout: ModelsLayout,
        registry: ModelRegistry,
        leases: ModelLeases,
        queue: InstallQueue,
        verifier: VerifierClient,
        publish: Publish,
    ) -> None:
        self._layout = layout
        self._registry = registry
        self._leases = leases
        self._queue = queue
        self._verifier = verifier
        self._publish = publish

    # -- checks

    async def check(self) -> None:
        """Compare every installed model with its record.

        Files that did not change since they were verified are not read again.
        """
        async with anyio.create_task_group() as group:
            slots = anyio.Semaphore(CHECKS_AT_ONCE)
            for entry in list(self._registry.entries.values()):
                if self._registry.on_disk(entry.id).is_active:
                    group.start_soon(self._check_one, entry, slots)
                    continue
                status = self._registry.status(entry.id)
                if status.state == "damaged":  # a former life of this runtime found that
                    await self._registry.alert_damage(entry, status.problem)

    async def verify(self, entry: ModelEntry, *, idle: bool = False) -> ModelVerdictEvent:
        """Have every byte of an installed model read again.

        Args:
            entry: the model.
            idle: read only while nobody else reads.

        Raises:
            Refused: it is not installed, or the verifier cannot answer.
        """
        await self._registry.look(entry.id)
        found = self._registry.on_disk(entry.id)
        if not found.is_active:
            raise Refused(f"{entry.id}: is not installed; run 'undercroft models install {entry.id}'")
        question = question_about(entry, self._layout.installed(entry.id), found.record, idle=idle)
        verdict = await self._verifier.verify_or_refuse(question)
        if self._is_still(entry, found.record):  # it may have been removed or updated meanwhile
            await self._act_on(entry, verdict)
        return ModelVerdictEvent(status=self._registry.status(entry.id), findings=verdict.findings)

    async def _check_one(self, entry: ModelEntry, slots: anyio.Semaphore) -> None:
        record = self._registry.on_disk(entry.id).record
        question = question_about(entry, self._layout.installed(entry.id), record, trust_records=True)
        async with slots:
            try:
                verdict = await self._verifier.verify_until_answered(question, waits=(1.0,))
            except RequestFailed:  # the verifier refuses: nothing is known, and nothing speaks against it
                verdict = None
        if verdict is not None and self._is_still(entry, record):
            await self._act_on(entry, verdict)
        await self._registry.checked(entry.id)

    async def _act_on(self, entry: ModelEntry, verdict: FilesVerifiedEvent) -> None:
        if not verdict.findings:
            await self._registry.found_sound(entry.id, verdict.verified_at)
            await self._publish(ModelVerifiedEvent(model_id=entry.id, size_bytes=entry.size_bytes))
            return
        first = verdict.findings[0]
        found = (
            f"{entry.id}/{first.path}: {first.aspect} is {first.found}, expected {first.expected}; "
            "it is out of use"
        )
        self._registry.found_damaged(entry, found)
        with contextlib.suppress(DurableWriteFailed):  # a program has it open (Windows)
            await anyio.to_thread.run_sync(self._layout.put_out_of_use, entry.id)
        await self._registry.look(entry.id)
        await self._registry.alert_damage(entry, found)
        await self._publish(ModelVerificationFailedEvent(model_id=entry.id, findings=verdict.findings))
        await self._registry.announce(entry.id)

    def _is_still(self, entry: ModelEntry, record: RevisionRecord | None) -> bool:
        """Whether the revision that was judged is the active one."""
        found = self._registry.on_disk(entry.id)
        return found.is_active and found.record == record

    # -- leases

    async def lease(self, entry: ModelEntry, request: ModelLeaseRequestEvent) -> ModelLeasedEvent:
        """Lend a model; waits while it is being changed.

        Raises:
            Refused: it is not installed, damaged, or not checked yet.
        """

        async def active_revision() -> str:
            await self._registry.look(entry.id)
            if not self._registry.is_sound(entry):
                raise Refused(
                    f"{entry.id}: is not installed, or damaged; run 'undercroft models install {entry.id}'"
                )
            return shown_revision(self._registry.on_disk(entry.id).record, entry)

        if not await self._registry.until_checked(entry.id, CHECK_PATIENCE_SECONDS):
            raise Refused(
                f"{entry.id}: cannot be used before it is checked, and the verifier does not answer; "
                "see 'undercroft status'"
            )
        lease = await self._leases.lease(request, active_revision)
        await self._registry.announce(entry.id)
        return ModelLeasedEvent(lease=lease, directory=str(self._layout.installed(entry.id)))

    async def release(self, entry: ModelEntry, lease_id: str) -> ModelReleasedEvent:
        """Take a model back."""
        was_held = await self._leases.release(entry.id, lease_id)
        if was_held:
            await self._registry.announce(entry.id)
        return ModelReleasedEvent(model_id=entry.id, was_held=was_held)

    async def peer_left(self, instance: str, said_bye: bool) -> None:
        """A peer left the bus, and its leases with it."""
        await self._announce_ended(await self._leases.peer_left(instance, said_bye))

    async def watch_leases(self) -> None:
        """Publish where a model stands when a lease on it ends by itself. Runs until cancelled."""
        while True:
            await self._announce_ended(await self._leases.next_ended())

    async def _announce_ended(self, ended: list[Lease]) -> None:
        for model_id in dict.fromkeys(lease.model_id for lease in ended):
            await self._registry.announce(model_id)

    # -- removal

    async def remove(self, entry: ModelEntry, request: ModelRemoveRequestEvent) -> ModelRemovalEvent:
        """Remove everything of a model, once nobody holds it and its install was stopped.

        Raises:
            Refused: it is held for longer than is waited, or a program has its files open.
        """
        if request.dry_run:
            freed = await anyio.to_thread.run_sync(self._layout.size_bytes, entry.id)
            return ModelRemovalEvent(status=self._registry.status(entry.id), freed_bytes=freed, dry_run=True)
        async with (
            self._leases.exclusive(entry.id, wait_seconds=request.wait_seconds),
            self._queue.turn(entry.id),
        ):
            await self._queue.stop(entry, forget=False)
            try:
                freed = await anyio.to_thread.run_sync(self._layout.purge, entry.id)
            except DurableWriteFailed as error:
                raise Refused(
                    f"{entry.id}: cannot be removed, since a program may still use it: {error}"
                ) from error
            await self._registry.removed(entry.id)
        await self._publish(ModelRemovedEvent(model_id=entry.id, freed_bytes=freed))
        return ModelRemovalEvent(status=self._registry.status(entry.id), freed_bytes=freed, dry_run=False)
