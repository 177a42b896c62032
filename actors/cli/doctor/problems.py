"""What a check finds, and what would mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec

from actors.shared.locations.locations import Locations
from actors.shared.profile.profile import Profile

Severity = Literal["info", "warning", "error"]
"""`info`: worth knowing, nothing is wrong. `warning`: it works, not as it should. `error`: something does not work, or soon will not."""

SHOWN: Final = 3
"""So many of several places are named."""


class SetMode(msgspec.Struct, frozen=True, kw_only=True, tag="set_mode"):
    """Give a file or directory of ours this mode."""

    path: str
    mode: int


class RemoveFile(msgspec.Struct, frozen=True, kw_only=True, tag="remove_file"):
    """Remove a file or socket that nobody needs any more. Done only while no runtime is up."""

    path: str


class MakeDirectory(msgspec.Struct, frozen=True, kw_only=True, tag="make_directory"):
    """Make a missing directory, for this user alone."""

    path: str


Repair = SetMode | RemoveFile | MakeDirectory


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or worth knowing. Holds no secret and nothing of what files contain.

    Attributes:
        check: name of the check that found it.
        what: what is wrong, in a sentence.
        where: file, directory or actor; the first ones of many.
        found, expected: what the check compared; empty where there is nothing to compare.
        advice: what to do; empty if nothing.
        repairs: what `undercroft doctor --fix` would do; empty if it is not safe to have a program do it.
    """

    check: str
    severity: Severity
    what: str
    where: str = ""
    found: str = ""
    expected: str = ""
    advice: str = ""
    repairs: tuple[Repair, ...] = ()

    @property
    def is_fixable(self) -> bool:
        """Whether `--fix` mends it."""
        return bool(self.repairs)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is looked at.

    Attributes:
        locations: where each kind of file lies.
        chosen: categories whose directory a person chose.
        runtime_path: where `runtime.json` is expected.
        run_directory: where the sockets are expected.
        profile: what the app declares; None if it cannot be read.
        is_up: whether a runtime holds the lock of the home.
        now: seconds since the Unix epoch.
    """

    locations: Locations
    runtime_path: Path
    run_directory: Path
    now: float
    chosen: frozenset[str] = frozenset()
    profile: Profile | None = None
    is_up: bool = False
    profile_fault: str = field(default="")


def places(paths: Sequence[str]) -> str:
    """Several places in words: the first ones, and how many more."""
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more


def size(count: float) -> str:
    """A number of bytes in its largest unit."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
