"""What a check finds, and what would repair it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import msgspec

from actors.shared.locations.locations import Locations
from actors.shared.profile.profile import Profile

ProblemSeverity = Literal["info", "warning", "error"]
"""`info`: nothing is wrong, but worth knowing. `warning`: it works, but not as it should.
`error`: it does not work, or soon will not."""

LISTED: Final = 3
"""How many of several paths a problem names."""


class SetMode(msgspec.Struct, frozen=True, kw_only=True, tag="set_mode"):
    """Set the mode of a file or directory of this user."""

    path: str
    mode: int


class RemoveFile(msgspec.Struct, frozen=True, kw_only=True, tag="remove_file"):
    """Remove a file or socket that nobody needs. Done only while no runtime is up."""

    path: str


class MakeDirectory(msgspec.Struct, frozen=True, kw_only=True, tag="make_directory"):
    """Create a missing directory, for this user alone."""

    path: str


Repair = SetMode | RemoveFile | MakeDirectory


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or worth knowing. It holds no secret and no content of files.

    Attributes:
        check: name of the check that found it.
        what: what is wrong, in a sentence.
        where: file, directory or actor; the first few of many.
        found: what the check found; empty if there is nothing to compare.
        expected: what it expected instead.
        advice: what to do; empty if nothing.
        repairs: what `undercroft doctor --fix` would do; empty if that is not safe.
    """

    check: str
    severity: ProblemSeverity
    what: str
    where: str = ""
    found: str = ""
    expected: str = ""
    advice: str = ""
    repairs: tuple[Repair, ...] = ()

    @property
    def is_fixable(self) -> bool:
        """Whether `--fix` repairs it."""
        return bool(self.repairs)


error = partial(Problem, severity="error")
warning = partial(Problem, severity="warning")
info = partial(Problem, severity="info")


@dataclass(frozen=True, kw_only=True)
class ExaminedHome:
    """What is examined.

    Attributes:
        locations: where each kind of file lies.
        chosen: categories whose directory a person chose.
        runtime_path: where `runtime.json` is expected.
        run_directory: where the sockets are expected.
        profile: what the app declares; None if it cannot be read.
        profile_fault: why it cannot be read.
        is_up: whether a runtime holds the lock of the home.
        now: seconds since the Unix epoch.
    """

    locations: Locations
    runtime_path: Path
    run_directory: Path
    now: float
    chosen: frozenset[str] = frozenset()
    profile: Profile | None = None
    profile_fault: str = ""
    is_up: bool = False


def listed(paths: Sequence[str]) -> str:
    """Several paths in words: the first few, and how many more there are."""
    more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return ", ".join(paths[:LISTED]) + more
