"""What is wrong with models and modes of a profile: manifests, sources, categories, wording."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.cli.profile_check.mistake import Mistake, at
from actors.readiness.wording import DIRECTORY, FALLBACK_LOCALE, problems_of, read_table
from actors.shared.manifest import ManifestRefused, check_manifest, load_bundled, merge, url_problem
from actors.shared.manifest.manifest_signature import KEY_BYTES
from actors.shared.profile.field_words import value_at_option
from actors.shared.profile.profile import BUNDLED_DIRECTORY, Profile, words_and_option
from schemas.manifest import Manifest, ModelEntry

MODELS_PAGE: Final = "docs/models.md has all fields of a manifest"
_PATTERN: Final = re.compile(r" matching regex '.*'", re.DOTALL)


def model_mistakes(profile: Profile) -> Iterator[Mistake]:
    """Everything that is wrong with them."""
    declared, refused = load_bundled(file for file in profile.manifests if file.is_file())
    for file in profile.manifests:
        if not file.is_file():
            cure = "create it, or correct 'models'"
            if file.is_relative_to(BUNDLED_DIRECTORY):
                cure = "name a bundled profile that has models: 'bundled:dictation'"
            yield at(profile.file, "models", f"there is no file {file}", cure)
    for error in refused:
        yield from _of_manifest(error)
    catalogue = merge(declared)
    for problem in catalogue.problems:
        where, _, words = problem.partition(": ")
        cure = "give each model an id of its own, or update Undercroft"
        yield at(where, "models", words, cure, blocks=False)
    yield from _source_mistakes(profile)
    known = {model_id: one.entry.category for model_id, one in catalogue.models.items()}
    if not profile.manifest.url and not refused:
        yield from _category_mistakes(profile, known)
    yield from _wording_mistakes(profile)


def _of_manifest(error: ManifestRefused) -> Iterator[Mistake]:
    """Every wrong entry, where the file is JSON at all; otherwise what the reader said."""
    try:
        content = msgspec.json.decode(Path(error.source).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = None
    found = list(_wrong_entries(content)) if isinstance(content, dict) else []
    for place, problem in found or [("", problem) for problem in error.problems]:
        words, option = words_and_option(problem)
        place = ".".join(part for part in (place, option) if part)
        words = _PATTERN.sub(" of another form", words)
        if value := value_at_option(content, place) if option else None:
            words += f": {value!r}"
        yield at(error.source, place, words, MODELS_PAGE)


def _wrong_entries(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Place and problem of each entry that is wrong by itself, and of what is around the entries."""
    models = content.get("models")
    entries = []
    for number, entry in enumerate(models if isinstance(models, list) else []):
        try:
            entries.append(msgspec.convert(entry, ModelEntry))
        except msgspec.ValidationError as error:
            yield f"models[{number}]", str(error)
    try:
        around = msgspec.convert({**content, "models": []} if isinstance(models, list) else content, Manifest)
    except msgspec.ValidationError as error:
        yield "", str(error)
        return
    for problem in check_manifest(msgspec.structs.replace(around, models=entries)):
        yield "", problem


def _source_mistakes(profile: Profile) -> Iterator[Mistake]:
    for name in ("hf", "ollama"):
        url = getattr(profile.sources, name)
        if url and (problem := url_problem(url)):
            words = f"{url!r}: {problem}"
            yield at(profile.file, f"sources.{name}", words, "write the address of a server, 'https://...'")
    for number, key in enumerate(profile.manifest.keys):
        try:
            is_key = len(base64.b64decode(key, validate=True)) == KEY_BYTES
        except (binascii.Error, ValueError):
            is_key = False
        if not is_key:
            problem = f"expected an Ed25519 public key, {KEY_BYTES} bytes in base64, found something else"
            yield at(profile.file, f"manifest.keys[{number}]", problem, "copy the key of the publisher anew")


def _category_mistakes(profile: Profile, known: dict[str, str]) -> Iterator[Mistake]:
    listed = ", ".join(known) or "none"
    for category, table in profile.readiness.categories.items():
        if table.model and table.model not in known:
            problem = f"there is no model {table.model!r}; the manifests have {listed}"
            place = f"readiness.categories.{category}.model"
            cure = "correct it, or add the model to models.json"
            yield at(profile.file, place, problem, cure, blocks=False)


def _wording_mistakes(profile: Profile) -> Iterator[Mistake]:
    reference = read_table(DIRECTORY / f"{FALLBACK_LOCALE}.toml") if profile.wording else {}
    for locale, texts in profile.wording.items():
        for problem in problems_of(texts, reference):
            cure = "actors/readiness/locales/en.toml has all keys and their placeholders"
            yield at(profile.file, f"wording.{locale}", problem, cure)
