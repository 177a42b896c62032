"""What lies on disk of a model. Reading it blocks, so that happens off the event loop."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import RevisionRecord
from actors.model_downloader.staging.staging_journal import StagingState, read_journal
from actors.shared.places.rooted_place import RootedPlace
from schemas.manifest import ModelEntry

LIST_FROM_MODELS: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOnDisk:
    """One look at the directories of a model.

    Attributes:
        is_active: a revision lies under the model's name.
        is_whole: every file of that revision has its length; says nothing of the bytes.
        record: what the active revision is; None if nothing says so.
        has_former: the revision that was active before is kept.
        former: what that one is; None if nothing says so.
        has_partial: some of it is staged.
        partial: what the journal says of that; None without a readable one.
        has_damaged: a damaged copy was put out of use.
    """

    is_active: bool = False
    is_whole: bool = False
    record: RevisionRecord | None = None
    has_former: bool = False
    former: RevisionRecord | None = None
    has_partial: bool = False
    partial: StagingState | None = None
    has_damaged: bool = False

    @property
    def is_wanted(self) -> bool:
        """Whether an accepted install is to go on by itself."""
        journal = self.partial
        return self.has_partial and (journal is None or (journal.wanted and not journal.paused))

    @property
    def is_kept(self) -> bool:
        """Whether an accepted install is to go on by itself, or once it is resumed."""
        return self.has_partial and (self.partial is None or self.partial.wanted)


NOTHING_ON_DISK: Final = ModelOnDisk()


def read_models(layout: ModelsLayout, entries: Collection[ModelEntry]) -> dict[str, ModelOnDisk]:
    """What lies on disk of each of these models, by id. Blocks.

    Lists the directory once if there are many of them: of most, nothing lies there.
    """
    names = _names(layout) if len(entries) >= LIST_FROM_MODELS else None
    return {entry.id: _read(layout, entry, names) for entry in entries}


def _names(layout: ModelsLayout) -> frozenset[str]:
    try:
        return frozenset(layout.root.names())
    except OSError:
        return frozenset()


def _read(layout: ModelsLayout, entry: ModelEntry, names: frozenset[str] | None) -> ModelOnDisk:
    def is_there(place: RootedPlace) -> bool:
        return (names is None or place.name in names) and place.is_dir()

    model_id = entry.id
    active, former, staging = layout.installed(model_id), layout.former(model_id), layout.staging(model_id)
    is_active, has_former, has_partial = is_there(active), is_there(former), is_there(staging)
    return ModelOnDisk(
        is_active=is_active,
        is_whole=is_active and layout.keeps_sizes(entry),
        record=layout.record_in(active) if is_active else None,
        has_former=has_former,
        former=layout.record_in(former) if has_former else None,
        has_partial=has_partial,
        partial=read_journal(staging) if has_partial else None,
        has_damaged=is_there(layout.damaged(model_id)),
    )
