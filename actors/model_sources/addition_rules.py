"""Whether a resolved name may join the models that were added before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from actors.model_sources.errors import NameRefused
from actors.model_sources.sources.model_names import read_name, source_of
from actors.shared.http.answers.json_answers import fitting
from actors.shared.manifest import AddedModel
from actors.shared.manifest.catalogue import CATALOGUE_LIMIT_BYTES, catalogue_bytes
from actors.shared.manifest.licence import licence_digest
from schemas.bounds import Word
from schemas.manifest import ModelEntry
from schemas.sources import CatalogueEntry, LicenceAcceptance


class _Entry(msgspec.Struct):
    id: Word


class _Addition(msgspec.Struct):
    """As much of an addition as every version can read."""

    entry: _Entry


def with_addition(
    known: Mapping[str, CatalogueEntry], added: Sequence[AddedModel], new: AddedModel
) -> tuple[list[AddedModel], bool]:
    """Return all additions with the new one, and whether anything changed.

    A model from the same source is renewed in its place.

    Args:
        known: the catalogue.
        added: what was added before.
        new: the addition.

    Raises:
        NameRefused: another model has the id, or the catalogue would become too long for the bus.
    """
    former = next((one for one in added if one.entry.id == new.entry.id), None)
    holder = known.get(new.entry.id)
    if holder is not None and holder.source != "added":
        raise _id_taken(new, f"a model of {holder.where}")
    if former is not None and source_of(read_name(former.name)) != source_of(read_name(new.name)):
        raise _id_taken(new, former.pinned)
    if former is not None and former.entry == new.entry:
        return list(added), False
    together = [new if one is former else one for one in added] if former else [*added, new]
    entries = [
        *(one.entry for one in known.values() if one.source != "added"),
        *(one.entry for one in together),
    ]
    size = sum(map(catalogue_bytes, entries))
    if size > CATALOGUE_LIMIT_BYTES:
        raise NameRefused(
            new.name,
            f"the list of models would have {size} bytes, expected at most {CATALOGUE_LIMIT_BYTES}; "
            "withdraw models that are not needed",
        )
    return together, True


def without(added: Sequence[AddedModel], model_id: str) -> list[AddedModel] | None:
    """Return what is left when a model is withdrawn; None if nobody added it."""
    left = [one for one in added if one.entry.id != model_id]
    return left if len(left) < len(added) else None


def is_addition_of(raw: msgspec.Raw, model_id: str) -> bool:
    """Whether an addition that cannot be read is one of this model, so that it can be withdrawn as well."""
    found = fitting(raw, _Addition)
    return found is not None and found.entry.id == model_id


def acceptance_of(entry: ModelEntry, now: float, account: str) -> LicenceAcceptance:
    """Return the record that an account accepted the present licence of an entry."""
    return LicenceAcceptance(
        model_id=entry.id,
        licence=entry.licence,
        revision=entry.revision,
        digest=licence_digest(entry),
        accepted_at=now,
        accepted_by=account,
    )


def _id_taken(new: AddedModel, holder: str) -> NameRefused:
    return NameRefused(new.name, f"the id {new.entry.id!r} is taken by {holder}; choose another with --id")
