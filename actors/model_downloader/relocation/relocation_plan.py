"""What a move to another directory would bring over, and the journal that it begins with."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from actors.model_downloader.relocation.relocation_journal import RelocationJournal
from actors.model_downloader.relocation.tree_copy import is_one_file_system, model_directories, model_of
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.durable.directory_tree import tree_bytes
from actors.shared.places.rooted_place import below
from bus.errors import UndercroftError
from schemas.manifest import ModelEntry
from schemas.paths import ModelsRelocateRequestEvent, ModelsRelocationEvent


class RelocationFailed(UndercroftError):
    """The models stay where they are.

    Attributes:
        target: where they were to go.
        problem: what was in the way.
    """

    target: str
    problem: str
    words = (
        "models do not move to {target}: {problem}; all of them are where they were; "
        "'undercroft paths set models' tries again"
    )


def plan_relocation(
    source: Path,
    entries: Mapping[str, ModelEntry],
    request: ModelsRelocateRequestEvent,
    *,
    source_answers: bool = True,
) -> ModelsRelocationEvent:
    """What a move would bring over. Blocks for as long as the disks take.

    Args:
        source: where the models lie.
        entries: the models that belong to us, by id.
        request: where they are to go, and what becomes of those that are there.
        source_answers: the disk of the source may be asked; if not, nothing moves away from it.

    Raises:
        RelocationFailed: there is no way, and never will be.
    """
    target = Path(request.target)
    here = Path(os.path.realpath(source)) if source_answers else source.absolute()
    there = Path(os.path.realpath(target))
    if here == there or here in there.parents or there in here.parents:
        raise RelocationFailed(
            request.target, f"it is the same as, inside, or around {source}, where they are"
        )
    adopted: list[str] = []
    if request.action != "anew":
        layout = ModelsLayout(target)
        adopted = [known for known, entry in entries.items() if layout.keeps_sizes(entry)]
    moved: list[str] = []
    copy_bytes = 0
    if request.action == "move" and source_answers:
        moved = [name for name in model_directories(source, entries) if name not in adopted]
        nearest = next((place for place in (target, *target.parents) if place.is_dir()), target)
        if not is_one_file_system(source, nearest):
            copy_bytes = sum(tree_bytes(below(source) / name) for name in moved)
    return ModelsRelocationEvent(
        moved_models=sorted({model_of(name, entries) for name in moved}),
        adopted_models=sorted(adopted),
        copy_bytes=copy_bytes,
    )


def first_journal(source: Path, wishes: list[str], request: ModelsRelocateRequestEvent) -> RelocationJournal:
    """The journal that a move begins with.

    Args:
        source: where the models lie.
        wishes: models whose install goes on at the new place.
        request: where they are to go.
    """
    return RelocationJournal(
        move_id=secrets.token_hex(8),
        source=str(source),
        target=request.target,
        action=request.action,
        category=request.category,
        path=request.path,
        wishes=wishes,
    )
