"""Whether the directories of the app are there and can be written to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from actors.cli.doctor.problems import MakeDirectory, Place, Problem
from actors.shared.locations.locations import CATEGORIES

CHECK: Final = "home"
NEEDED: Final = ("config", "state", "models")
"""Made at the first start; the others when somebody first needs them."""


@dataclass(frozen=True)
class DirectoryFacts:
    """One directory.

    Attributes:
        kind: what is there.
        is_chosen: a person put it there.
    """

    category: str
    path: str
    kind: Literal["directory", "missing", "other"]
    is_writable: bool
    is_chosen: bool = False


def look(place: Place) -> list[DirectoryFacts]:
    """Look at the directory of each category."""
    return [
        _look_at(category, getattr(place.locations, category), category in place.chosen)
        for category in CATEGORIES
    ]


def check(facts: list[DirectoryFacts]) -> list[Problem]:
    """What is wrong with them. A chosen directory that is missing is not made: its drive may be unplugged."""
    return [problem for found in facts if (problem := _judge(found)) is not None]


def _judge(found: DirectoryFacts) -> Problem | None:
    name = f"the directory for {found.category}"
    if found.kind == "other":
        advice = "move away what lies there, or choose another directory with 'undercroft paths'"
        return Problem(
            check=CHECK,
            severity="error",
            what=f"{name} is no directory",
            where=found.path,
            expected="a directory",
            advice=advice,
        )
    if found.kind == "missing" and found.is_chosen:
        advice = "mount its drive, or choose another directory with 'undercroft paths'"
        return Problem(
            check=CHECK,
            severity="error",
            what=f"{name} was chosen and is not there",
            where=found.path,
            found="nothing",
            advice=advice,
        )
    if found.kind == "missing" and found.category in NEEDED:
        repairs = (MakeDirectory(path=found.path),)
        what, advice = f"{name} is not there yet", "the first 'undercroft up' makes it"
        return Problem(
            check=CHECK,
            severity="info",
            what=what,
            where=found.path,
            found="nothing",
            advice=advice,
            repairs=repairs,
        )
    if found.kind == "directory" and not found.is_writable:
        advice = "give it back to this user (chown), or choose another directory with 'undercroft paths'"
        return Problem(
            check=CHECK,
            severity="error",
            what=f"{name} cannot be written to",
            where=found.path,
            advice=advice,
        )
    return None


def _look_at(category: str, path: Path, is_chosen: bool) -> DirectoryFacts:
    if path.is_dir():
        return DirectoryFacts(category, str(path), "directory", os.access(path, os.W_OK | os.X_OK), is_chosen)
    return DirectoryFacts(
        category, str(path), "other" if os.path.lexists(path) else "missing", False, is_chosen
    )
