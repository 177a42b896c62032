"""Checks that the limits of this shell leave a runtime enough: files, processes, memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error
from actors.runtime.supervisor.host.launcher.process_limits import own_limits, shortage

CHECK: Final = "limits"
USUAL_CHILDREN: Final = 10
"""Of a profile that cannot be read."""


@dataclass(frozen=True)
class LimitFacts:
    """The limits of this process, and how many children would have to live with them.

    Attributes:
        limits: as `own_limits` has them.
    """

    children: int
    limits: dict[str, int] = field(default_factory=dict)


def look(home: ExaminedHome) -> LimitFacts:
    """Look at the limits of this process, which a runtime that is started from here would have."""
    children = USUAL_CHILDREN if home.profile is None else len(home.profile.children) + 1
    return LimitFacts(children, own_limits(children))


def check(facts: LimitFacts) -> list[Problem]:
    """Report the first limit that is too low."""
    found = shortage(facts.limits, facts.children)
    if found is None:
        return []
    return [
        error(
            check=CHECK,
            what=f"a runtime would not start from this shell: the limit of {found.option} is too low",
            found=f"{found.found:,}",
            expected=f"at least {found.needed:,}",
            advice=f"run: {found.command}",
        )
    ]
