"""The documents of the dictation profile: the types of the design, with their limits."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from actors.shared.profile.profile import find_profile, read_profile
from actors.state_store.documents.document_types import document_kinds

PROFILE = read_profile(find_profile("dictation"))
DOCUMENTS: list[type[BaseModel]] = PROFILE.load(PROFILE.documents)
TYPES = {model.__name__: model for model in DOCUMENTS}


@pytest.mark.requirement("S2-4")
def test_the_types_are_those_of_the_design_and_start_empty() -> None:
    names = [
        "MarksData",
        "CommandsData",
        "GridClicksData",
        "AgenticPromptsData",
        "SoundMappingsData",
        "DictationAliasData",
        "AppUserConfigDocument",
    ]
    assert list(TYPES) == names
    kinds = document_kinds(DOCUMENTS)
    assert all(kind.payload(kind.default()) is not None for kind in kinds.values())


def prompt(text: str = "Rewrite it.", name: str = "Tidy") -> dict[str, Any]:
    return {"prompts": [{"id": "p1", "name": name, "prompt": text}], "smart_prompt_id": "p1"}


def alias(alias: str = "addr", text: str = "1 Main Street") -> dict[str, Any]:
    return {"aliases": [{"alias": alias, "text": text}]}


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("MarksData", {"marks": [{"label": "ok button", "x": 10, "y": -20}]}),
        ("CommandsData", {"commands": [{"phrase": "save", "action": "hotkey", "value": "ctrl+s"}]}),
        ("GridClicksData", {"clicks": [{"x": 1, "y": 2, "count": 3, "last_at": 1.5}]}),
        ("AgenticPromptsData", prompt("Zeile 1\nZeile 2\tx" + "p" * 3900, "n" * 200)),
        ("SoundMappingsData", {"mappings": [{"sound": "pop", "phrase": "click"}]}),
        ("DictationAliasData", alias("a" * 100, "t" * 2000)),
        ("AppUserConfigDocument", {"overrides": {"vad.sensitivity": 0.5, "ui.list": [1, None, {"a": True}]}}),
    ],
)
def test_what_fits_comes_back_as_it_was(type_name: str, value: dict[str, Any]) -> None:
    kind = document_kinds(DOCUMENTS)[type_name]
    instance = kind.instance(value)
    payload = kind.payload(instance)
    assert kind.instance(payload) == instance
    for name, given in value.items():
        if isinstance(given, list):
            assert [
                {key: found[key] for key in part} for found, part in zip(payload[name], given, strict=True)
            ] == given
        else:
            assert payload[name] == given


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("AgenticPromptsData", prompt("p" * 4001)),
        ("AgenticPromptsData", prompt(name="n" * 201)),
        ("AgenticPromptsData", prompt(name="")),
        ("AgenticPromptsData", prompt("a\x00b")),
        ("AgenticPromptsData", {**prompt(), "smart_prompt_id": "gone"}),
        ("AgenticPromptsData", {**prompt(), "amend_prompt_id": "p1"}),
        ("DictationAliasData", alias("a" * 101)),
        ("DictationAliasData", alias(text="t" * 2001)),
        ("DictationAliasData", alias("a\nb")),
        ("DictationAliasData", alias(text="a\tb")),
        ("DictationAliasData", alias("")),
        ("DictationAliasData", {"aliases": [*alias("A")["aliases"], *alias("a")["aliases"]]}),
        ("MarksData", {"marks": [{"label": "a", "x": 1.5, "y": 0}]}),
        ("MarksData", {"marks": [{"label": "a", "x": 1, "y": 0}, {"label": "A", "x": 2, "y": 0}]}),
        ("MarksData", {"markers": []}),
        ("CommandsData", {"commands": [{"phrase": "x", "action": "shell", "value": "rm"}]}),
        ("SoundMappingsData", {"mappings": [{"sound": "pop", "phrase": "a\x07"}]}),
        ("GridClicksData", {"clicks": [{"x": 1, "y": 2, "count": 0}]}),
        ("AppUserConfigDocument", {"overrides": {"no path!": 1}}),
    ],
)
def test_what_is_too_long_or_holds_control_characters_or_is_not_known_is_refused(
    type_name: str, value: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        TYPES[type_name].model_validate(value)


@pytest.mark.requirement("S3-23")
def test_conversations_are_encrypted_by_policy() -> None:
    (history,) = (namespace for namespace in PROFILE.state_namespaces if namespace.name == "history")
    assert history.encrypt
