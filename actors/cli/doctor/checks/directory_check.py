"""Checks that the directories of the app exist and can be written to."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from actors.cli.doctor.problems import ExaminedHome, MakeDirectory, Problem, error, info
from actors.shared.locations.locations import CATEGORIES

CHECK: Final = "home"
NEEDED: Final = ("config", "state", "models")
"""Created at the first start; the others when they are first needed."""


@dataclass(frozen=True)
class CategoryFacts:
    """The directory of one category.

    Attributes:
        kind: what is at its path.
        is_chosen: a person chose it.
    """

    category: str
    path: str
    kind: Literal["directory", "missing", "other"]
    is_writable: bool
    is_chosen: bool = False


def look(home: ExaminedHome) -> list[CategoryFacts]:
    """Look at the directory of each category."""
    return [
        _look_at(category, getattr(home.locations, category), category in home.chosen)
        for category in CATEGORIES
    ]


def check(facts: list[CategoryFacts]) -> list[Problem]:
    """Report what is wrong. A chosen directory that is missing is not created: its drive may be unplugged."""
    return [problem for found in facts if (problem := _judge(found)) is not None]


def _judge(found: CategoryFacts) -> Problem | None:
    name, where = f"the directory for {found.category}", found.path
    another = "choose another directory with 'undercroft paths'"
    if found.kind == "other":
        what, advice = f"{name} is not a directory", f"move away what lies there, or {another}"
        return error(check=CHECK, what=what, where=where, expected="a directory", advice=advice)
    if found.kind == "missing" and found.is_chosen:
        what, advice = f"{name} was chosen and does not exist", f"mount its drive, or {another}"
        return error(check=CHECK, what=what, where=where, found="nothing", advice=advice)
    if found.kind == "missing" and found.category in NEEDED:
        what, advice = f"{name} does not exist yet", "the first 'undercroft up' creates it"
        repairs = (MakeDirectory(path=where),)
        return info(check=CHECK, what=what, where=where, found="nothing", advice=advice, repairs=repairs)
    if found.kind == "directory" and not found.is_writable:
        what = f"{name} cannot be written to"
        advice = f'run: sudo chown -R "$(id -u)" {shlex.quote(where)}; or {another}'
        return error(check=CHECK, what=what, where=where, advice=advice)
    return None


def _look_at(category: str, path: Path, is_chosen: bool) -> CategoryFacts:
    if path.is_dir():
        return CategoryFacts(category, str(path), "directory", os.access(path, os.W_OK | os.X_OK), is_chosen)
    kind: Literal["missing", "other"] = "other" if os.path.lexists(path) else "missing"
    return CategoryFacts(category, str(path), kind, is_writable=False, is_chosen=is_chosen)
