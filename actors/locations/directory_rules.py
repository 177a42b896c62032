"""Judges whether a directory can be used for a category. Pure: it gets what was seen of the disk."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Final

from actors.locations.observed_directory import ObservedDirectory
from actors.shared.locations.locations import LocationRefused, absolute
from actors.shared.text import size_text
from schemas.operations.alerts import Severity
from schemas.paths import Category, Choosable, Effect, PathOffer, PathProblem, PathProblemKind

RESERVE_BYTES: Final = 64 * 1024 * 1024
"""Stays free when models are copied: for journals, and so that a disk is never filled to the last byte."""

LITTLE_BYTES: Final = 1024 * 1024 * 1024
"""With less free space than this, a disk is nearly full and people should know."""

USER_DATA: Final = ("config", "state", "workspace")
"""Categories with data of the user. Backups include them, so models must not be inside: these are large and
can be downloaded again."""

OURS_ALONE: Final = ("config", "state", "logs", "models")
"""Categories whose files are ours: what another user could put among them is not trusted. Tools and workspace
belong to the app and to people."""

REMOVABLE: Final = re.compile(r"(/media/[^/]+/[^/]+|/run/media/[^/]+/[^/]+|/Volumes/[^/]+)(?:/.*)?")
"""Where removable drives are mounted: udisks (udisks2 manual, "Mount point") and macOS."""


def effect_of(category: Category) -> Effect:
    """When a choice takes effect. Models move at runtime; the others are in use until the next start."""
    return "now" if category == "models" else "next_start"


def judge_text(category: Choosable, path: str) -> list[PathProblem]:
    """What is wrong with a path before the disk is looked at."""
    if "\0" in path:
        return [_problem("not_a_directory", category, path, "a path cannot contain a zero byte", "choose")]
    if not os.path.isabs(os.path.expanduser(path)):
        words = "the path is relative, so each process would see another directory; give the full path"
        return [_problem("relative", category, path, words, "choose")]
    try:
        absolute(category, path)
    except LocationRefused as error:
        return [_problem("not_a_directory", category, error.path, error.problem, "choose")]
    return []


def judge_place(
    category: Category, facts: ObservedDirectory, chosen_on: str, is_chosen: bool
) -> list[PathProblem]:
    """What is wrong with the directory itself.

    Args:
        category: that would use it.
        facts: what was seen.
        chosen_on: the mount point that it was on when it was chosen; empty if unknown.
        is_chosen: a person chose it, so it has to exist; a default is created when it is needed.
    """
    path = str(facts.path)
    if facts.kind == "other":
        words = "something that is not a directory has this name"
        return [_problem("not_a_directory", category, path, words, "choose")]
    if is_chosen and (drive := missing_drive(facts, chosen_on)):
        words = (
            f"its drive is missing: nothing is mounted at {drive}; "
            "connect the drive, or choose another directory"
        )
        return [_problem("removed_drive", category, path, words, "connect", "choose", "reset")]
    if not facts.may_write:
        words = "this user cannot write to it"
        if facts.kind == "missing":
            words = f"it does not exist, and this user cannot write to {facts.nearest}"
        words += "; change its permissions, or choose another directory"
        return [_problem("not_writable", category, path, words, "choose", "reset")]
    if facts.shared and category in OURS_ALONE:
        return [_problem("shared", category, path, facts.shared, "choose", "reset")]
    if facts.kind == "missing" and is_chosen:
        words = "it does not exist; create it, or choose another directory"
        return [_problem("missing", category, path, words, "create", "choose", "reset")]
    return []


def judge_overlap(
    category: Category, real: Path, others: Mapping[Category, Path], user_data: tuple[Path, ...] = ()
) -> list[PathProblem]:
    """Whether a chosen directory overlaps with another one.

    Args:
        category: that would use it.
        real: the directory, with its links followed.
        others: the directories of the other categories as they will be, with their links followed.
        user_data: further directories with data of the user.
    """
    path = str(real)
    if category == "models":
        for home in (*(others[name] for name in others if name in USER_DATA), *user_data):
            if is_within(real, home):
                words = (
                    f"models must not be inside {home}, which holds user data: backups would include them; "
                    "choose a directory outside"
                )
                return [_problem("user_data", category, path, words, "choose")]
    for other, place in others.items():
        words = ""
        if real == place:
            words = f"it is already the directory of {other}; choose a separate one"
        elif is_within(real, place):
            words = f"it is inside {place}, the directory of {other}; choose one outside"
        elif is_within(place, real):
            words = f"it contains {place}, the directory of {other}; choose one below it"
        if words:
            return [_problem("nested", category, path, words, "choose")]
    return []


def judge_space(
    category: Choosable, path: str, needed_bytes: int, free_bytes: int | None
) -> list[PathProblem]:
    """Whether what has to be copied fits on the disk."""
    if needed_bytes == 0 or free_bytes is None or free_bytes >= needed_bytes + RESERVE_BYTES:
        return []
    lacking = size_text(needed_bytes + RESERVE_BYTES - free_bytes, rounded_up=True)
    words = (
        f"copying needs {size_text(needed_bytes, rounded_up=True)} and {size_text(RESERVE_BYTES)} to spare, "
        f"but {size_text(free_bytes)} are free; free another {lacking}, or choose another disk"
    )
    return [_problem("space", category, path, words, "free_space", "choose")]


def judge_room(free_bytes: int | None) -> Severity | None:
    """How bad it is that a disk has this little space left; None if it has enough, or if that is unknown."""
    if free_bytes is None or free_bytes >= LITTLE_BYTES:
        return None
    return "error" if free_bytes < RESERVE_BYTES else "warning"


def missing_drive(facts: ObservedDirectory, chosen_on: str) -> str:
    """The mount point of a missing drive that the directory was on; empty if none is missing.

    An empty directory counts as missing, because a mount point stays when its drive is removed.
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


def invalid_choice(category: Category, path: str, words: str) -> PathProblem:
    """A choice in the file that cannot be used."""
    return _problem("unreadable", category, path, f"the choice is ignored: {words}", "choose", "reset")


def set_by_variable(category: Choosable, path: str, variable: str) -> PathProblem:
    """An environment variable takes precedence over any choice."""
    words = f"{variable} sets this directory, so a choice would change nothing; unset it first"
    return _problem("environment", category, path, words, "wait")


def busy(category: Choosable, path: str, words: str) -> PathProblem:
    """It can be tried again later."""
    return _problem("busy", category, path, words, "wait")


def held(category: Choosable, path: str, words: str) -> PathProblem:
    """The owner of the models refuses."""
    return _problem("held", category, path, words, "wait", "choose")


def unwritable(category: Choosable | Category, path: str, words: str, *offers: PathOffer) -> PathProblem:
    """The disk or its permissions do not allow it."""
    return _problem("not_writable", category, path, words, *offers)


def _problem(
    kind: PathProblemKind, category: Choosable | Category, path: str, words: str, *offers: PathOffer
) -> PathProblem:
    return PathProblem(
        kind=kind, category=category, path=path, message=f"{category}: {path}: {words}", offers=list(offers)
    )
