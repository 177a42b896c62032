"""What was bundled comes first, what is signed renews it, what a person added takes no id from either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.manifest import catalogue
from actors.shared.manifest.catalogue import AddedModel, DeclaredManifest, load_bundled, merge
from schemas.manifest import FilePromise, Manifest, ModelEntry

PROMISE = FilePromise(path="a.bin", size_bytes=1, sha256="0" * 64, urls=["https://models.example/a.bin"])


def entry(model_id: str, **more: Any) -> ModelEntry:
    return ModelEntry(
        id=model_id, name=model_id.title(), category="stt", licence="MIT", files=[PROMISE], **more
    )


def declared(where: str, *entries: ModelEntry) -> DeclaredManifest:
    return DeclaredManifest(where, Manifest(format=1, models=list(entries)))


def added(model_id: str, **more: Any) -> AddedModel:
    return AddedModel(
        name=f"hf:org/{model_id}", pinned=f"hf:org/{model_id}@1", entry=entry(model_id, **more), added_at=1.0
    )


@pytest.mark.requirement("S1-34")
def test_the_bundled_models_come_first_and_others_after_them() -> None:
    found = merge(
        [declared("own.json", entry("b")), declared("more.json", entry("c"))],
        declared("https://m", entry("d")),
        [added("a")],
    )
    assert [(model, known.source, known.where) for model, known in found.models.items()] == [
        ("b", "bundled", "own.json"),
        ("c", "bundled", "more.json"),
        ("d", "remote", "https://m"),
        ("a", "added", "hf:org/a@1"),
    ]
    assert found.problems == ()


def test_the_remote_manifest_renews_a_bundled_model() -> None:
    found = merge(
        [declared("own.json", entry("a", revision="1"))], declared("https://m", entry("a", revision="2"))
    )
    assert found.models["a"].entry.revision == "2"
    assert found.models["a"].source == "remote"


@pytest.mark.requirement("S1-35")
def test_a_renewal_that_needs_a_newer_runtime_leaves_the_bundled_model_in_force() -> None:
    found = merge(
        [declared("own.json", entry("a", revision="1"))],
        declared("https://m", entry("a", revision="2", minimum_runtime="9.0.0")),
        version="1.0.0",
    )
    assert found.models["a"].entry.revision == "1"
    assert found.problems == (
        "https://m: a: it needs Undercroft 9.0.0 or newer, this is 1.0.0; it is left out",
    )


def test_an_id_that_is_taken_stays_with_whom_it_was_and_that_is_told() -> None:
    found = merge(
        [declared("own.json", entry("a")), declared("more.json", entry("a", revision="2"))],
        None,
        [added("a")],
    )
    assert found.models["a"].where == "own.json"
    assert [problem.partition(":")[0] for problem in found.problems] == ["more.json", "hf"]


def test_an_added_entry_that_is_not_safe_is_left_out() -> None:
    bad = msgspec.structs.replace(
        added("a"),
        entry=msgspec.structs.replace(entry("a"), files=[msgspec.structs.replace(PROMISE, path="../a")]),
    )
    found = merge([], None, [bad])
    assert not found.models
    assert "../a" in found.problems[0]


def test_one_bad_manifest_leaves_the_others_in_force(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(msgspec.json.encode(Manifest(format=1, models=[entry("a")])))
    bad.write_bytes(b"{")
    found, refused = load_bundled([bad, good, tmp_path / "missing.json"])
    assert [one.where for one in found] == [str(good)]
    assert [error.source for error in refused] == [str(bad), str(tmp_path / "missing.json")]


@given(
    st.lists(st.lists(st.sampled_from("abcdef"), unique=True), max_size=4),
    st.lists(st.sampled_from("abcdef"), unique=True),
)
def test_every_declared_id_is_in_force_once_whatever_the_order(
    files: list[list[str]], names: list[str]
) -> None:
    bundled = [declared(str(at), *(entry(name) for name in ids)) for at, ids in enumerate(files)]
    found = merge(bundled, None, [added(name) for name in names])
    assert set(found.models) == {name for ids in files for name in ids} | set(names)
    assert len(found.models) + len(found.problems) == sum(map(len, files)) + len(names)


def test_a_catalogue_that_no_event_can_hold_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE_LIMIT_BYTES", 5 * 1300)
    many = [entry(f"m{number}") for number in range(200)]
    found = merge([declared("here", *many)])
    kept = len(found.models)
    assert list(found.models) == [f"m{number}" for number in range(kept)]
    assert 3 <= kept <= 5
    assert found.problems[0] == f"here: m{kept}: the list of models is full; this one is left out"
    assert found.problems[-1] == f"{200 - kept - 100} other models are left out"
    renewed = merge([declared("here", *many[:kept])], declared("there", *many[:kept]))
    assert (len(renewed.models), renewed.problems) == (kept, ())
