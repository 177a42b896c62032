"""What a profile may declare as types of documents, and which instances can be shared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from actors.shared.profile.profile import read_profile
from actors.state_store.documents.document_types import (
    document_kinds,
    frozen,
    is_frozen,
    kinds_of_profile,
    thawed,
)
from actors.state_store.errors import DeclarationRefused
from tests.support.profiles import write_profile

FROZEN = ConfigDict(frozen=True)


class Inner(BaseModel):
    model_config = FROZEN
    n: int = 0


class Fixed(BaseModel):
    model_config = FROZEN
    names: tuple[str, ...] = ()
    inner: Inner = Inner()
    mode: Literal["a", "b"] = "a"
    note: str | None = None
    other: Optional[int] = None  # noqa: UP045  # both spellings


class Open(BaseModel):
    names: tuple[str, ...] = ()


class WithList(BaseModel):
    model_config = FROZEN
    names: list[str] = []


class WithOpen(BaseModel):
    model_config = FROZEN
    inner: Open = Open()


@pytest.mark.requirement("S2-7")
@pytest.mark.parametrize(
    ("model", "fixed"), [(Inner, True), (Fixed, True), (Open, False), (WithList, False), (WithOpen, False)]
)
def test_only_what_cannot_be_changed_at_any_depth_is_shared(model: type[BaseModel], fixed: bool) -> None:
    assert is_frozen(model) is fixed
    (kind,) = document_kinds([model]).values()
    instance = kind.default()
    assert (kind.handed_out(instance) is instance) is fixed


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_frozen_and_thawed_is_the_same(value: Any) -> None:
    assert thawed(frozen(value)) == value


def needy() -> type[BaseModel]:
    class Needy(BaseModel):
        n: int

    return Needy


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ([needy()], "expected defaults"),
        ([Inner, Inner], "declared twice"),
        ({"inner": {"type": "object"}, "INNER": {"type": "object"}}, "different case"),
        ({"Con": {"type": "object"}}, "every platform"),
        ({"../x": {"type": "object"}}, "every platform"),
        ([7], "expected pydantic models"),
        (7, "a list or a mapping"),
        ({"A": {"type": 7}}, "expected JSON Schema"),
        ({"A": {"required": ["n"]}}, "expected defaults"),
    ],
)
def test_what_is_no_type_is_refused(declared: Any, words: str) -> None:
    with pytest.raises(DeclarationRefused, match=words):
        document_kinds(declared)


def test_nothing_declared_is_nothing_known() -> None:
    assert document_kinds([]) == {}


def test_documents_of_an_app_without_python_are_json_schema(tmp_path: Path) -> None:
    top = {"documents": "documents.json"}
    schema = {"type": "object", "properties": {"items": {"type": "array", "default": []}}}
    files = {"documents.json": json.dumps({"TodoData": schema})}
    found = kinds_of_profile(read_profile(write_profile(tmp_path, top=top, modules=files)))
    assert found["TodoData"].instance({"items": ["a"]})["items"] == ("a",)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"A": 1}', '{"A":' * 100_000])
def test_a_file_of_documents_that_is_none_is_refused(content: str | None, tmp_path: Path) -> None:
    files = {} if content is None else {"documents.json": content}
    profile = read_profile(write_profile(tmp_path, top={"documents": "documents.json"}, modules=files))
    with pytest.raises(DeclarationRefused, match="documents"):
        kinds_of_profile(profile)
