"""The shelf: the installed models, which are checked, lent, put out of use when they are damaged, and removed on somebody's word."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from actors.model_downloader.downloader_context import World
from actors.model_downloader.model_leases import ModelLeases
from actors.model_downloader.model_registry import ModelRegistry
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import RevisionRecord, promises_of, revision_of, shown_revision
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.alert_book import Alerts
from bus.errors import Refused, RequestFailed
from schemas.leases import Lease, ModelLeasedEvent, ModelLeaseRequestEvent, ModelReleasedEvent
from schemas.manifest import ModelEntry
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelRemovalEvent,
    ModelRemovedEvent,
    ModelRemoveRequestEvent,
    ModelStatus,
    ModelVerdictEvent,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
)

ASK_AGAIN_SECONDS = 1.0
CHECKS_AT_ONCE = 32
"""Questions that are on their way to the verifier together, so that the way is not what takes the time."""

CHECK_PATIENCE_SECONDS = 10.0
"""Whoever wants to use a model waits so long until it was looked at after the start."""

DAMAGED_ALERT = "models.damaged"


class InstalledModels:
    """All installed models of one downloader.

    Attributes:
        verified_at: when each installed model was last read as a whole, seconds since the Unix epoch; None if
            that is not known.
    """

    def __init__(
        self, standings: ModelRegistry, root: ModelsLayout, world: World, holding: ModelLeases, alerts: Alerts
    ) -> None:
        self.verified_at: dict[str, float | None] = {}
        self._turns: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._standings = standings
        self._root = root
        self._world = world
        self._holding = holding
        self._alerts = alerts
        self._news = anyio.Event()

    # -- checks
    # ----------------------------------------------------------------------------------------------------

    def distrust(self) -> None:
        """Nothing that lies there counts as verified until `check` has looked at it."""
        self._standings.unchecked = {
            entry.id for entry in self._standings.entries.values() if self.is_there(entry)
        }

    async def check(self) -> None:
        """See that every installed model is what it was; files that did not change since they were verified are not read."""
        async with anyio.create_task_group() as group:
            slots = anyio.Semaphore(CHECKS_AT_ONCE)
            for entry in list(self._standings.entries.values()):
                if self.is_there(entry):
                    group.start_soon(self._check_one, entry, slots)
                elif (
                    status := self._standings.status(entry)
                ).state == "damaged":  # found by an earlier life of this runtime
                    await self._alert(entry, status.problem)

    async def _check_one(self, entry: ModelEntry, slots: anyio.Semaphore) -> None:
        record = self._root.record(entry.id)
        async with slots:
            verdict = await self._insist(self.question(entry, trust_records=True))
        if verdict is not None and self._is_still(entry, record):
            await self._act_on(entry, verdict)
        await self._checked(entry)

    async def _checked(self, entry: ModelEntry) -> None:
        """A model was looked at: it is what its files say it is."""
        is_news = entry.id in self._standings.unchecked
        self._standings.unchecked.discard(entry.id)
        self._news.set()
        self._news = anyio.Event()
        if is_news:
            await self._standings.tell(entry)

    async def _until_checked(self, entry: ModelEntry) -> None:
        """Wait until a model was looked at.

        Raises:
            Refused: that does not happen, since the verifier is away.
        """
        with anyio.move_on_after(CHECK_PATIENCE_SECONDS):
            while entry.id in self._standings.unchecked:
                await self._news.wait()
        if entry.id in self._standings.unchecked:
            raise Refused(
                f"{entry.id}: cannot be used before it is checked, and the verifier does not answer; see 'undercroft status'"
            )

    async def verify(self, entry: ModelEntry, *, idle: bool = False) -> ModelVerdictEvent:
        """Have every byte of an installed model hashed again; with `idle` only while nothing else wants to read.

        Raises:
            Refused: it is not installed, or the verifier cannot answer.
        """
        if not self.is_there(entry):
            raise Refused(f"{entry.id}: is not installed; run 'undercroft models install {entry.id}'")
        record = self._root.record(entry.id)
        verdict = await self.ask(self.question(entry, idle=idle))
        if self._is_still(entry, record):  # it may have been removed or updated meanwhile
            await self._act_on(entry, verdict)
        return ModelVerdictEvent(status=self._standings.status(entry), findings=verdict.findings)

    async def ask(self, question: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        """The verdict of the verifier.

        Raises:
            Refused: it cannot answer now.
        """
        try:
            return await self._world.verify(question)
        except RequestFailed as failed:
            raise Refused(
                f"{question.model_id}: the verifier cannot answer now ({failed.kind}); try again in a moment"
            ) from failed

    def question(
        self,
        entry: ModelEntry,
        directory: Path | None = None,
        *,
        trust_records: bool = False,
        idle: bool = False,
    ) -> FilesVerifyRequestEvent:
        """What the verifier is asked of the revision in a directory; by default of the active one."""
        record = self._root.record_in(directory) if directory else self._root.record(entry.id)
        return FilesVerifyRequestEvent(
            model_id=entry.id,
            directory=str(directory or self._root.installed(entry.id)),
            files=promises_of(record, entry)
            if record
            else [file for file in entry.files if file.unpack is None],
            trust_records=trust_records,
            idle=idle,
        )

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
            self.verified_at[entry.id] = verdict.verified_at
            await self._alerts.clear(DAMAGED_ALERT, entry.id)
            await self._world.publish(ModelVerifiedEvent(model_id=entry.id, size_bytes=entry.size_bytes))
            return
        first = verdict.findings[0]
        found = f"{entry.id}/{first.path}: {first.aspect} is {first.found}, expected {first.expected}; it is out of use"
        problems[entry.id] = f"{found}; {_advice(entry)}"
        self.verified_at.pop(entry.id, None)
        self._standings.unchecked.discard(entry.id)
        with contextlib.suppress(
            DurableWriteFailed
        ):  # held open by a program (Windows): its state says that it is damaged all the same
            await anyio.to_thread.run_sync(self._root.put_out_of_use, entry.id)
        await self._alert(entry, found)
        await self._world.publish(ModelVerificationFailedEvent(model_id=entry.id, findings=verdict.findings))
        await self._standings.tell(entry)

    async def _alert(self, entry: ModelEntry, found: str) -> None:
        await self._alerts.raise_alert(
            DAMAGED_ALERT, entry.id, severity="error", message=found, advice=_advice(entry)
        )

    # -- leases
    # ----------------------------------------------------------------------------------------------------

    async def lease(self, entry: ModelEntry, request: ModelLeaseRequestEvent) -> ModelLeasedEvent:
        """Lend a model; waits while it is being changed.

        Raises:
            Refused: it is not installed, damaged, or not checked yet.
        """

        def active() -> str:
            if (
                not self.is_there(entry)
                or not self._root.keeps_sizes(entry)
                or entry.id in self._standings.problems
            ):
                raise Refused(
                    f"{entry.id}: is not installed, or damaged; run 'undercroft models install {entry.id}'"
                )
            return shown_revision(self._root.record(entry.id), entry)

        await self._until_checked(entry)
        lease = await self._holding.lease(request, active)
        await self._standings.tell(entry)
        return ModelLeasedEvent(lease=lease, directory=str(self._root.installed(entry.id)))

    async def release(self, entry: ModelEntry, lease_id: str) -> ModelReleasedEvent:
        """Take a model back."""
        was_held = await self._holding.release(entry.id, lease_id)
        if was_held:
            await self._standings.tell(entry)
        return ModelReleasedEvent(model_id=entry.id, was_held=was_held)

    async def leases_ended(self, ended: list[Lease]) -> None:
        """Say where the models stand whose leases ended by themselves."""
        for model_id in dict.fromkeys(lease.model_id for lease in ended):
            if entry := self._standings.entries.get(model_id):
                await self._standings.tell(entry)

    # -- removal
    # ---------------------------------------------------------------------------------------------------

    async def remove(
        self,
        entry: ModelEntry,
        request: ModelRemoveRequestEvent,
        stop: Callable[[ModelEntry], Awaitable[None]],
    ) -> ModelRemovalEvent:
        """Remove everything of a model, once nobody holds it and its install was stopped.

        Raises:
            Refused: somebody holds it for longer than is waited, or a program has its files open.
        """
        if request.dry_run:
            freed = await anyio.to_thread.run_sync(self._root.size_bytes, entry.id)
            return ModelRemovalEvent(status=self._standings.status(entry), freed_bytes=freed, dry_run=True)
        async with self._holding.alone(entry.id, wait_seconds=request.wait_seconds), self.turn(entry.id):
            await stop(entry)
            try:
                freed = await anyio.to_thread.run_sync(self._root.purge, entry.id)
            except DurableWriteFailed as error:
                raise Refused(
                    f"{entry.id}: cannot be removed, since a program may still use it: {error}"
                ) from error
            self._standings.forget(entry.id)
        self.verified_at.pop(entry.id, None)
        await self._alerts.clear(DAMAGED_ALERT, entry.id)
        await self._standings.tell(entry)
        await self._world.publish(ModelRemovedEvent(model_id=entry.id, freed_bytes=freed))
        return ModelRemovalEvent(status=self._standings.status(entry), freed_bytes=freed, dry_run=False)

    def turn(self, model_id: str) -> anyio.Lock:
        """Held by whoever makes, drops or takes over what is staged of a model: a wish that is accepted is not purged by who came before."""
        return self._turns[model_id]

    # -- small questions
    # -------------------------------------------------------------------------------------------

    async def installed(self, entry: ModelEntry) -> None:
        """A model was verified and activated: whatever was wrong with it is over."""
        self.verified_at[entry.id] = self._world.now()
        self._standings.unchecked.discard(entry.id)
        await self._alerts.clear(DAMAGED_ALERT, entry.id)

    def describe(self, status: ModelStatus) -> ModelStatus:
        """Add to a status which revisions there are, and who holds the active one."""
        entry = self._standings.entries.get(status.model_id)
        if entry is None:
            return status
        former = self._root.former_record(entry.id)
        is_doubtful = entry.id in self._standings.problems or entry.id in self._standings.unchecked
        serves = self.is_there(entry) and not is_doubtful and status.state != "damaged"
        return msgspec.structs.replace(
            status,
            revision=shown_revision(self._root.record(entry.id), entry) if serves else "",
            wanted_revision=revision_of(entry),
            former_revision=shown_revision(former, entry) if former else "",
            held_by=self._holding.holders(entry.id),
        )

    def is_there(self, entry: ModelEntry) -> bool:
        """Whether a revision lies under the model's name."""
        return self._root.installed(entry.id).is_dir()

    def _is_still(self, entry: ModelEntry, record: RevisionRecord | None) -> bool:
        return self.is_there(entry) and self._root.record(entry.id) == record


def _advice(entry: ModelEntry) -> str:
    return f"run 'undercroft models repair {entry.id}' to fetch what is bad, or 'undercroft models install {entry.id}' to fetch it again"
