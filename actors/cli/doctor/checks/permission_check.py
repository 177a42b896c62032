"""Checks that the files of the app are this user's alone: 0600 and 0700 below config and state (POSIX)."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, ProblemSeverity, SetMode, error, listed
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

    @property
    def private_mode(self) -> int:
        """The mode that it should have."""
        return DIRECTORY_MODE if self.is_directory else FILE_MODE

    @property
    def is_private(self) -> bool:
        """Whether this user can use it and nobody else can."""
        return self.mode & 0o077 == 0 and self.mode & self.private_mode == self.private_mode


def look(home: ExaminedHome) -> list[EntryFacts]:
    """Look at everything below config and state, and at runtime.json; links and sockets do not count."""
    if os.name != "posix":
        return []
    roots = dict.fromkeys([home.locations.config, home.locations.state, home.runtime_path])
    found: dict[str, EntryFacts] = {}
    for root in roots:
        for path in _below(root):
            if len(found) >= ENTRIES_LIMIT:
                return list(found.values())
            if (facts := _look_at(path)) is not None:
                found[facts.path] = facts
    return list(found.values())


def check(facts: list[EntryFacts]) -> list[Problem]:
    """Report what others can read, what belongs to others, and what this user cannot use."""
    problems = []
    foreign = [found.path for found in facts if not found.is_ours]
    if foreign:
        place = shlex.quote(os.path.commonpath(foreign))
        what, advice = "files belong to another user", f'run: sudo chown -R "$(id -u)" {place}'
        where, expected = listed(foreign), "files of this user"
        problems.append(error(check=CHECK, what=what, where=where, expected=expected, advice=advice))
    wrong = [found for found in facts if found.is_ours and not found.is_private]
    secret = [found for found in wrong if Path(found.path).name in SECRET_NAMES]
    if secret:
        what = "files with keys have a mode that clients refuse, or that lets others read them"
        problems.append(_wrong_modes(secret, "error", what))
    rest = [found for found in wrong if found not in secret]
    if rest:
        what = "others can read private files, or this user cannot"
        problems.append(_wrong_modes(rest, "warning", what))
    return problems


def _wrong_modes(wrong: list[EntryFacts], severity: ProblemSeverity, what: str) -> Problem:
    return Problem(
        check=CHECK,
        severity=severity,
        what=what,
        where=listed([found.path for found in wrong]),
        found=", ".join(sorted({f"{found.mode:04o}" for found in wrong})),
        expected="0600 for files, 0700 for directories",
        advice="run 'undercroft doctor --fix'",
        repairs=tuple(SetMode(path=found.path, mode=found.private_mode) for found in wrong),
    )


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
        str(path), stat.S_IMODE(status.st_mode), stat.S_ISDIR(status.st_mode), status.st_uid == os.geteuid()
    )
