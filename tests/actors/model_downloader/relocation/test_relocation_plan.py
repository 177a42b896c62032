"""What a move would bring over is told before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.model_downloader.relocation.relocation import RelocationFailed
from actors.model_downloader.relocation.relocation_plan import begun, weigh
from actors.model_downloader.staging.models_layout import ModelsLayout
from schemas.manifest import FilePromise, ModelEntry
from schemas.paths import ModelsRelocateRequestEvent, PathAction


def entry(model_id: str) -> ModelEntry:
    promise = FilePromise(
        path="model.bin", size_bytes=3, sha256="0" * 64, urls=["https://example.org/model.bin"]
    )
    return ModelEntry(id=model_id, name=model_id, category="stt", licence="MIT", files=[promise])


ENTRIES = {model_id: entry(model_id) for model_id in ("base", "tiny")}


def ask(target: Path, action: PathAction = "move") -> ModelsRelocateRequestEvent:
    return ModelsRelocateRequestEvent(target=str(target), action=action, category="models", path=str(target))


def put(root: Path, name: str) -> None:
    (root / name).mkdir(parents=True)
    (root / name / "model.bin").write_bytes(b"abc")


def test_what_is_there_is_moved_and_what_lies_at_the_target_in_full_length_is_adopted(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    put(old, "base")
    put(old, "tiny")
    put(new, "tiny")
    found = weigh(ModelsLayout(old), ENTRIES, ask(new))
    assert (found.moved_models, found.adopted_models, found.copy_bytes) == (["base"], ["tiny"], 0)
    assert weigh(ModelsLayout(old), ENTRIES, ask(new, "adopt")).moved_models == []
    assert weigh(ModelsLayout(old), ENTRIES, ask(new, "anew")).adopted_models == []


def test_a_target_that_is_not_there_yet_is_weighed_all_the_same(tmp_path: Path) -> None:
    put(tmp_path / "old", "base")
    assert weigh(ModelsLayout(tmp_path / "old"), ENTRIES, ask(tmp_path / "a" / "b")).moved_models == ["base"]


@pytest.mark.parametrize("target", ["old", "old/below", "."])
def test_a_target_in_or_around_the_source_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(RelocationFailed, match="inside, or around"):
        weigh(ModelsLayout(tmp_path / "old"), ENTRIES, ask(tmp_path / target))


def test_a_link_to_the_source_is_the_source(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "link").symlink_to("old")
    with pytest.raises(RelocationFailed):
        weigh(ModelsLayout(tmp_path / "old"), ENTRIES, ask(tmp_path / "link"))


def test_wishes_are_in_the_journal(tmp_path: Path) -> None:
    put(tmp_path / "old", "base.partial")
    put(tmp_path / "old", "stranger.partial")
    journal = begun(ModelsLayout(tmp_path / "old"), ENTRIES, ask(tmp_path / "new", "anew"))
    assert (journal.wishes, journal.source, journal.target) == (
        ["base"],
        str(tmp_path / "old"),
        str(tmp_path / "new"),
    )
    assert journal.move_id
