"""Maintenance of the installed models: back to the former revision, repair of damaged ones, and reading again what was not read for long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread

from actors.model_downloader.downloader_context import World
from actors.model_downloader.installed_models import InstalledModels
from actors.model_downloader.model_leases import ModelLeases
from actors.model_downloader.model_registry import ModelRegistry
from actors.model_downloader.repair import salvage
from actors.model_downloader.reverification import DEFAULT_DAYS, ROUND_SECONDS, next_due
from actors.model_downloader.staging.activation import roll_back
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import promises_digest
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.errors import Refused
from schemas.leases import ModelRepairAcceptedEvent, ModelRolledBackEvent
from schemas.manifest import ModelEntry
from schemas.models import FilesVerifyRequestEvent, ModelInstallAcceptedEvent, VerificationFinding

Install = Callable[[ModelEntry], Awaitable[ModelInstallAcceptedEvent]]


class Maintenance:
    """Keeps what lies on the shelf of one downloader.

    Attributes:
        every_days: how often each model is read again; 0 for never.
    """

    def __init__(
        self,
        shelf: InstalledModels,
        standings: ModelRegistry,
        root: ModelsLayout,
        world: World,
        holding: ModelLeases,
    ) -> None:
        self.every_days: float = DEFAULT_DAYS
        self._shelf = shelf
        self._standings = standings
        self._root = root
        self._world = world
        self._holding = holding

    async def roll_back(self, entry: ModelEntry, wait_seconds: float) -> ModelRolledBackEvent:
        """Let the former revision be active again, once it is verified and nobody holds the active one.

        Raises:
            Refused: there is none, it is damaged, or the active one is held for longer than is waited.
        """
        former = self._root.former(entry.id)
        if not former.is_dir():
            raise Refused(f"{entry.id}: there is no former revision to go back to")
        verdict = await self._shelf.ask(self._shelf.question(entry, former, trust_records=True))
        if verdict.findings:
            first = verdict.findings[0]
            raise Refused(
                f"{entry.id}: the former revision is damaged: {first.path}: {first.aspect} is {first.found}, expected {first.expected}; "
                "the active one stays"
            )
        async with self._holding.alone(entry.id, wait_seconds=wait_seconds):
            try:
                await anyio.to_thread.run_sync(roll_back, self._root, entry.id)
            except (OSError, DurableWriteFailed) as error:
                raise Refused(
                    f"{entry.id}: cannot go back, since a program may still use it: {error}"
                ) from error
        self._standings.problems.pop(entry.id, None)
        if (install := self._standings.installs.get(entry.id)) and install.is_over:
            self._standings.forget(entry.id)
        await self._shelf.installed(entry)
        await self._standings.tell(entry)
        return ModelRolledBackEvent(status=self._standings.status(entry))

    async def repair(self, entry: ModelEntry, install: Install) -> ModelRepairAcceptedEvent:
        """Stage what is sound of a damaged model again, and have the rest fetched.

        Raises:
            Refused: it is not damaged, or the disk does not take it.
        """
        if self._is_being_installed(entry):
            return self._under_way(entry)
        try:
            if self._shelf.is_there(entry) and self._standings.status(entry).state == "damaged":
                await anyio.to_thread.run_sync(self._root.put_out_of_use, entry.id)
            if not self._root.damaged(entry.id).is_dir():
                raise Refused(
                    f"{entry.id}: is not damaged; run 'undercroft models verify {entry.id}' to have every byte read"
                )
            findings = await self._findings(entry)
            async with self._shelf.turn(entry.id):
                if self._is_being_installed(entry):
                    return self._under_way(entry)
                kept = (
                    0
                    if findings is None
                    else await anyio.to_thread.run_sync(salvage, self._root, entry, findings)
                )
                self._standings.forget(entry.id)
                accepted = await install(entry)
        except (OSError, DurableWriteFailed) as error:
            raise Refused(f"{entry.id}: cannot be repaired now: {error}") from error
        return ModelRepairAcceptedEvent(status=accepted.status, kept_bytes=kept)

    def _is_being_installed(self, entry: ModelEntry) -> bool:
        return (install := self._standings.installs.get(entry.id)) is not None and not install.is_over

    def _under_way(self, entry: ModelEntry) -> ModelRepairAcceptedEvent:
        status = self._standings.status(entry)
        return ModelRepairAcceptedEvent(status=status, kept_bytes=status.durable_bytes)

    async def _findings(self, entry: ModelEntry) -> list[VerificationFinding] | None:
        """What is wrong with the files of a damaged model; None if the manifest wants another revision by now, of which nothing is known."""
        damaged = self._root.damaged(entry.id)
        record = self._root.record_in(damaged)
        if record is not None and record.promises != promises_digest(entry):
            return None
        files = [file for file in entry.files if file.unpack is None]
        question = FilesVerifyRequestEvent(
            model_id=entry.id, directory=str(damaged), files=files, trust_records=True
        )
        return (await self._shelf.ask(question)).findings

    async def make_rounds(self) -> None:
        """Read again, when nobody else wants to, what was not read for long. Runs until cancelled."""
        while True:
            await anyio.sleep(ROUND_SECONDS)
            await self.look_after_one()

    async def look_after_one(self) -> str | None:
        """Read the model that is due, if one is; returns which."""
        there = {
            entry.id: self._shelf.verified_at.get(entry.id)
            for entry in self._standings.entries.values()
            if self._shelf.is_there(entry)
        }
        due = next_due(there, self.every_days, self._world.now())
        if due is None:
            return None
        try:
            await self._shelf.verify(self._standings.entries[due], idle=True)
        except Refused:
            return None  # the verifier is away; the next round asks again
        return due
