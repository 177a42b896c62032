"""Builds manifest entries from what a source says: id, name, category, files. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from actors.model_sources.errors import NameRefused
from actors.shared.http.urls import url_problem
from actors.shared.manifest import check_entry
from actors.shared.manifest.manifest_paths import RESERVED_SUFFIXES, id_problem
from schemas.manifest import FilePromise, ModelEntry, ModelId

UNKNOWN_LICENCE: Final = "unknown"
ID_LIMIT: Final = 100
TEXT_LIMIT: Final = 200
URL_LIMIT: Final = 2000
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
"""Category for each task of the hub."""
LINES_SHOWN: Final = 100
OTHER: Final = "other"

_FILE_SUFFIX: Final = re.compile(
    r"\.(?:gguf|ggml|bin|onnx|safetensors|pt|pth|zip|tar|gz|json)$", re.IGNORECASE
)


def model_id_of(*parts: str) -> str:
    """Return a valid id made of words, such as the name of a repository and a tag."""
    words = "-".join(_FILE_SUFFIX.sub("", part.rpartition("/")[2]) for part in parts if part).lower()
    plain = re.sub(r"[^a-z0-9._-]+", "-", words)[:ID_LIMIT].strip("._-")
    while plain.endswith(RESERVED_SUFFIXES):
        plain = plain.rpartition(".")[0].strip("._-")
    return plain if plain and not id_problem(plain) else f"model-{plain}".strip("._-")[:ID_LIMIT]


def category_of(task: str, paths: Iterable[str]) -> str:
    """Return the category of a model: by the task that its source names, else by its files."""
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
    """Build an entry and check it.

    Args:
        name: is named in errors; the other arguments are fields of the entry.
        files: with their sizes, digests and URLs.
        model_id: `id` of the entry.
        title: `name` of the entry.
        category: what the model is for.
        licence: empty if unknown.
        licence_url: is dropped unless it is one of the web.
        accept_licence: whether the licence must be accepted first.
        revision: what the files are pinned to.

    Raises:
        NameRefused: the id is invalid, or a path or URL of the source is not safe.
    """
    is_web_url = url_problem(licence_url) is None and len(licence_url) <= URL_LIMIT
    try:
        msgspec.convert(model_id, ModelId)
        entry = ModelEntry(
            id=model_id,
            name=plain_text(title) or model_id,
            category=plain_text(category) or OTHER,
            licence=plain_text(licence) or UNKNOWN_LICENCE,
            licence_url=licence_url if is_web_url else "",
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


def few_of(lines: list[str]) -> list[str]:
    """As many lines as people read, and how many others there are."""
    others = len(lines) - LINES_SHOWN
    return [*lines[:LINES_SHOWN], f"{others} others"] if others > 0 else lines


def plain_text(text: str) -> str:
    """Return text of a source on one line, without signs that control a terminal."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text[: TEXT_LIMIT * 4])
    return " ".join(printable.split())[:TEXT_LIMIT]
