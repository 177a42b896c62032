"""Checks where the broker listens: a private directory, short paths, no stale socket."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, RemoveFile, SetMode, error, info, listed

CHECK: Final = "sockets"
NAMES: Final = ("lane", "feed")
PATH_LIMIT_BYTES: Final = 103 if sys.platform == "darwin" else 107
"""What the address of a socket can hold (unix(7), sun_path)."""


@dataclass(frozen=True)
class SocketFacts:
    """The directory of the sockets.

    Attributes:
        kind_fault: why it is not a directory of ours; empty if it is, or if there is none.
        mode: None if there is no directory.
        sockets: paths of our sockets that exist.
        longest_bytes: length of the longest path of a socket.
    """

    directory: str
    kind_fault: str
    mode: int | None
    sockets: tuple[str, ...]
    longest_bytes: int
    is_up: bool


def look(home: ExaminedHome) -> SocketFacts:
    """Look at the directory, without connecting."""
    directory = home.run_directory
    longest_bytes = max(len(os.fsencode(directory / name)) for name in NAMES)
    try:
        status = directory.lstat()
    except OSError:
        return SocketFacts(str(directory), "", None, (), longest_bytes, home.is_up)
    fault = "" if stat.S_ISDIR(status.st_mode) else "it is not a directory"
    if os.name == "posix" and status.st_uid != os.getuid():
        fault = f"it belongs to user {status.st_uid}"
    sockets = () if fault else tuple(str(path) for path in _sockets(directory))
    mode = stat.S_IMODE(status.st_mode)
    return SocketFacts(str(directory), fault, mode, sockets, longest_bytes, home.is_up)


def check(facts: SocketFacts) -> list[Problem]:
    """Report what is wrong."""
    problems = []
    where = facts.directory
    if facts.kind_fault:
        what = f"the directory for sockets is not ours: {facts.kind_fault}"
        problems.append(
            error(check=CHECK, what=what, where=where, advice="move it away and start the runtime again")
        )
    elif facts.mode is not None and facts.mode & 0o077 and os.name == "posix":
        problems.append(
            error(
                check=CHECK,
                what="others can reach the sockets",
                where=where,
                found=f"{facts.mode:04o}",
                expected="0700",
                advice="run 'undercroft doctor --fix'",
                repairs=(SetMode(path=where, mode=0o700),),
            )
        )
    if facts.longest_bytes > PATH_LIMIT_BYTES:
        problems.append(
            error(
                check=CHECK,
                what="the paths of the sockets are too long",
                where=where,
                found=f"{facts.longest_bytes} bytes",
                expected=f"at most {PATH_LIMIT_BYTES}",
                advice="set TMPDIR to a shorter directory, or move the home",
            )
        )
    if facts.sockets and not facts.is_up:
        problems.append(
            info(
                check=CHECK,
                what="a runtime that has ended left its sockets",
                where=listed(facts.sockets),
                advice="nothing: the next start replaces them",
                repairs=tuple(RemoveFile(path=path) for path in facts.sockets),
            )
        )
    return problems


def _sockets(directory: Path) -> list[Path]:
    found = []
    for name in NAMES:
        try:
            if stat.S_ISSOCK((directory / name).lstat().st_mode):
                found.append(directory / name)
        except OSError:
            continue
    return found
