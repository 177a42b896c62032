"""What a move to another directory would bring over, and the journal with which it begins."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from actors.model_downloader.relocation.relocation import RelocationFailed
from actors.model_downloader.relocation.relocation_journal import RelocationJournal
from actors.model_downloader.relocation.tree_copy import belongings, is_one_file_system, model_of, tree_bytes
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staging_journal import read_journal
from schemas.manifest import ModelEntry
from schemas.paths import ModelsRelocateRequestEvent, ModelsRelocationEvent


def weigh(
    root: ModelsLayout, entries: dict[str, ModelEntry], request: ModelsRelocateRequestEvent
) -> ModelsRelocationEvent:
    """What a move would bring over. Blocks for as long as the disks take.

    Raises:
        RelocationFailed: there is no way, and never will be.
    """
    source, target = root.path, Path(request.target)
    real, there = Path(os.path.realpath(source)), Path(os.path.realpath(target))
    if real == there or real in there.parents or there in real.parents:
        raise RelocationFailed(
            request.target, f"it is the same as, inside, or around {source}, where they are"
        )
    adopted = (
        [entry.id for entry in entries.values() if ModelsLayout(target).keeps_sizes(entry)]
        if request.action != "anew"
        else []
    )
    moved = (
        [name for name in belongings(source, entries) if name not in adopted]
        if request.action == "move"
        else []
    )
    nearest = next((place for place in (target, *target.parents) if place.is_dir()), target)
    size_bytes = (
        0 if is_one_file_system(source, nearest) else sum(tree_bytes(source / name) for name in moved)
    )
    return ModelsRelocationEvent(
        moved_models=sorted({model_of(name, entries) for name in moved}),
        adopted_models=sorted(adopted),
        copy_bytes=size_bytes,
    )


def begun(
    root: ModelsLayout, entries: dict[str, ModelEntry], request: ModelsRelocateRequestEvent
) -> RelocationJournal:
    """The journal of a move that is to begin: installs that are wished for go on at the new place."""
    wishes = []
    for model_id in root.wishes():
        journal = read_journal(root.staging(model_id))
        if model_id in entries and (journal is None or journal.wanted):
            wishes.append(model_id)
    return RelocationJournal(
        move_id=secrets.token_hex(8),
        source=str(root.path),
        target=request.target,
        action=request.action,
        category=request.category,
        path=request.path,
        wishes=wishes,
    )
