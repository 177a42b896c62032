"""The catalogue replaces the manifest, and a licence is due until exactly it was accepted."""

from __future__ import annotations

import msgspec
import pytest

from actors.model_downloader.registry.model_catalogue import ModelCatalogue
from actors.shared.manifest.licence import licence_digest
from bus.errors import Refused
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.sources import CatalogueEntry, LicenceAcceptance, ModelCatalogueChangedEvent

FILE = FilePromise(path="f", size_bytes=10, sha256="0" * 64, urls=["https://models.example/f"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[FILE])
GATED = msgspec.structs.replace(ENTRY, id="gated", accept_licence=True)


def catalogue_of(*entries: ModelEntry) -> ModelCatalogue:
    return ModelCatalogue(Manifest(format=1, models=list(entries)))


def nothing_runs(model_id: str) -> bool:
    return False


def changed(
    *entries: ModelEntry, accepted: list[LicenceAcceptance] | None = None
) -> ModelCatalogueChangedEvent:
    models = [CatalogueEntry(entry=entry, source="bundled", where="a test") for entry in entries]
    return ModelCatalogueChangedEvent(models=models, accepted=accepted or [], revision=1, reason="start")


def test_unknown_model_is_refused() -> None:
    with pytest.raises(Refused, match="no model 'other'"):
        catalogue_of(ENTRY).entry("other")


def test_catalogue_brings_new_models_and_takes_away_those_it_names_no_more() -> None:
    known = catalogue_of(ENTRY)
    assert known.learn(changed(ENTRY), nothing_runs) == []
    assert known.learn(changed(ENTRY, GATED), nothing_runs) == [GATED]
    other = msgspec.structs.replace(ENTRY, revision="2")
    assert known.learn(changed(other), nothing_runs) == [other]
    assert list(known.entries) == ["m"]


def test_licence_is_due_until_exactly_it_was_accepted() -> None:
    known = catalogue_of(GATED)
    assert known.is_licence_due(GATED)
    assert not known.is_licence_due(ENTRY)

    def accepted(entry: ModelEntry) -> list[LicenceAcceptance]:
        digest = licence_digest(entry)
        return [
            LicenceAcceptance(
                model_id=entry.id,
                licence=entry.licence,
                revision="",
                digest=digest,
                accepted_at=0.0,
                accepted_by="x",
            )
        ]

    assert (
        known.learn(
            changed(GATED, accepted=accepted(msgspec.structs.replace(GATED, licence="another"))),
            nothing_runs,
        )
        == []
    )
    assert known.is_licence_due(GATED)
    assert known.learn(changed(GATED, accepted=accepted(GATED)), nothing_runs) == [GATED], (
        "it can be fetched now"
    )
    assert not known.is_licence_due(GATED)


def test_model_that_is_being_installed_is_known_until_that_is_over() -> None:
    known = catalogue_of(ENTRY)
    known.learn(changed(GATED), lambda model_id: model_id == "m")
    assert sorted(known.entries) == ["gated", "m"]
    known.learn(changed(GATED), nothing_runs)
    assert sorted(known.entries) == ["gated"]
