"""Checks by name and size that installed models have all their files, and finds leftovers beside them."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from actors.cli.doctor.problems import ExaminedHome, Problem, error, info, listed, warning
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.directory_tree import tree_bytes
from actors.shared.durable.record_file import UNREADABLE_JSON
from actors.shared.manifest import load_bundled, path_problem
from actors.shared.text import size_text
from schemas.bounds import Count, Many, PlaceText

CHECK: Final = "models"
RECORD_NAME: Final = ".undercroft.json"
RECORD_LIMIT_BYTES: Final = 16 * 1024 * 1024
FILES_LIMIT: Final = 10_000
LEFTOVER_KINDS: Final = {".partial": "partial", ".damaged": "damaged", ".former": "former"}
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")


class _RecordedFile(msgspec.Struct):
    path: PlaceText
    size_bytes: Count


class _Record(msgspec.Struct):
    contents: Many[_RecordedFile]


@dataclass(frozen=True)
class InstalledModelFacts:
    """One installed model.

    Attributes:
        wrong: files that are missing or have another size than promised.
        fault: why its files could not be compared.
    """

    model_id: str
    path: str
    wrong: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class LeftoverDirectoryFacts:
    """A directory beside the models; `kind` is `partial`, `damaged` or `former`."""

    model_id: str
    path: str
    kind: str
    size_bytes: int


@dataclass(frozen=True)
class ModelFacts:
    """Everything below the models directory."""

    models: tuple[InstalledModelFacts, ...] = ()
    leftovers: tuple[LeftoverDirectoryFacts, ...] = ()
    refused_manifests: tuple[str, ...] = ()


def look(home: ExaminedHome) -> ModelFacts:
    """Compare sizes with the record of each model, or with the manifest where there is none."""
    declared, refused = load_bundled(home.profile.manifests) if home.profile else ([], [])
    promised = {
        entry.id: {file.path: file.size_bytes for file in entry.files}
        for found in declared
        for entry in found.manifest.models
    }
    models, leftovers = [], []
    for directory in _directories(home.locations.models):
        kind = LEFTOVER_KINDS.get(directory.suffix, "")
        if kind and _ID.fullmatch(directory.stem):
            size_bytes = tree_bytes(directory)
            leftovers.append(LeftoverDirectoryFacts(directory.stem, str(directory), kind, size_bytes))
        elif _ID.fullmatch(directory.name):
            models.append(_look_at(directory, promised.get(directory.name)))
    return ModelFacts(tuple(models), tuple(leftovers), tuple(str(reason) for reason in refused))


def check(facts: ModelFacts) -> list[Problem]:
    """Report which models are not whole, and which leftovers could be removed."""
    advice = "update the app, or correct its profile"
    return [
        *(
            error(check=CHECK, what=f"a manifest is refused: {reason}", advice=advice)
            for reason in facts.refused_manifests
        ),
        *(problem for model in facts.models for problem in _judge_model(model)),
        *(problem for leftover in facts.leftovers for problem in _judge_leftover(leftover)),
    ]


def _judge_model(model: InstalledModelFacts) -> Iterator[Problem]:
    advice = f"run 'undercroft models install {model.model_id}' to fetch it again"
    if model.fault:
        yield warning(check=CHECK, what=model.fault, where=model.path, advice=advice)
    elif model.wrong:
        what = f"the model {model.model_id} is incomplete: files are missing or have another size"
        yield error(check=CHECK, what=what, where=model.path, found=listed(model.wrong), advice=advice)


def _judge_leftover(leftover: LeftoverDirectoryFacts) -> Iterator[Problem]:
    install = f"run 'undercroft models install {leftover.model_id}'"
    where, found = leftover.path, size_text(leftover.size_bytes)
    if leftover.kind == "damaged":
        what, advice = f"a damaged copy of {leftover.model_id} was put aside", f"{install}, then remove it"
        yield warning(check=CHECK, what=what, where=where, found=found, advice=advice)
    elif leftover.kind == "partial":
        what = f"{leftover.model_id} is downloaded in part"
        advice = f"{install} to continue, or 'undercroft models cancel {leftover.model_id} --drop-partial'"
        yield info(check=CHECK, what=what, where=where, found=found, advice=advice)


def _look_at(directory: Path, promised: Mapping[str, int] | None) -> InstalledModelFacts:
    name, path = directory.name, str(directory)
    try:
        content = read_file(directory / RECORD_NAME, RECORD_LIMIT_BYTES, root=directory)
        if content is not None:
            record = msgspec.json.decode(content, type=_Record)
            promised = {file.path: file.size_bytes for file in record.contents}
    except (FileUnreadable, *UNREADABLE_JSON):
        return InstalledModelFacts(name, path, fault=f"the record of {name} cannot be read")
    if promised is None:
        fault = f"{name} has no record and is in no manifest, so nothing can tell whether it is complete"
        return InstalledModelFacts(name, path, fault=fault)
    expected = list(promised.items())[:FILES_LIMIT]
    wrong = (
        file
        for file, size_bytes in expected
        if path_problem(file) or _size_of(directory / file) != size_bytes
    )
    return InstalledModelFacts(name, path, tuple(wrong))


def _directories(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []


def _size_of(path: Path) -> int | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
