"""One look at the disk finds everything of a model, whether one model is looked at or many."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from actors.model_downloader.registry.model_on_disk import LIST_FROM_MODELS, NOTHING_ON_DISK, read_models
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import record_of, write_record
from actors.shared.places.rooted_place import RootedPlace
from schemas.manifest import FilePromise, ModelEntry

FILE = FilePromise(path="f", size_bytes=10, sha256="0" * 64, urls=["https://models.example/f"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[FILE])


def entries(count: int) -> list[ModelEntry]:
    others = [msgspec.structs.replace(ENTRY, id=f"other{number}") for number in range(count - 1)]
    return [ENTRY, *others]


@pytest.mark.parametrize("count", [1, LIST_FROM_MODELS])
def test_everything_of_a_model_is_found(tmp_path: Path, count: int) -> None:
    layout = ModelsLayout(tmp_path)
    record = record_of(ENTRY, {}, 1)
    for place in (layout.installed("m"), layout.former("m"), layout.damaged("m")):
        place.mkdir()
        write_record(place, record)
    (layout.installed("m").path / "f").write_bytes(b"x" * 10)
    journal = layout.open_staging(ENTRY)
    found = read_models(layout, entries(count))
    assert [known for known, on_disk in found.items() if on_disk != NOTHING_ON_DISK] == ["m"]
    model = found["m"]
    assert (model.is_active, model.is_whole, model.has_former, model.has_damaged) == (True, True, True, True)
    assert (model.record, model.former, model.partial) == (record, record, journal.state)
    assert model.is_wanted


def test_file_that_has_another_length_makes_a_model_incomplete(tmp_path: Path) -> None:
    layout = ModelsLayout(tmp_path)
    layout.installed("m").mkdir()
    (layout.installed("m").path / "f").write_bytes(b"short")
    found = read_models(layout, [ENTRY])["m"]
    assert (found.is_active, found.is_whole) == (True, False)


def test_wish_that_was_withdrawn_or_paused_does_not_go_on_by_itself(tmp_path: Path) -> None:
    layout = ModelsLayout(tmp_path)
    journal = layout.open_staging(ENTRY)
    journal.change(paused=True)
    journal.save()
    paused = read_models(layout, [ENTRY])["m"]
    assert (paused.is_wanted, paused.is_kept) == (False, True)
    journal.change(wanted=False)
    journal.save()
    withdrawn = read_models(layout, [ENTRY])["m"]
    assert (withdrawn.is_wanted, withdrawn.is_kept) == (False, False)
    (layout.staging("m") / "journal.json").unlink()
    assert read_models(layout, [ENTRY])["m"].is_wanted, "a wish whose journal was lost"


def test_files_and_links_with_the_name_of_a_model_are_none(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"")
    assert read_models(ModelsLayout(tmp_path), [ENTRY]) == {"m": NOTHING_ON_DISK}
    assert read_models(ModelsLayout(tmp_path / "absent"), entries(9))["m"] == NOTHING_ON_DISK


def test_directory_is_listed_once_for_many_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[object] = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or real(path))
    looked = []
    is_dir = RootedPlace.is_dir
    monkeypatch.setattr(RootedPlace, "is_dir", lambda place: looked.append(str(place)) or is_dir(place))
    (tmp_path / "other3").mkdir()
    read_models(ModelsLayout(tmp_path), entries(50))
    assert len(listed) == 1
    assert looked == [str(tmp_path / "other3")]
