"""Where models stand: on disk, and by what the catalogue says of them and of their licences."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from actors.model_downloader.downloader_context import World
from actors.model_downloader.model_registry import ModelRegistry
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.manifest.licence import licence_digest
from bus.errors import Refused
from schemas.event import Event
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent
from schemas.sources import CatalogueEntry, LicenceAcceptance, ModelCatalogueChangedEvent

FILE = FilePromise(path="f", size_bytes=10, sha256="0" * 64, urls=["https://models.example/f"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[FILE])
GATED = msgspec.structs.replace(ENTRY, id="gated", accept_licence=True)


async def publish(event: Event) -> None:
    """Nobody listens."""


async def verify(request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
    raise AssertionError("nobody asks")


def standings(root: Path, *entries: ModelEntry) -> ModelRegistry:
    return ModelRegistry(
        Manifest(format=1, models=list(entries)), ModelsLayout(root), World(publish=publish, verify=verify)
    )


def catalogue(
    *entries: ModelEntry, accepted: list[LicenceAcceptance] | None = None
) -> ModelCatalogueChangedEvent:
    models = [CatalogueEntry(entry=entry, source="bundled", where="a test") for entry in entries]
    return ModelCatalogueChangedEvent(models=models, accepted=accepted or [], revision=1, reason="start")


def test_what_lies_on_disk_says_where_a_model_stands(tmp_path: Path) -> None:
    known, root = standings(tmp_path, ENTRY), ModelsLayout(tmp_path)
    assert known.status(ENTRY).state == "absent"
    book = root.open_staging(ENTRY)
    assert known.status(ENTRY).state == "partial"
    book.change(paused=True)
    book.save()
    assert known.status(ENTRY).state == "paused"
    root.drop_staging("m")
    (tmp_path / "m").mkdir()
    assert (known.status(ENTRY).state, known.status(ENTRY).problem_kind) == ("damaged", "damaged")
    (tmp_path / "m" / "f").write_bytes(b"x" * 10)
    assert known.status(ENTRY).state == "installed"
    assert known.is_up_to_date(ENTRY)


def test_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no model 'other'"):
        standings(tmp_path, ENTRY).entry("other")


def test_catalogue_brings_new_models_and_takes_away_those_it_names_no_more(tmp_path: Path) -> None:
    known = standings(tmp_path, ENTRY)
    assert known.learn(catalogue(ENTRY)) == []
    assert known.learn(catalogue(ENTRY, GATED)) == [GATED]
    other = msgspec.structs.replace(ENTRY, revision="2")
    assert known.learn(catalogue(other)) == [other]
    assert list(known.entries) == ["m"]


def test_licence_is_due_until_exactly_it_was_accepted(tmp_path: Path) -> None:
    known = standings(tmp_path, GATED)
    assert known.status(GATED).licence_due
    assert not known.licence_due(ENTRY)

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
        known.learn(catalogue(GATED, accepted=accepted(msgspec.structs.replace(GATED, licence="another"))))
        == []
    )
    assert known.licence_due(GATED)
    assert known.learn(catalogue(GATED, accepted=accepted(GATED))) == [GATED], "it can be fetched now"
    assert not known.status(GATED).licence_due
