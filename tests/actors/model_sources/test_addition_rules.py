"""What may join what was added before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.model_sources import addition_rules
from actors.model_sources.addition_rules import acceptance_of, is_addition_of, with_addition, without
from actors.model_sources.errors import NameRefused
from actors.shared.manifest import AddedModel, is_licence_due
from schemas.manifest import FilePromise, ModelEntry
from schemas.sources import CatalogueEntry, EntrySource

PROMISE = FilePromise(path="a.bin", size_bytes=1, sha256="0" * 64, urls=["https://models.example/a.bin"])


def entry(model_id: str = "a", **more: Any) -> ModelEntry:
    return ModelEntry(id=model_id, name="A", category="stt", licence="MIT", files=[PROMISE], **more)


def added(name: str = "hf:org/a", at: float = 1.0, **more: Any) -> AddedModel:
    return AddedModel(name=name, pinned=f"{name}@1", entry=entry(**more), added_at=at)


def known(one: ModelEntry, source: EntrySource = "bundled") -> dict[str, CatalogueEntry]:
    return {one.id: CatalogueEntry(entry=one, source=source, where="models.json")}


def test_a_new_one_comes_last() -> None:
    assert with_addition({}, [added(model_id="b")], added()) == ([added(model_id="b"), added()], True)


def test_the_same_again_changes_nothing() -> None:
    assert with_addition(known(entry(), "added"), [added()], added(at=2.0)) == ([added()], False)


def test_another_revision_of_the_same_source_takes_the_place_of_the_former() -> None:
    newer = added("hf:org/a@v2", revision="2")
    assert with_addition(known(entry(), "added"), [added(), added(model_id="b")], newer) == (
        [newer, added(model_id="b")],
        True,
    )


def test_an_id_that_is_taken_is_refused_with_the_way_out() -> None:
    with pytest.raises(NameRefused, match=r"taken by a model of models\.json; choose another with --id"):
        with_addition(known(entry()), [], added())
    with pytest.raises(NameRefused, match="taken by hf:org/a@1"):
        with_addition(known(entry(), "added"), [added()], added("hf:other/a"))


def test_the_catalogue_has_to_fit_on_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addition_rules, "CATALOGUE_LIMIT_BYTES", 2500)
    together, _ = with_addition({}, [], added())
    with pytest.raises(NameRefused, match="at most 2500"):
        with_addition(known(entry(), "added"), together, added("hf:org/b", model_id="b"))


def test_what_nobody_added_cannot_be_withdrawn() -> None:
    assert without([added()], "a") == []
    assert without([added()], "b") is None


def test_an_acceptance_is_of_the_licence_as_it_reads_now() -> None:
    gated = msgspec.structs.replace(entry(), accept_licence=True)
    acceptance = acceptance_of(gated, 5.0, "me")
    assert (acceptance.accepted_at, acceptance.accepted_by) == (5.0, "me")
    assert not is_licence_due(gated, [acceptance])


def test_an_addition_that_can_not_be_read_still_has_a_name() -> None:
    raw = msgspec.Raw(b'{"entry": {"id": "m", "size": 18446744073709551616}, "later": []}')
    assert is_addition_of(raw, "m")
    assert not is_addition_of(raw, "n")
    for other in (b"{}", b"5", b'{"entry": {"id": 5}}', b'{"entry": "m"}'):
        assert not is_addition_of(msgspec.Raw(other), "m")
