"""What a move would bring over is known before it begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.model_downloader.relocation.relocation_plan import (
    RelocationFailed,
    first_journal,
    plan_relocation,
)
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
    found = plan_relocation(old, ENTRIES, ask(new))
    assert (found.moved_models, found.adopted_models, found.copy_bytes) == (["base"], ["tiny"], 0)
    assert plan_relocation(old, ENTRIES, ask(new, "adopt")).moved_models == []
    assert plan_relocation(old, ENTRIES, ask(new, "anew")).adopted_models == []


def test_a_target_that_is_not_there_yet_is_planned_all_the_same(tmp_path: Path) -> None:
    put(tmp_path / "old", "base")
    assert plan_relocation(tmp_path / "old", ENTRIES, ask(tmp_path / "a" / "b")).moved_models == ["base"]


@pytest.mark.parametrize("target", ["old", "old/below", "."])
def test_a_target_in_or_around_the_source_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(RelocationFailed, match="inside, or around"):
        plan_relocation(tmp_path / "old", ENTRIES, ask(tmp_path / target))


def test_a_link_to_the_source_is_the_source(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "link").symlink_to("old")
    with pytest.raises(RelocationFailed):
        plan_relocation(tmp_path / "old", ENTRIES, ask(tmp_path / "link"))


def test_old_place_that_does_not_answer_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, looked = tmp_path / "old", tmp_path / "new", list[Path]()
    put(old, "base")
    put(new, "tiny")
    real = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path: looked.append(path) or real(path))
    found = plan_relocation(old, ENTRIES, ask(new, "adopt"), source_answers=False)
    assert found.adopted_models == ["tiny"]
    assert looked == [new]
    with pytest.raises(RelocationFailed):
        plan_relocation(old, ENTRIES, ask(old / "below", "anew"), source_answers=False)


def test_wishes_are_in_the_journal(tmp_path: Path) -> None:
    journal = first_journal(tmp_path / "old", ["base"], ask(tmp_path / "new", "anew"))
    assert (journal.wishes, journal.source, journal.target) == (
        ["base"],
        str(tmp_path / "old"),
        str(tmp_path / "new"),
    )
    assert journal.move_id
