"""Whether what a name resolved to may join what was added before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from actors.model_sources.errors import NameRefused
from actors.model_sources.model_names import read_name, source_of
from actors.shared.manifest import Added
from actors.shared.manifest.licence import licence_digest
from schemas.manifest import ModelEntry
from schemas.sources import CatalogueEntry, LicenceAcceptance

CATALOGUE_LIMIT_BYTES = 12 * 1024 * 1024
"""The whole catalogue travels as one event, of which a bus takes 16 MiB."""


def with_addition(
    known: Mapping[str, CatalogueEntry], added: Sequence[Added], new: Added
) -> tuple[list[Added], bool]:
    """All additions with the new one, and whether anything changed. One of the same source is renewed in its place.

    Raises:
        NameRefused: the id is taken by another model, or the catalogue would become too long for the bus.
    """
    former = next((one for one in added if one.entry.id == new.entry.id), None)
    holder = known.get(new.entry.id)
    if holder is not None and holder.source != "added":
        raise NameRefused(
            new.name,
            f"the id {new.entry.id!r} is taken by a model of {holder.where}; choose another with --id",
        )
    if former is not None and source_of(read_name(former.name)) != source_of(read_name(new.name)):
        raise NameRefused(
            new.name, f"the id {new.entry.id!r} is taken by {former.pinned}; choose another with --id"
        )
    if former is not None and former.entry == new.entry:
        return list(added), False
    together = [new if one is former else one for one in added] if former else [*added, new]
    entries = [
        *(one.entry for one in known.values() if one.source != "added"),
        *(one.entry for one in together),
    ]
    size = sum(len(msgspec.json.encode(entry)) + 1000 for entry in entries)
    if size > CATALOGUE_LIMIT_BYTES:
        raise NameRefused(
            new.name,
            f"the list of models would have {size} bytes, at most {CATALOGUE_LIMIT_BYTES} go; withdraw what is not needed",
        )
    return together, True


def without(added: Sequence[Added], model_id: str) -> list[Added] | None:
    """What is left once a model is withdrawn; None if nobody added it."""
    left = [one for one in added if one.entry.id != model_id]
    return left if len(left) < len(added) else None


def acceptance_of(entry: ModelEntry, now: float, account: str) -> LicenceAcceptance:
    """The record that an account accepted the licence of an entry as it reads now."""
    return LicenceAcceptance(
        model_id=entry.id,
        licence=entry.licence,
        revision=entry.revision,
        digest=licence_digest(entry),
        accepted_at=now,
        accepted_by=account,
    )
