"""From what a source says to a manifest entry: its id, its name, its category, its files. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from actors.model_sources.errors import NameRefused
from actors.shared.manifest import check_entry
from actors.shared.manifest.manifest_paths import RESERVED_SUFFIXES, id_problem
from schemas.manifest import FilePromise, ModelEntry, ModelId

UNKNOWN_LICENCE: Final = "unknown"
ID_LIMIT: Final = 100
TEXT_LIMIT: Final = 200
TASKS: Final = {
    "automatic-speech-recognition": "stt",
    "text-generation": "llm",
    "text2text-generation": "llm",
    "image-text-to-text": "llm",
    "text-to-speech": "tts",
    "text-to-audio": "tts",
    "voice-activity-detection": "vad",
    "feature-extraction": "embedding",
    "sentence-similarity": "embedding",
}
"""Tasks as the hub names them, and the category that each stands for."""
OTHER: Final = "other"

_DULL_ENDING = re.compile(r"\.(?:gguf|ggml|bin|onnx|safetensors|pt|pth|zip|tar|gz|json)$", re.IGNORECASE)


def model_id_of(*parts: str) -> str:
    """A valid id made of words, such as the name of a repository and a tag."""
    words = "-".join(_DULL_ENDING.sub("", part.rpartition("/")[2]) for part in parts if part).lower()
    plain = re.sub(r"[^a-z0-9._-]+", "-", words)[:ID_LIMIT].strip("._-")
    while plain.endswith(RESERVED_SUFFIXES):
        plain = plain.rpartition(".")[0].strip("._-")
    return plain if plain and not id_problem(plain) else f"model-{plain}".strip("._-")[:ID_LIMIT]


def category_of(task: str, paths: Iterable[str]) -> str:
    """What a model is for, by the task that its source names, else by its files."""
    if task in TASKS:
        return TASKS[task]
    return "llm" if any(path.lower().endswith(".gguf") for path in paths) else OTHER


def make_entry(
    name: str,
    files: list[FilePromise],
    *,
    model_id: str,
    title: str,
    category: str,
    licence: str = "",
    licence_url: str = "",
    accept_licence: bool = False,
    revision: str = "",
) -> ModelEntry:
    """Put an entry together and check it; `name` is named in errors.

    Raises:
        NameRefused: the id that a person chose is none, or a path or URL of the source is not safe.
    """
    try:
        msgspec.convert(model_id, ModelId)
        entry = ModelEntry(
            id=model_id,
            name=plain_text(title) or model_id,
            category=plain_text(category) or OTHER,
            licence=plain_text(licence) or UNKNOWN_LICENCE,
            licence_url=licence_url
            if licence_url.startswith(("https://", "http://")) and len(licence_url) <= 2000
            else "",
            accept_licence=accept_licence,
            revision=revision[:100],
            files=files,
        )
        entry = msgspec.convert(msgspec.to_builtins(entry), ModelEntry)
    except msgspec.ValidationError as error:
        raise NameRefused(
            name, f"cannot be a model: {error}; an id has lower-case letters, digits, '.', '_' and '-'"
        ) from error
    if problems := check_entry(entry, from_person=True):
        raise NameRefused(name, f"cannot be a model: {'; '.join(problems)}")
    return entry


def plain_text(text: str) -> str:
    """Text of a source on one line, without signs that a terminal would obey."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[: TEXT_LIMIT * 4]).split())[
        :TEXT_LIMIT
    ]
