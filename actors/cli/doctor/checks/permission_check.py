"""Whether what the app keeps is this user's alone: 0600 and 0700 below config and state (POSIX)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import Place, Problem, SetMode, places
from actors.shared.durable.durable_write import DIRECTORY_MODE, FILE_MODE

CHECK: Final = "permissions"
ENTRIES_LIMIT: Final = 50_000
SECRET_NAMES: Final = frozenset({"runtime.json", "keys.json", "keys.copy.json"})


@dataclass(frozen=True)
class EntryFacts:
    """One file or directory."""

    path: str
    mode: int
    is_directory: bool
    is_ours: bool


def look(place: Place) -> list[EntryFacts]:
    """Everything below config and state, and runtime.json; links and sockets have no rights of their own."""
    if os.name != "posix":
        return []
    roots = dict.fromkeys([place.locations.config, place.locations.state, place.runtime_path])
    found: dict[str, EntryFacts] = {}
    for root in roots:
        for path in _below(root):
            if len(found) >= ENTRIES_LIMIT:
                return list(found.values())
            if (facts := _look_at(path)) is not None:
                found[facts.path] = facts
    return list(found.values())


def check(facts: list[EntryFacts]) -> list[Problem]:
    """What others could read, what belongs to somebody else, and what this user cannot use."""
    problems = []
    foreign = [found.path for found in facts if not found.is_ours]
    if foreign:
        what, advice = "files belong to another user", "give them back to this user: sudo chown -R"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what=what,
                where=places(foreign),
                expected="files of this user",
                advice=advice,
            )
        )
    wrong = [found for found in facts if found.is_ours and not _is_private(found)]
    secret = [found for found in wrong if Path(found.path).name in SECRET_NAMES]
    if secret:
        problems.append(
            _modes(
                secret,
                "error",
                "files with keys have a mode that clients refuse, or that lets others read them",
            )
        )
    rest = [found for found in wrong if found not in secret]
    if rest:
        problems.append(_modes(rest, "warning", "others may read what is private, or this user may not"))
    return problems


def _modes(wrong: list[EntryFacts], severity: str, what: str) -> Problem:
    return Problem(
        check=CHECK,
        severity="error" if severity == "error" else "warning",
        what=what,
        where=places([found.path for found in wrong]),
        found=", ".join(sorted({f"{found.mode:04o}" for found in wrong})),
        expected="0600 for files, 0700 for directories",
        advice="run 'undercroft doctor --fix'",
        repairs=tuple(
            SetMode(path=found.path, mode=DIRECTORY_MODE if found.is_directory else FILE_MODE)
            for found in wrong
        ),
    )


def _is_private(found: EntryFacts) -> bool:
    needed = DIRECTORY_MODE if found.is_directory else FILE_MODE
    return found.mode & 0o077 == 0 and found.mode & needed == needed


def _below(root: Path) -> Iterator[Path]:
    yield root
    for parent, directories, names in os.walk(root):
        for name in (*directories, *names):
            yield Path(parent) / name


def _look_at(path: Path) -> EntryFacts | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        return None
    return EntryFacts(
        str(path), stat.S_IMODE(status.st_mode), stat.S_ISDIR(status.st_mode), status.st_uid == os.getuid()
    )
