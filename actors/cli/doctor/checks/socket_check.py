"""Where the broker listens: the directory is ours alone, its paths fit into an address, and a runtime that is gone left none."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import Place, Problem, RemoveFile, SetMode, places

CHECK: Final = "sockets"
NAMES: Final = ("lane", "feed")
PATH_LIMIT_BYTES: Final = 103 if sys.platform == "darwin" else 107
"""What a socket's address holds (unix(7), sun_path)."""


@dataclass(frozen=True)
class Facts:
    """The directory of the sockets.

    Attributes:
        kind_fault: why it is no directory of ours; empty if it is, or if there is none.
        mode: None if there is none.
        sockets: what lies there under the names of our sockets.
        longest_bytes: length of the longest path of a socket.
    """

    directory: str
    kind_fault: str
    mode: int | None
    sockets: tuple[str, ...]
    longest_bytes: int
    is_up: bool


def look(place: Place) -> Facts:
    """Look at the directory; nothing is connected to."""
    directory = place.run_directory
    longest = max(len(os.fsencode(directory / name)) for name in NAMES)
    try:
        status = directory.lstat()
    except OSError:
        return Facts(str(directory), "", None, (), longest, place.is_up)
    fault = "" if stat.S_ISDIR(status.st_mode) else "it is no directory"
    if os.name == "posix" and status.st_uid != os.getuid():
        fault = f"it belongs to user {status.st_uid}"
    sockets = () if fault else tuple(str(path) for path in _sockets(directory))
    return Facts(str(directory), fault, stat.S_IMODE(status.st_mode), sockets, longest, place.is_up)


def check(facts: Facts) -> list[Problem]:
    """What is wrong."""
    problems = []
    if facts.kind_fault:
        what, advice = (
            f"the directory for sockets is not ours: {facts.kind_fault}",
            "move it away and start again",
        )
        problems.append(
            Problem(check=CHECK, severity="error", what=what, where=facts.directory, advice=advice)
        )
    elif facts.mode is not None and facts.mode & 0o077 and os.name == "posix":
        what, found = "others may reach the sockets", f"{facts.mode:04o}"
        advice = "run 'undercroft doctor --fix'"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what=what,
                where=facts.directory,
                found=found,
                expected="0700",
                advice=advice,
                repairs=(SetMode(path=facts.directory, mode=0o700),),
            )
        )
    if facts.longest_bytes > PATH_LIMIT_BYTES:
        what, found, expected = (
            "the paths of the sockets are too long",
            f"{facts.longest_bytes} bytes",
            f"at most {PATH_LIMIT_BYTES}",
        )
        advice = "set TMPDIR to a shorter directory, or move the home"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what=what,
                where=facts.directory,
                found=found,
                expected=expected,
                advice=advice,
            )
        )
    if facts.sockets and not facts.is_up:
        what, advice = "a runtime that is gone left its sockets", "nothing: the next start replaces them"
        repairs = tuple(RemoveFile(path=path) for path in facts.sockets)
        problems.append(
            Problem(
                check=CHECK,
                severity="info",
                what=what,
                where=places(facts.sockets),
                advice=advice,
                repairs=repairs,
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
