"""Whatever a source calls its things, the entry has an id that every platform can hold, and plain words."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.model_sources.errors import NameRefused
from actors.model_sources.sources.entry_builder import category_of, make_entry, model_id_of, plain_text
from actors.shared.manifest.manifest_paths import id_problem
from schemas.manifest import FilePromise, ModelId

PROMISE = FilePromise(path="a.bin", size_bytes=1, sha256="0" * 64, urls=["https://models.example/a.bin"])


@pytest.mark.parametrize(
    ("parts", "model_id"),
    [
        (("sub/Qwen2.5-0.5B-Instruct-Q4_K_M.gguf",), "qwen2.5-0.5b-instruct-q4_k_m"),
        (("library/qwen2.5", "0.5b"), "qwen2.5-0.5b"),
        (("ggml-tiny.bin",), "ggml-tiny"),
        (("a.partial",), "a"),
        (("con",), "model-con"),
        (("\u6a21\u578b",), "model"),
        (("...",), "model"),
    ],
)
def test_an_id_is_made_of_the_words_of_a_name(parts: tuple[str, ...], model_id: str) -> None:
    assert model_id_of(*parts) == model_id


@given(st.lists(st.text(max_size=120), max_size=3))
@example(["con.damaged"])
@example(["a.partial.partial", ""])
@example(["x" * 99 + "-.y"])
def test_any_words_give_an_id(parts: list[str]) -> None:
    found = model_id_of(*parts)
    assert msgspec.convert(found, ModelId) == found
    assert id_problem(found) is None


def test_the_category_comes_from_the_task_else_from_the_files() -> None:
    assert category_of("automatic-speech-recognition", []) == "stt"
    assert category_of("sentence-similarity", ["a.gguf"]) == "embedding"
    assert category_of("", ["a.GGUF"]) == "llm"
    assert category_of("", ["a.onnx"]) == "other"


def test_words_of_a_source_are_plain() -> None:
    entry = make_entry(
        "hf:a/b",
        [PROMISE],
        model_id="a",
        title="T\x1b[2Jiny\n \u202ename",
        category="",
        licence="\x07",
        licence_url="javascript:alert(1)",
    )
    assert (entry.name, entry.category, entry.licence, entry.licence_url) == (
        "T [2Jiny name",
        "other",
        "unknown",
        "",
    )
    assert len(plain_text("x" * 10_000)) == 200


@pytest.mark.parametrize("model_id", ["", "A", "a/b", "..", "con", "a.partial"])
def test_an_id_that_a_person_chose_badly_is_refused(model_id: str) -> None:
    with pytest.raises(NameRefused, match="hf:a/b"):
        make_entry("hf:a/b", [PROMISE], model_id=model_id, title="", category="")


def test_a_path_that_leaves_is_refused() -> None:
    with pytest.raises(NameRefused, match=r"\.\./a"):
        make_entry(
            "hf:a/b", [msgspec.structs.replace(PROMISE, path="../a")], model_id="a", title="", category=""
        )
