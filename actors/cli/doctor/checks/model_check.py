"""Whether installed models have the files that they should, by name and size, and what lies beside them. Reads no content."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from actors.cli.doctor.problems import Place, Problem, places, size
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.manifest import load_bundled, path_problem

CHECK: Final = "models"
RECORD_NAME: Final = ".undercroft.json"
RECORD_LIMIT_BYTES: Final = 16 * 1024 * 1024
FILES_LIMIT: Final = 10_000
LEFTOVERS: Final = {".partial": "partial", ".damaged": "damaged", ".former": "former"}
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")


class _Content(msgspec.Struct):
    path: str
    size_bytes: int


class _Record(msgspec.Struct):
    contents: list[_Content]


@dataclass(frozen=True)
class ModelFacts:
    """One installed model.

    Attributes:
        wrong: files that are missing or have another length than promised.
        fault: why its files could not be compared.
    """

    model_id: str
    path: str
    wrong: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class Leftover:
    """A directory beside the models: `partial`, `damaged` or `former`."""

    model_id: str
    path: str
    kind: str
    size_bytes: int


@dataclass(frozen=True)
class Facts:
    """Everything below the directory of models."""

    models: tuple[ModelFacts, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    refused_manifests: tuple[str, ...] = ()


def look(place: Place) -> Facts:
    """Compare sizes with the record of each model, or with the manifest where there is none."""
    declared, refused = load_bundled(place.profile.manifests) if place.profile else ([], [])
    promised = {
        entry.id: {file.path: file.size_bytes for file in entry.files}
        for found in declared
        for entry in found.manifest.models
    }
    models, leftovers = [], []
    for directory in _directories(place.locations.models):
        kind = LEFTOVERS.get(directory.suffix, "")
        if kind and _ID.fullmatch(directory.stem):
            leftovers.append(Leftover(directory.stem, str(directory), kind, _tree_bytes(directory)))
        elif _ID.fullmatch(directory.name):
            models.append(_look_at(directory, promised.get(directory.name)))
    return Facts(tuple(models), tuple(leftovers), tuple(str(error) for error in refused))


def check(facts: Facts) -> list[Problem]:
    """Which models are not whole, and what could go."""
    advice = "update the app, or mend its profile"
    problems = [
        Problem(check=CHECK, severity="error", what=f"a manifest is not in force: {text}", advice=advice)
        for text in facts.refused_manifests
    ]
    for model in facts.models:
        advice = f"run 'undercroft models install {model.model_id}' to fetch it again"
        if model.fault:
            problems.append(
                Problem(check=CHECK, severity="warning", what=model.fault, where=model.path, advice=advice)
            )
        elif model.wrong:
            what = f"the model {model.model_id} is not whole: files are missing or have another length"
            problems.append(
                Problem(
                    check=CHECK,
                    severity="error",
                    what=what,
                    where=model.path,
                    found=places(model.wrong),
                    advice=advice,
                )
            )
    for left in facts.leftovers:
        if left.kind == "damaged":
            what, advice = (
                f"a damaged copy of {left.model_id} was put aside",
                f"run 'undercroft models install {left.model_id}', then remove it",
            )
            found = size(left.size_bytes)
            problems.append(
                Problem(
                    check=CHECK, severity="warning", what=what, where=left.path, found=found, advice=advice
                )
            )
        elif left.kind == "partial":
            what, advice = (
                f"{left.model_id} is there in part",
                f"run 'undercroft models install {left.model_id}' to go on, or remove it with 'undercroft models'",
            )
            found = size(left.size_bytes)
            problems.append(
                Problem(check=CHECK, severity="info", what=what, where=left.path, found=found, advice=advice)
            )
    return problems


def _look_at(directory: Path, promised: Mapping[str, int] | None) -> ModelFacts:
    name = directory.name
    try:
        content = read_file(directory / RECORD_NAME, RECORD_LIMIT_BYTES, root=directory)
        if content is not None:
            promised = {
                found.path: found.size_bytes for found in msgspec.json.decode(content, type=_Record).contents
            }
    except (FileUnreadable, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ModelFacts(name, str(directory), fault=f"the record of {name} cannot be read")
    if promised is None:
        return ModelFacts(
            name,
            str(directory),
            fault=f"{name} has no record, and is in no manifest: nobody can say whether it is whole",
        )
    expected = list(promised.items())[:FILES_LIMIT]
    return ModelFacts(
        name,
        str(directory),
        tuple(
            path for path, length in expected if path_problem(path) or _size_of(directory / path) != length
        ),
    )


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


def _tree_bytes(directory: Path) -> int:
    return sum(
        _size_of(Path(parent) / name) or 0 for parent, _, names in os.walk(directory) for name in names
    )
