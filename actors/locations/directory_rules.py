"""Judges whether a directory can be used for a category. Pure: what was seen of the disk is handed in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Final

from actors.locations.directory_facts import Facts
from schemas.operations.alerts import Severity
from schemas.paths import Category, Choosable, Effect, PathOffer, PathProblem, PathProblemKind

RESERVE_BYTES: Final = 64 * 1024 * 1024
"""Left free beside what is copied: for journals, and so that a disk is never filled to the last byte."""

LITTLE_BYTES: Final = 1024 * 1024 * 1024
"""With less than this left, a disk is nearly full: somebody should know before it is."""

USER_DATA: Final = ("config", "state", "workspace")
"""What an app keeps of its user. Backups and syncs take these along, so models, which are large and can be fetched again, never lie there."""

REMOVABLE: Final = re.compile(r"(/media/[^/]+/[^/]+|/run/media/[^/]+/[^/]+|/Volumes/[^/]+)(?:/.*)?")
"""Where drives that come and go are mounted: udisks (udisks2 manual, "Mount point") and macOS."""


def effect_of(category: Category) -> Effect:
    """Models move while the runtime is up; the others are open all the time, so that a choice for them waits for the next start."""
    return "now" if category == "models" else "next_start"


def judge_text(category: Choosable, path: str) -> list[PathProblem]:
    """What can be said of a path without looking at the disk."""
    if "\0" in path:
        return [_problem("not_a_directory", category, path, "a path holds no zero byte", "choose")]
    if not os.path.isabs(os.path.expanduser(path)):
        return [
            _problem(
                "relative",
                category,
                path,
                "it is relative, and would mean another place in each process; name it from the root on",
                "choose",
            )
        ]
    return []


def judge_place(category: Category, facts: Facts, chosen_on: str, is_chosen: bool) -> list[PathProblem]:
    """What is wrong with the directory itself.

    `chosen_on` is the mount point it was on when it was chosen, empty if that is not known. What a person
    chose has to be there; what lies where it lies by default is created when it is needed.
    """
    path = str(facts.path)
    if facts.kind == "other":
        return [
            _problem(
                "not_a_directory", category, path, "something else than a directory has that name", "choose"
            )
        ]
    if is_chosen and (drive := missing_drive(facts, chosen_on)):
        words = f"it is on a drive that is not there: nothing is mounted at {drive}; connect the drive, or choose another directory"
        return [_problem("removed_drive", category, path, words, "connect", "choose", "reset")]
    if not facts.may_write:
        where = (
            "it cannot be written to"
            if facts.kind == "directory"
            else f"it is missing, and {facts.nearest} cannot be written to"
        )
        return [
            _problem(
                "not_writable",
                category,
                path,
                f"{where}; change its rights, or choose another directory",
                "choose",
                "reset",
            )
        ]
    if facts.kind == "missing" and is_chosen:
        return [
            _problem(
                "missing",
                category,
                path,
                "it is missing; have it created, or choose another directory",
                "create",
                "choose",
                "reset",
            )
        ]
    return []


def judge_territory(
    category: Category, real: Path, others: Mapping[Category, Path], user_data: tuple[Path, ...] = ()
) -> list[PathProblem]:
    """Whether a chosen directory keeps to itself.

    It and the others, as they will be, come with their links followed. `user_data` are further directories
    with what the app keeps of its user.
    """
    path = str(real)
    if category == "models":
        for home in (*(others[kept] for kept in others if kept in USER_DATA), *user_data):
            if is_within(real, home):
                words = f"models never lie in user data, and {home} is that: backups would carry them along; choose a directory outside"
                return [_problem("user_data", category, path, words, "choose")]
    for other, place in others.items():
        if real == place:
            return [
                _problem(
                    "nested",
                    category,
                    path,
                    f"{other} lies there already; choose a directory of its own",
                    "choose",
                )
            ]
        if is_within(real, place):
            return [
                _problem(
                    "nested",
                    category,
                    path,
                    f"it is inside {place}, where {other} lies; choose a directory beside it",
                    "choose",
                )
            ]
        if is_within(place, real):
            return [
                _problem(
                    "nested",
                    category,
                    path,
                    f"{other} lies inside it, at {place}; choose a directory below it",
                    "choose",
                )
            ]
    return []


def judge_space(
    category: Choosable, path: str, needed_bytes: int, free_bytes: int | None
) -> list[PathProblem]:
    """Whether what is to be copied fits."""
    if needed_bytes == 0 or free_bytes is None or free_bytes >= needed_bytes + RESERVE_BYTES:
        return []
    lacking = needed_bytes + RESERVE_BYTES - free_bytes
    words = f"{needed_bytes} bytes have to be copied there and {RESERVE_BYTES} left free, but {free_bytes} are free"
    return [
        _problem(
            "space",
            category,
            path,
            f"{words}; free {lacking} bytes, or choose another disk",
            "free_space",
            "choose",
        )
    ]


def judge_room(free_bytes: int | None) -> Severity | None:
    """How bad it is that a disk has so little room left; None if it has enough, or if that is not known."""
    if free_bytes is None or free_bytes >= LITTLE_BYTES:
        return None
    return "error" if free_bytes < RESERVE_BYTES else "warning"


def missing_drive(facts: Facts, chosen_on: str) -> str:
    """The mount point of the drive that a directory was on and that is not there; empty if it is there, or was never on one.

    An empty directory counts as missing: a mount point stays when its drive goes.
    """
    if not facts.is_reachable:
        return facts.path.anchor
    if facts.kind == "directory" and not facts.is_empty:
        return ""
    if chosen_on:
        return "" if facts.mount == Path(chosen_on) else chosen_on
    match = REMOVABLE.fullmatch(str(facts.path)) if facts.kind == "missing" else None
    return match[1] if match and not is_within(facts.mount, Path(match[1])) else ""


def is_within(path: PurePath, directory: PurePath) -> bool:
    """Whether a path is a directory or lies below it."""
    return path == directory or directory in path.parents


def refused_choice(category: Category, path: str, words: str) -> PathProblem:
    """A choice in the file that cannot be taken."""
    return _problem("unreadable", category, path, f"the choice is without effect: {words}", "choose", "reset")


def decided_elsewhere(category: Choosable, path: str, variable: str) -> PathProblem:
    """A variable wins over whatever would be chosen."""
    return _problem(
        "environment",
        category,
        path,
        f"{variable} decides where this lies, so a choice would change nothing; unset it first",
        "wait",
    )


def busy(category: Choosable, path: str, words: str) -> PathProblem:
    """It can be tried again later."""
    return _problem("busy", category, path, words, "wait")


def held(category: Choosable, path: str, words: str) -> PathProblem:
    """Whoever owns the models says no."""
    return _problem("held", category, path, words, "wait", "choose")


def _problem(
    kind: PathProblemKind, category: Choosable | Category, path: str, words: str, *offers: PathOffer
) -> PathProblem:
    return PathProblem(
        kind=kind, category=category, path=path, message=f"{category}: {path}: {words}", offers=list(offers)
    )
