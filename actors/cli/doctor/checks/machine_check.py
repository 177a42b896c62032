"""What Undercroft runs on: Python, its libraries, the encoding of text, and how many files the system watches for us."""

from __future__ import annotations

import importlib.metadata
import locale
import platform
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import Place, Problem

CHECK: Final = "machine"
DISTRIBUTION: Final = "undercroft"
PYTHON: Final = (3, 11)
FEWEST_INSTANCES: Final = 64
FEWEST_WATCHES: Final = 8_192
INOTIFY: Final = Path("/proc/sys/fs/inotify")
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(;.*)?")
_AT_LEAST: Final = re.compile(r">=\s*([0-9]+(?:\.[0-9]+)*)")
_NUMBERS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")


@dataclass(frozen=True)
class Library:
    """A library that is needed; `installed` is empty if it is not there."""

    name: str
    minimum: str
    installed: str


@dataclass(frozen=True)
class Facts:
    """The machine.

    Attributes:
        filesystem_encoding, text_encoding: how names of files and contents are read where nothing else is
            said.
        watch_instances, watches: limits of inotify; None where there is none.
    """

    python: tuple[int, int]
    filesystem_encoding: str
    text_encoding: str
    libraries: tuple[Library, ...] = field(default=())
    watch_instances: int | None = None
    watches: int | None = None


def look(place: Place, inotify: Path = INOTIFY) -> Facts:
    """Look around; nothing of this lies in the home."""
    return Facts(
        python=(sys.version_info.major, sys.version_info.minor),
        filesystem_encoding=sys.getfilesystemencoding(),
        text_encoding=locale.getencoding(),
        libraries=tuple(_libraries()),
        watch_instances=_number(inotify / "max_user_instances"),
        watches=_number(inotify / "max_user_watches"),
    )


def check(facts: Facts) -> list[Problem]:
    """What does not do."""
    problems = []
    if facts.python < PYTHON:
        found, expected = platform.python_version(), "3.11 or later"
        advice = "install Undercroft with a later Python"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what="this Python is too old",
                found=found,
                expected=expected,
                advice=advice,
            )
        )
    for library in facts.libraries:
        if not library.installed or (
            library.minimum and _numbers(library.installed) < _numbers(library.minimum)
        ):
            what, advice = (
                f"the library {library.name} is {'too old' if library.installed else 'missing'}",
                "install Undercroft again",
            )
            found, expected = library.installed or "nothing", f"{library.minimum or 'any version'} or later"
            problems.append(
                Problem(
                    check=CHECK, severity="error", what=what, found=found, expected=expected, advice=advice
                )
            )
    for name, encoding in (("names of files", facts.filesystem_encoding), ("text", facts.text_encoding)):
        if not is_utf8(encoding):
            what, advice = (
                f"{name} are not UTF-8 here: names in other languages may break",
                "set LANG to a UTF-8 locale, such as C.UTF-8",
            )
            problems.append(
                Problem(
                    check=CHECK,
                    severity="warning",
                    what=what,
                    found=encoding,
                    expected="utf-8",
                    advice=advice,
                )
            )
    for name, value, fewest in (
        ("instances", facts.watch_instances, FEWEST_INSTANCES),
        ("watches", facts.watches, FEWEST_WATCHES),
    ):
        if value is not None and value < fewest:
            what = f"the system watches few files (fs.inotify.max_user_{name}): edits from outside may be seen late"
            advice = f"raise it: sudo sysctl fs.inotify.max_user_{name}={fewest}"
            problems.append(
                Problem(
                    check=CHECK,
                    severity="warning",
                    what=what,
                    found=str(value),
                    expected=f"at least {fewest}",
                    advice=advice,
                )
            )
    return problems


def is_utf8(encoding: str) -> bool:
    """Whether an encoding is UTF-8, whatever it is called."""
    return encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig", "cp65001")


def _libraries() -> list[Library]:
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return []  # frozen into a bundle: what is in it was put there together
    found = []
    for requirement in requirements:
        match = _REQUIREMENT.fullmatch(requirement.strip())
        if match is None or match[3]:
            continue  # of an extra, or of another platform
        minimum = _AT_LEAST.search(match[2])
        try:
            installed = importlib.metadata.version(match[1])
        except importlib.metadata.PackageNotFoundError:
            installed = ""
        found.append(Library(match[1], minimum[1] if minimum else "", installed))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    match = _NUMBERS.match(version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text()[:32])
    except (OSError, ValueError):
        return None
