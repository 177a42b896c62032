"""The lines of `undercroft up --json`: one JSON object each, distinguished by its `type`.

A reader skips types and fields that it does not know: both may be added.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.operations.supervision import ActorStatus, LogLine


class UpStateLine(ActorStatus, frozen=True, kw_only=True, tag="state"):
    """An actor changed its state."""


class UpLogLine(LogLine, frozen=True, kw_only=True, tag="log"):
    """A child wrote a line, or the supervisor wrote one about it. Only with `--logs`."""


class UpSettledLine(msgspec.Struct, frozen=True, kw_only=True, tag="settled"):
    """Every actor that should run is ready, or has failed: nothing changes by itself for now.

    It comes again after each time that something had to settle anew.

    Attributes:
        ready: every actor is ready, or has done its work and ended well. Only then is all there.
        not_ready: names of the others; `actors` says why.
        home: as it was given to `up`; empty: the platform's directories.
        pid: process id of the supervisor.
        started_at: seconds since the Unix epoch.
        settled: always true.
    """

    ready: bool
    not_ready: list[str]
    version: str
    profile: str
    home: str
    pid: int
    started_at: float
    settled: bool
    actors: list[ActorStatus]


class UpStoppingLine(msgspec.Struct, frozen=True, kw_only=True, tag="stopping"):
    """The runtime begins to stop.

    Attributes:
        stopping: why.
    """

    stopping: str


class UpProfileLine(msgspec.Struct, frozen=True, kw_only=True, tag="profile"):
    """The profile was read again.

    Attributes:
        fault: why the former one stays in force; empty: the new one applies.
    """

    fault: str


class UpDroppedLine(msgspec.Struct, frozen=True, kw_only=True, tag="dropped"):
    """Lines are missing here: nobody read them in time. `undercroft status` tells the present state.

    Attributes:
        dropped: number of lines.
    """

    dropped: int


class UpErrorLine(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of an `up` that could not start, or could not go on.

    Attributes:
        type: name of the error, such as `AlreadyRunning` or `ProfileError`.
        error: what is wrong, and what to do about it.
        exit_code: with which the process ends.
        mistakes: of a profile, each with `file`, `place`, `problem`, `cure`, as in `undercroft check --json`;
            only with the type `ProfileError`.
    """

    type: str
    error: str
    exit_code: int
    mistakes: list[dict[str, Any]] = []


UpLine = UpStateLine | UpLogLine | UpSettledLine | UpStoppingLine | UpProfileLine | UpDroppedLine
"""Any line, except for that of an error."""

UP_LINES: Final[tuple[type[msgspec.Struct], ...]] = (
    UpStateLine,
    UpLogLine,
    UpSettledLine,
    UpStoppingLine,
    UpProfileLine,
    UpDroppedLine,
    UpErrorLine,
)
