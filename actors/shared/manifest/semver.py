"""Compares versions by the rules of Semantic Versioning 2.0.0. Pure."""

from __future__ import annotations

import re

from actors.shared.version import VERSION

_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)


def running_version() -> str:
    """Version of the Undercroft that runs."""
    return VERSION


def precedence(version: str) -> tuple[tuple[int, int, int], tuple[tuple[int, int | str], ...]] | None:
    """Sort key of a version by Semantic Versioning 2.0.0 section 11; None if it is none."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    core = (int(found[1]), int(found[2]), int(found[3]))
    if found[4] is None:
        return core, ((2, 0),)  # a release comes after its pre-releases, whose parts are 0 or 1
    return core, tuple((0, int(part)) if part.isdecimal() else (1, part) for part in found[4].split("."))


def version_problem(minimum: str, version: str) -> str | None:
    """Why a version of Undercroft is too old.

    Args:
        minimum: that is needed.
        version: of Undercroft.

    Returns:
        None if it is new enough.
    """
    needed, found = precedence(minimum), precedence(version)
    if needed is None:
        return f"its minimum_runtime {minimum!r} is not a version such as '1.2.0'"
    if found is None or found < needed:
        return f"it needs Undercroft {minimum} or newer, this is {version}"
    return None
