"""Temp files that a killed process left beside what it was about to replace."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import Place, Problem, RemoveFile, places, size
from actors.shared.durable.durable_write import TEMPORARY_SUFFIX

CHECK: Final = "leftovers"
FILES_LIMIT: Final = 10_000
SETTLED_SECONDS: Final = 600.0
"""A younger one may belong to a command that is just writing."""


@dataclass(frozen=True)
class TempFacts:
    """One temp file; `age_seconds` since it was last written to."""

    path: str
    size_bytes: int
    age_seconds: float


@dataclass(frozen=True)
class Facts:
    """All of them below config, state and models."""

    files: tuple[TempFacts, ...]
    is_up: bool


def look(place: Place) -> Facts:
    """Find them, by their names; the partials of models are none."""
    found: list[TempFacts] = []
    for root in (place.locations.config, place.locations.state):
        for parent, _, names in os.walk(root):
            for name in names:
                if (
                    name.endswith(TEMPORARY_SUFFIX)
                    and len(found) < FILES_LIMIT
                    and (facts := _look_at(Path(parent) / name, place.now))
                ):
                    found.append(facts)
    return Facts(tuple(found), place.is_up)


def check(facts: Facts) -> list[Problem]:
    """Those that nobody will come back to. While a runtime is up each may be in use."""
    left = [found for found in facts.files if found.age_seconds >= SETTLED_SECONDS]
    if not left or facts.is_up:
        return []
    what, advice = (
        "a process that was killed left temp files",
        "run 'undercroft doctor --fix'; their owners replace them too",
    )
    where, found = places([one.path for one in left]), size(sum(one.size_bytes for one in left))
    repairs = tuple(RemoveFile(path=one.path) for one in left)
    return [
        Problem(
            check=CHECK, severity="info", what=what, where=where, found=found, advice=advice, repairs=repairs
        )
    ]


def _look_at(path: Path, now: float) -> TempFacts | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return (
        TempFacts(str(path), status.st_size, now - status.st_mtime) if stat.S_ISREG(status.st_mode) else None
    )
