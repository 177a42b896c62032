"""Finds temporary files that a killed process left beside the file it was about to replace."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, RemoveFile, info, listed
from actors.shared.durable.durable_write import TEMPORARY_SUFFIX
from actors.shared.text import size_text

CHECK: Final = "leftovers"
FILES_LIMIT: Final = 10_000
SETTLED_SECONDS: Final = 600.0
"""A younger file may belong to a command that is writing now."""


@dataclass(frozen=True)
class TemporaryFile:
    """One temporary file; `age_seconds` since it was last written to."""

    path: str
    size_bytes: int
    age_seconds: float


@dataclass(frozen=True)
class LeftoverFacts:
    """All temporary files below config and state."""

    files: tuple[TemporaryFile, ...]
    is_up: bool


def look(home: ExaminedHome) -> LeftoverFacts:
    """Find them by their names."""
    found: list[TemporaryFile] = []
    for root in (home.locations.config, home.locations.state):
        for parent, _, names in os.walk(root):
            for name in names:
                if not name.endswith(TEMPORARY_SUFFIX) or len(found) >= FILES_LIMIT:
                    continue
                file = _look_at(Path(parent) / name, home.now)
                if file is not None:
                    found.append(file)
    return LeftoverFacts(tuple(found), home.is_up)


def check(facts: LeftoverFacts) -> list[Problem]:
    """Report those that nobody will use again. While a runtime is up, each may be in use."""
    left = [file for file in facts.files if file.age_seconds >= SETTLED_SECONDS]
    if not left or facts.is_up:
        return []
    return [
        info(
            check=CHECK,
            what="a killed process left temporary files",
            where=listed([file.path for file in left]),
            found=size_text(sum(file.size_bytes for file in left)),
            advice="run 'undercroft doctor --fix'; their owners replace them, too",
            repairs=tuple(RemoveFile(path=file.path) for file in left),
        )
    ]


def _look_at(path: Path, now: float) -> TemporaryFile | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return TemporaryFile(str(path), status.st_size, now - status.st_mtime)
