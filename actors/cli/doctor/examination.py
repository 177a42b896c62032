"""All checks together: one that cannot be done is itself a finding, and the others go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from actors.doctor import (
    clock,
    crashes,
    databases,
    disk,
    documents,
    home,
    keychain,
    leftovers,
    locks,
    machine,
    models,
    permissions,
    settings,
    sockets,
)
from actors.doctor.problems import Place, Problem

CHECKS: Final[dict[str, tuple[Callable[[Place], Any], Callable[[Any], list[Problem]]]]] = {
    home.CHECK: (home.look, home.check),
    permissions.CHECK: (permissions.look, permissions.check),
    locks.CHECK: (locks.look, locks.check),
    sockets.CHECK: (sockets.look, sockets.check),
    disk.CHECK: (disk.look, disk.check),
    clock.CHECK: (clock.look, clock.check),
    machine.CHECK: (machine.look, machine.check),
    keychain.CHECK: (keychain.look, keychain.check),
    settings.CHECK: (settings.look, settings.check),
    models.CHECK: (models.look, models.check),
    documents.CHECK: (documents.look, documents.check),
    databases.CHECK: (databases.look, databases.check),
    leftovers.CHECK: (leftovers.look, leftovers.check),
    crashes.CHECK: (crashes.look, crashes.check),
}
"""Name of each check, what gathers its facts, and what judges them."""

SEVERITIES: Final = ("error", "warning", "info")


def examine(place: Place) -> list[Problem]:
    """Everything that is wrong with a home, or worth knowing about it; the worst first."""
    found: list[Problem] = []
    for name, (look, check) in CHECKS.items():
        try:
            found += check(look(place))
        except Exception as error:  # a check meets what nobody thought of, and the others are needed all the more
            what = f"this check could not be done: {type(error).__name__}"
            detail = getattr(error, "strerror", None) or ""
            found.append(Problem(check=name, severity="warning", what=what, found=detail, advice="tell whoever made the app"))
    return by_severity(found)


def by_severity(problems: list[Problem]) -> list[Problem]:
    """The worst first, otherwise in the order given."""
    return sorted(problems, key=lambda problem: SEVERITIES.index(problem.severity))


def is_well(problems: list[Problem]) -> bool:
    """Whether nothing needs attention."""
    return all(problem.severity == "info" for problem in problems)
