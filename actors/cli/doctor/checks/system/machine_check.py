"""Checks what Undercroft runs on: Python, libraries, the encoding of text, limits of file watching."""

from __future__ import annotations

import importlib.metadata
import locale
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error, warning

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
class LibraryFacts:
    """A required library; `installed` is its version, or empty if it is missing."""

    name: str
    minimum: str
    installed: str

    @property
    def is_sufficient(self) -> bool:
        """Whether it is installed, in a version that is new enough."""
        if not self.installed:
            return False
        return not self.minimum or _numbers(self.installed) >= _numbers(self.minimum)


@dataclass(frozen=True)
class MachineFacts:
    """The machine.

    Attributes:
        filesystem_encoding: how names of files are decoded.
        text_encoding: how contents are decoded where nothing else is specified.
        watch_instances: limit of inotify; None where there is no inotify.
        watches: limit of inotify; None where there is no inotify.
    """

    python: tuple[int, int]
    filesystem_encoding: str
    text_encoding: str
    libraries: tuple[LibraryFacts, ...] = field(default=())
    watch_instances: int | None = None
    watches: int | None = None


def look(home: ExaminedHome, inotify: Path = INOTIFY) -> MachineFacts:
    """Look at the machine; none of this lies in the home."""
    return MachineFacts(
        python=(sys.version_info.major, sys.version_info.minor),
        filesystem_encoding=sys.getfilesystemencoding(),
        text_encoding=locale.getencoding(),
        libraries=tuple(_libraries()),
        watch_instances=_number(inotify / "max_user_instances"),
        watches=_number(inotify / "max_user_watches"),
    )


def check(facts: MachineFacts) -> list[Problem]:
    """Report what is insufficient."""
    return [
        *_judge_python(facts),
        *(_judge_library(library) for library in facts.libraries if not library.is_sufficient),
        *_judge_encodings(facts),
        *_judge_watching(facts),
    ]


def _judge_python(facts: MachineFacts) -> Iterator[Problem]:
    if facts.python < PYTHON:
        yield error(
            check=CHECK,
            what="this Python is too old",
            found=platform.python_version(),
            expected="3.11 or later",
            advice="install Undercroft with a later Python",
        )


def _judge_library(library: LibraryFacts) -> Problem:
    return error(
        check=CHECK,
        what=f"the library {library.name} is {'too old' if library.installed else 'missing'}",
        found=library.installed or "nothing",
        expected=f"{library.minimum or 'any version'} or later",
        advice="install Undercroft again",
    )


def _judge_encodings(facts: MachineFacts) -> Iterator[Problem]:
    for name, encoding in (("names of files", facts.filesystem_encoding), ("text", facts.text_encoding)):
        if not is_utf8(encoding):
            yield warning(
                check=CHECK,
                what=f"the encoding of {name} is not UTF-8: names in other languages may break",
                found=encoding,
                expected="utf-8",
                advice="set LANG to a UTF-8 locale, such as C.UTF-8",
            )


def _judge_watching(facts: MachineFacts) -> Iterator[Problem]:
    for name, value, fewest in (
        ("instances", facts.watch_instances, FEWEST_INSTANCES),
        ("watches", facts.watches, FEWEST_WATCHES),
    ):
        if value is not None and value < fewest:
            limit = f"fs.inotify.max_user_{name}"
            yield warning(
                check=CHECK,
                what=f"the system watches few files ({limit}): changes to files may be noticed late",
                found=str(value),
                expected=f"at least {fewest}",
                advice=f"raise the limit: sudo sysctl {limit}={fewest}",
            )


def is_utf8(encoding: str) -> bool:
    """Whether this is a name of UTF-8."""
    return encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig", "cp65001")


def _libraries() -> list[LibraryFacts]:
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return []  # frozen into a bundle together with its libraries
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
        found.append(LibraryFacts(match[1], minimum[1] if minimum else "", installed))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    match = _NUMBERS.match(version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text()[:32])
    except (OSError, ValueError):
        return None
