"""Checks that nobody else owns the home, `runtime.json` or the sockets, or can put others in their place."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, SetMode, error
from bus.own_places import file_fault, stranger_in

CHECK: Final = "owner"
OTHERS_WRITE: Final = 0o022


@dataclass(frozen=True)
class UnsafeFacts:
    """Something that runtime, commands and clients refuse.

    Attributes:
        path: of it; it may be a directory above the home.
        detail: who else owns it, or can write to it.
        command: that mends it.
        own_mode: its mode, if it is a directory of ours; None otherwise.
    """

    path: str
    detail: str
    command: str
    own_mode: int | None = None


def look(home: ExaminedHome) -> list[UnsafeFacts]:
    """Look at the directories on the way to config, state and sockets, and at runtime.json."""
    if os.name != "posix":
        return []
    found: dict[str, UnsafeFacts] = {}
    own = (home.locations.config, home.locations.state, home.run_directory)
    strangers = [*(stranger_in(place) for place in own), stranger_in(home.runtime_path.parent, "way")]
    for stranger in strangers:
        if stranger is not None:
            facts = UnsafeFacts(stranger.path, stranger.detail, stranger.mend, _own_mode(stranger.path))
            found.setdefault(facts.path, facts)
    path = str(home.runtime_path)
    try:
        fault = file_fault(path, os.lstat(path), os.geteuid())
    except OSError:
        fault = None
    if fault is not None:
        found.setdefault(path, UnsafeFacts(path, *fault))
    return list(found.values())


def check(facts: list[UnsafeFacts]) -> list[Problem]:
    """Report each, with the command that mends it."""
    return [
        error(
            check=CHECK,
            what="others own this, can write to it or may have put it there, so that it is refused",
            where=found.path,
            found=found.detail,
            advice=f"run: {found.command}",
            repairs=_repairs(found),
        )
        for found in facts
    ]


def _repairs(found: UnsafeFacts) -> tuple[SetMode, ...]:
    if found.own_mode is None or not found.own_mode & OTHERS_WRITE:
        return ()
    return (SetMode(path=found.path, mode=found.own_mode & ~OTHERS_WRITE),)


def _own_mode(path: str) -> int | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return stat.S_IMODE(found.st_mode) if is_own else None
