"""Where every model of the manifest stands: by its install if one is known, by what lies on disk otherwise."""

from __future__ import annotations

import msgspec

from actors.model_downloader.downloader_context import World
from actors.model_downloader.install import Install
from actors.model_downloader.progress_reporter import status_of
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import promises_digest
from actors.model_downloader.staging.staging_journal import read_journal
from actors.shared.manifest.licence import licence_digest
from bus.errors import Refused
from schemas.manifest import Manifest, ModelEntry
from schemas.models import ModelState, ModelStateChangedEvent, ModelStatus, ProblemKind
from schemas.sources import ModelCatalogueChangedEvent


class ModelRegistry:
    """What desk and shelf both need to know.

    Attributes:
        entries: the models of the manifest, by id.
        installs: those that run, and those that ended without the model being installed.
        problems: what is wrong with models that no install tells of, as sentences.
        unchecked: installed models of which nobody knows yet whether they still are what was verified: they
            are not to be used.
    """

    def __init__(self, manifest: Manifest, root: ModelsLayout, world: World) -> None:
        self.entries: dict[str, ModelEntry] = {entry.id: entry for entry in manifest.models}
        self.installs: dict[str, Install] = {}
        self.problems: dict[str, str] = {}
        self.unchecked: set[str] = set()
        self._accepted: set[tuple[str, str]] = set()
        self._root = root
        self._world = world

    def entry(self, model_id: str) -> ModelEntry:
        """The model of the manifest with this id.

        Raises:
            Refused: there is none.
        """
        if model_id not in self.entries:
            raise Refused(
                f"there is no model {model_id!r} in the manifest; run 'undercroft models list' to see which there are"
            )
        return self.entries[model_id]

    def status(self, entry: ModelEntry) -> ModelStatus:
        """Where a model stands now."""
        if install := self.installs.get(entry.id):
            return install.status
        state, durable = self._state_on_disk(entry)
        problem = self.problems.get(entry.id, "")
        if state == "damaged" and not problem:
            problem = f"{entry.id}: its files are not those of the manifest; run 'undercroft models repair {entry.id}' to fetch what is bad"
        kind: ProblemKind = "damaged" if state == "damaged" else ""
        found = status_of(entry, state, durable, problem, kind)
        if state not in ("installed", "verifying") and self.licence_due(entry):
            found = msgspec.structs.replace(found, licence_due=True, problem_kind=kind or "licence")
        return self._world.describe(found)

    def is_up_to_date(self, entry: ModelEntry) -> bool:
        """Whether the revision that the manifest wants is installed."""
        record = self._root.record(entry.id)
        is_there = entry.id not in self.installs and self._state_on_disk(entry)[0] in (
            "installed",
            "verifying",
        )
        return is_there and (record is None or record.promises == promises_digest(entry))

    def licence_due(self, entry: ModelEntry) -> bool:
        """Whether a person has to accept the licence of a model before it may be fetched."""
        return entry.accept_licence and (entry.id, licence_digest(entry)) not in self._accepted

    def learn(self, event: ModelCatalogueChangedEvent) -> list[ModelEntry]:
        """Know these models and acceptances from now on; returns the models that are new or mean something else now.

        A model that is not named any more is forgotten, unless an install of it runs; what lies on disk of it
        stays.
        """
        before = dict(self.entries)
        due = {model_id for model_id, entry in before.items() if self.licence_due(entry)}
        self._accepted = {(known.model_id, known.digest) for known in event.accepted}
        named = {known.entry.id: known.entry for known in event.models}
        running = {
            model_id: before[model_id]
            for model_id, install in self.installs.items()
            if not install.is_over and model_id in before
        }
        self.entries.clear()
        self.entries.update(
            {**{model_id: entry for model_id, entry in running.items() if model_id not in named}, **named}
        )
        changed = [entry for model_id, entry in named.items() if before.get(model_id) != entry]
        return changed + [
            entry
            for entry in named.values()
            if entry.id in due and entry not in changed and not self.licence_due(entry)
        ]

    async def tell(self, entry: ModelEntry) -> None:
        """Say where a model stands."""
        await self._world.publish(ModelStateChangedEvent(model_id=entry.id, status=self.status(entry)))

    def forget(self, model_id: str) -> None:
        """Know nothing of a model but what lies on disk."""
        self.installs.pop(model_id, None)
        self.problems.pop(model_id, None)
        self.unchecked.discard(model_id)

    def _state_on_disk(self, entry: ModelEntry) -> tuple[ModelState, int]:
        journal = read_journal(self._root.staging(entry.id))
        if journal is not None and journal.wanted and journal.paused:
            return "paused", journal.durable_bytes
        if self._root.installed(entry.id).is_dir():
            if not self._root.keeps_sizes(entry) or entry.id in self.problems:
                return "damaged", 0
            return ("verifying" if entry.id in self.unchecked else "installed"), entry.size_bytes
        if self._root.staging(entry.id).is_dir():
            return "partial", journal.durable_bytes if journal else 0
        return ("damaged" if self._root.damaged(entry.id).is_dir() else "absent"), 0
