"""Maintains the installed models: rollback to the former revision, repair, and regular verification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import anyio
import anyio.to_thread

from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.installed.installed_models import InstalledModels
from actors.model_downloader.installed.repair import reuse_sound_files
from actors.model_downloader.installs.install_queue import InstallQueue
from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.registry.model_registry import ModelRegistry
from actors.model_downloader.staging.activation import roll_back
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import promises_digest
from actors.model_downloader.verifier_client import VerifierClient, question_about
from actors.shared.clocks import StampClock
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.error_words import in_words
from bus.errors import Refused
from schemas.leases import ModelRepairAcceptedEvent, ModelRolledBackEvent
from schemas.manifest import ModelEntry
from schemas.models import VerificationFinding

DAY_SECONDS: Final = 86_400.0
ROUND_SECONDS: Final = 3600.0
"""Time between two looks at what is due, and so between two models that are read again."""


def next_due(verified_at: Mapping[str, float | None], every_days: float, now: float) -> str | None:
    """Picks the next model to verify: the one whose last verification is oldest; None if none is due. Pure.

    Args:
        verified_at: when each model was last read as a whole, in seconds since the Unix epoch; None: unknown.
        every_days: how often; 0 for never.
        now: seconds since the Unix epoch. A time in the future, left by a clock that was set back, counts as
            unknown.
    """
    if every_days <= 0:
        return None
    age = {
        model_id: now - at if at is not None and at <= now else float("inf")
        for model_id, at in verified_at.items()
    }
    due = [model_id for model_id, seconds in age.items() if seconds >= every_days * DAY_SECONDS]
    return max(sorted(due), key=lambda model_id: age[model_id], default=None)


class Maintenance:
    """Maintains the installed models of one downloader."""

    def __init__(
        self,
        layout: ModelsLayout,
        registry: ModelRegistry,
        leases: ModelLeases,
        queue: InstallQueue,
        installed: InstalledModels,
        verifier: VerifierClient,
        settings: DownloaderSettings,
        stamps: StampClock | None = None,
    ) -> None:
        self._layout = layout
        self._registry = registry
        self._leases = leases
        self._queue = queue
        self._installed = installed
        self._verifier = verifier
        self._settings = settings
        self._stamps = stamps or StampClock()

    async def roll_back(self, entry: ModelEntry, wait_seconds: float) -> ModelRolledBackEvent:
        """Make the former revision active again, once it is verified and nobody holds the active one.

        Raises:
            Refused: there is none, it is damaged, or the active one is held for longer than is waited.
        """
        await self._registry.look(entry.id)
        found = self._registry.on_disk(entry.id)
        if not found.has_former:
            raise Refused(f"{entry.id}: there is no former revision to go back to")
        question = question_about(entry, self._layout.former(entry.id), found.former, trust_records=True)
        verdict = await self._verifier.verify_or_refuse(question)
        if verdict.findings:
            first = verdict.findings[0]
            raise Refused(
                f"{entry.id}: the former revision is damaged: {first.path}: {first.aspect} is {first.found}, "
                f"expected {first.expected}; the active one stays"
            )
        async with self._leases.exclusive(entry.id, wait_seconds=wait_seconds):
            try:
                await anyio.to_thread.run_sync(roll_back, self._layout, entry.id)
            except (OSError, DurableWriteFailed) as error:
                raise Refused(
                    f"{entry.id}: cannot go back, since a program may still use it: {in_words(error)}"
                ) from error
        await self._registry.activated(entry.id)
        return ModelRolledBackEvent(status=self._registry.status(entry.id))

    async def repair(self, entry: ModelEntry) -> ModelRepairAcceptedEvent:
        """Stage what is sound of a damaged model again, and have the rest fetched.

        Raises:
            Refused: it is not damaged, or the disk refuses.
        """
        if self._registry.is_installing(entry.id):
            return self._under_way(entry)
        try:
            await self._put_out_of_use(entry)
            findings = await self._findings(entry)
            async with self._queue.turn(entry.id):
                if self._registry.is_installing(entry.id):
                    return self._under_way(entry)
                kept = 0
                if findings is not None:
                    kept = await anyio.to_thread.run_sync(reuse_sound_files, self._layout, entry, findings)
                self._registry.forget(entry.id)
                await self._registry.look(entry.id)
                accepted = await self._queue.install_in_turn(entry)
        except (OSError, DurableWriteFailed) as error:
            raise Refused(f"{entry.id}: cannot be repaired now: {in_words(error)}") from error
        return ModelRepairAcceptedEvent(status=accepted.status, kept_bytes=kept)

    async def verify_regularly(self) -> None:
        """Read again, while nobody else reads, what was not read for long. Runs until cancelled."""
        while True:
            await anyio.sleep(ROUND_SECONDS)
            await self.verify_next()

    async def verify_next(self) -> str | None:
        """Read the model that is due, if one is; returns which."""
        stamps = {entry.id: self._registry.verified_at(entry.id) for entry in self._registry.active_models()}
        verified_at = {
            model_id: None if stamp is None else self._stamps.at(stamp) for model_id, stamp in stamps.items()
        }
        due = next_due(verified_at, self._settings.verify_every_days, self._stamps.now())
        if due is None:
            return None
        try:
            await self._installed.verify(self._registry.entry(due), idle=True)
        except Refused:
            return None  # the verifier is away; the next round asks again
        return due

    def _under_way(self, entry: ModelEntry) -> ModelRepairAcceptedEvent:
        status = self._registry.status(entry.id)
        return ModelRepairAcceptedEvent(status=status, kept_bytes=status.durable_bytes)

    async def _put_out_of_use(self, entry: ModelEntry) -> None:
        """Take a damaged model's name away, so that it can be staged again.

        Raises:
            Refused: it is not damaged.
        """
        await self._registry.look(entry.id)
        is_damaged = self._registry.status(entry.id).state == "damaged"
        if is_damaged and self._registry.on_disk(entry.id).is_active:
            await anyio.to_thread.run_sync(self._layout.put_out_of_use, entry.id)
            await self._registry.look(entry.id)
        if not self._registry.on_disk(entry.id).has_damaged:
            raise Refused(
                f"{entry.id}: is not damaged; "
                f"run 'undercroft models verify {entry.id}' to have every byte read"
            )

    async def _findings(self, entry: ModelEntry) -> list[VerificationFinding] | None:
        """What is wrong with the files of a damaged model.

        None if the manifest wants another revision by now: of that one nothing is known.
        """
        damaged = self._layout.damaged(entry.id)
        record = await anyio.to_thread.run_sync(self._layout.record_in, damaged)
        if record is not None and record.promises != promises_digest(entry):
            return None
        question = question_about(entry, damaged, None, trust_records=True)
        return (await self._verifier.verify_or_refuse(question)).findings
