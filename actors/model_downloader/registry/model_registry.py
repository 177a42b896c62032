"""Knows every model: its entry, what its install last said, and what lies on disk of it.

What lies on disk is read off the event loop, and kept. It stays right because the downloader owns the
directory: every step that changes something there has the registry look again. So `status` touches no disk.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import anyio.to_thread

from actors.model_downloader.registry.model_catalogue import CatalogueState, ModelCatalogue
from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.registry.model_on_disk import NOTHING_ON_DISK, ModelOnDisk, read_models
from actors.model_downloader.registry.model_status import InstallReport, KnownModel, status_of
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import promises_digest
from bus.telemetry.alert_book import Alerts
from schemas.event import Event
from schemas.manifest import Manifest, ModelEntry
from schemas.models import ModelStateChangedEvent, ModelStatus

DAMAGED_ALERT: Final = "models.damaged"
Publish = Callable[[Event], Awaitable[None]]
"""Publishes an event on the bus."""


class ModelRegistry:
    """What is known of every model. All others ask it, and report to it what they did.

    Attributes:
        entries: the models of the manifest and of the catalogue, by id.
    """

    def __init__(
        self,
        manifest: Manifest,
        layout: ModelsLayout,
        leases: ModelLeases,
        publish: Publish,
        alerts: Alerts,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Know the manifest, and nothing of the disk until `look`.

        Args:
            manifest: the models that ship with the app.
            layout: of the directory of models.
            leases: says who holds a model.
            publish: publishes each change of a status.
            alerts: shows people which models are damaged.
            now: seconds since the Unix epoch.
        """
        self._catalogue = ModelCatalogue(manifest)
        self.entries = self._catalogue.entries
        self._layout = layout
        self._leases = leases
        self._publish = publish
        self._alerts = alerts
        self._now = now
        self._on_disk: dict[str, ModelOnDisk] = {}
        self._reports: dict[str, InstallReport] = {}
        self._damage: dict[str, str] = {}
        self._problems: dict[str, str] = {}
        self._directory_problem = ""
        self._unchecked: set[str] = set()
        self._verified_at: dict[str, float | None] = {}
        self._looking = anyio.Lock()
        self._looks_pending = 0
        self._changed = anyio.Event()

    # -- what is known

    def entry(self, model_id: str) -> ModelEntry:
        """The model with this id.

        Raises:
            Refused: there is none.
        """
        return self._catalogue.entry(model_id)

    def status(self, model_id: str) -> ModelStatus:
        """Where a model stands now.

        Raises:
            Refused: there is no such model.
        """
        return status_of(self._known(self.entry(model_id)))

    def statuses(self) -> list[ModelStatus]:
        """Where every model stands now."""
        return [status_of(self._known(entry)) for entry in self.entries.values()]

    def on_disk(self, model_id: str) -> ModelOnDisk:
        """What lay on disk of a model at the last look."""
        return self._on_disk.get(model_id, NOTHING_ON_DISK)

    def active_models(self) -> list[ModelEntry]:
        """The models of which a revision is installed, damaged or not."""
        return [entry for entry in self.entries.values() if self.on_disk(entry.id).is_active]

    def is_sound(self, entry: ModelEntry) -> bool:
        """Whether the active revision of a model can be used."""
        return self._known(entry).is_sound

    def is_up_to_date(self, entry: ModelEntry) -> bool:
        """Whether the revision that the manifest wants is installed."""
        if self.status(entry.id).state not in ("installed", "verifying") or self.has_install(entry.id):
            return False
        record = self.on_disk(entry.id).record
        return record is None or record.promises == promises_digest(entry)

    def is_installing(self, model_id: str) -> bool:
        """Whether an install of a model is under way."""
        report = self._reports.get(model_id)
        return report is not None and report.is_running

    def has_install(self, model_id: str) -> bool:
        """Whether an install of a model is under way, or failed and was not forgotten."""
        return model_id in self._reports

    def is_licence_due(self, entry: ModelEntry) -> bool:
        """Whether a person has to accept the licence of a model before it may be fetched."""
        return self._catalogue.is_licence_due(entry)

    def verified_at(self, model_id: str) -> float | None:
        """When a model was last read as a whole, in seconds since the Unix epoch; None if unknown."""
        return self._verified_at.get(model_id)

    @property
    def known_catalogue(self) -> tuple[str, int]:
        """The state of the catalogue that was learned last: life and revision of the model sources."""
        return self._catalogue.known

    def learn(self, event: CatalogueState) -> list[ModelEntry]:
        """Know these models and acceptances from now on; returns the models that are new or changed."""
        return self._catalogue.learn(event, self.is_installing)

    # -- what lies on disk

    async def look(self, *model_ids: str) -> None:
        """Read what lies on disk of these models, by default of all."""
        self._looks_pending += 1
        try:
            async with self._looking:
                wanted = model_ids or tuple(self.entries)
                entries = [self.entries[known] for known in wanted if known in self.entries]
                found = await anyio.to_thread.run_sync(
                    read_models, self._layout, entries, abandon_on_cancel=True
                )
                self._on_disk.update(found)
        finally:
            self._looks_pending -= 1
            self._wake_waiting()

    async def looked(self, within_seconds: float) -> None:
        """Wait until every look that began is done, but no longer than a disk may take to answer."""
        with anyio.move_on_after(within_seconds):
            while self._looks_pending:
                await self._changed.wait()

    def directory_opened(self) -> None:
        """The directory of models can be used: what was in the way before is forgotten."""
        self._directory_problem = ""
        self._problems.clear()
        self._damage.clear()

    def directory_lost(self, problem: str) -> None:
        """The directory of models cannot be used: nothing is known of the disk until `look`.

        Args:
            problem: why not, in a sentence that is shown with every model.
        """
        self._directory_problem = problem
        self._on_disk.clear()
        self._unchecked.clear()
        self.forget_installs()

    # -- what happens

    async def report(self, model_id: str, report: InstallReport) -> None:
        """An install says where it is; everybody sees it."""
        self._reports[model_id] = report
        self._problems.pop(model_id, None)
        await self.announce(model_id)

    async def announce(self, model_id: str) -> None:
        """Publish where a model stands, if it is known."""
        if model_id in self.entries:
            status = self.status(model_id)
            await self._publish(ModelStateChangedEvent(model_id=model_id, status=status))

    async def refresh(self, model_id: str) -> None:
        """Look at the disk, forget how an install of a model failed, and publish where it stands."""
        if not self.is_installing(model_id):
            self._reports.pop(model_id, None)
        await self.look(model_id)
        await self.announce(model_id)

    async def install_ended(self, model_id: str) -> None:
        """An install ended before the model was installed: it stands where its files on disk say."""
        self._reports.pop(model_id, None)
        await self.refresh(model_id)

    async def installed(self, model_id: str) -> None:
        """An install made a verified revision the active one, and is over."""
        self._reports.pop(model_id, None)
        await self.activated(model_id)

    async def activated(self, model_id: str) -> None:
        """A verified revision became the active one: what was wrong with the model is over."""
        self._problems.pop(model_id, None)
        self._unchecked.discard(model_id)
        await self.found_sound(model_id, self._now())
        await self.refresh(model_id)

    async def found_sound(self, model_id: str, verified_at: float | None) -> None:
        """Every byte of the active revision is what was promised.

        Args:
            model_id: which one.
            verified_at: when that was found, in seconds since the Unix epoch; None if unknown.
        """
        self._damage.pop(model_id, None)
        self._verified_at[model_id] = verified_at
        await self._alerts.clear(DAMAGED_ALERT, model_id)

    def found_damaged(self, entry: ModelEntry, found: str) -> None:
        """The active revision is not what was promised; it is not used any more.

        Args:
            entry: which one.
            found: what is wrong, in a sentence without its full stop.
        """
        self._damage[entry.id] = f"{found}; {_repair_advice(entry)}"
        self._verified_at.pop(entry.id, None)
        self._unchecked.discard(entry.id)

    async def alert_damage(self, entry: ModelEntry, found: str) -> None:
        """Show people that a model is damaged, until it is whole again."""
        await self._alerts.raise_alert(
            DAMAGED_ALERT, entry.id, severity="error", message=found, advice=_repair_advice(entry)
        )

    def note_problem(self, entry: ModelEntry, problem: str) -> None:
        """Something other than damage is in the way of a model; the sentence is shown with it."""
        self._problems[entry.id] = problem

    async def removed(self, model_id: str) -> None:
        """Everything of a model was removed from disk."""
        self.forget(model_id)
        self._verified_at.pop(model_id, None)
        await self.look(model_id)
        await self._alerts.clear(DAMAGED_ALERT, model_id)
        await self.announce(model_id)

    def forget(self, model_id: str) -> None:
        """Know nothing of a model but what lies on disk."""
        self._reports.pop(model_id, None)
        self._damage.pop(model_id, None)
        self._problems.pop(model_id, None)
        self._unchecked.discard(model_id)

    def forget_installs(self) -> None:
        """No install is under way: every model stands where its files on disk say."""
        self._reports.clear()

    # -- checks after a start

    def distrust(self) -> None:
        """No installed model counts as verified before `checked`."""
        self._unchecked = {entry.id for entry in self.active_models()}

    async def checked(self, model_id: str) -> None:
        """A model was compared with its record, or cannot be: it is what its files say it is."""
        is_news = model_id in self._unchecked
        self._unchecked.discard(model_id)
        self._wake_waiting()
        if is_news:
            await self.announce(model_id)

    async def until_checked(self, model_id: str, within_seconds: float) -> bool:
        """Wait until a model is checked; returns whether it is."""
        with anyio.move_on_after(within_seconds):
            while model_id in self._unchecked:
                await self._changed.wait()
        return model_id not in self._unchecked

    def _known(self, entry: ModelEntry) -> KnownModel:
        return KnownModel(
            entry=entry,
            on_disk=self.on_disk(entry.id),
            report=self._reports.get(entry.id),
            damage=self._damage.get(entry.id, ""),
            problem=self._directory_problem or self._problems.get(entry.id, ""),
            is_unchecked=entry.id in self._unchecked,
            is_licence_due=self.is_licence_due(entry),
            held_by=tuple(self._leases.holders(entry.id)),
        )

    def _wake_waiting(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def _repair_advice(entry: ModelEntry) -> str:
    return (
        f"run 'undercroft models repair {entry.id}' to fetch what is bad, "
        f"or 'undercroft models install {entry.id}' to fetch it again"
    )
