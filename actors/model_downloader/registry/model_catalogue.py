"""The models that there are, and the licences that were accepted for them."""

from __future__ import annotations

from collections.abc import Callable

from actors.shared.manifest.licence import licence_digest
from bus.errors import Refused
from schemas.manifest import Manifest, ModelEntry
from schemas.sources import ModelCatalogueChangedEvent, ModelCatalogueStatedEvent

CatalogueState = ModelCatalogueChangedEvent | ModelCatalogueStatedEvent
"""Each is the whole catalogue, so that the later one takes the place of the earlier one."""


class ModelCatalogue:
    """The manifest of the app at first, then what the catalogue says.

    Attributes:
        entries: the models by id; the same mapping for ever.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.entries: dict[str, ModelEntry] = {entry.id: entry for entry in manifest.models}
        self._accepted: set[tuple[str, str]] = set()
        self._life, self._revision = "", 0

    @property
    def known(self) -> tuple[str, int]:
        """The state of the catalogue that was learned last: life and revision of the model sources."""
        return self._life, self._revision

    def entry(self, model_id: str) -> ModelEntry:
        """The model with this id.

        Raises:
            Refused: there is none.
        """
        if model_id not in self.entries:
            raise Refused(
                f"there is no model {model_id!r} in the manifest; "
                "run 'undercroft models list' to see which there are"
            )
        return self.entries[model_id]

    def is_licence_due(self, entry: ModelEntry) -> bool:
        """Whether a person has to accept the licence of a model before it may be fetched."""
        return entry.accept_licence and (entry.id, licence_digest(entry)) not in self._accepted

    def learn(self, event: CatalogueState, is_installing: Callable[[str], bool]) -> list[ModelEntry]:
        """Know these models and acceptances from now on; returns the models that are new or changed.

        An answer may come before the events that led to it: of one life, what is older changes nothing.

        A model that is not named any more is forgotten once no install of it runs. What lies on disk of it
        stays.

        Args:
            event: names all models and all acceptances.
            is_installing: whether an install of a model is under way.
        """
        if event.life and event.life == self._life and event.revision <= self._revision:
            return []
        self._life, self._revision = event.life, event.revision
        before = dict(self.entries)
        due = {model_id for model_id, entry in before.items() if self.is_licence_due(entry)}
        self._accepted = {(known.model_id, known.digest) for known in event.accepted}
        named = {known.entry.id: known.entry for known in event.models}
        running = {
            known: entry for known, entry in before.items() if known not in named and is_installing(known)
        }
        self.entries.clear()
        self.entries.update({**running, **named})
        return [
            entry
            for entry in named.values()
            if before.get(entry.id) != entry or (entry.id in due and not self.is_licence_due(entry))
        ]
