"""Runs all checks. A check that fails is a finding itself, and the others go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from actors.cli.doctor.checks import (
    crash_check,
    database_check,
    directory_check,
    document_check,
    leftover_check,
    lock_check,
    model_check,
    owner_check,
    permission_check,
    profile_check,
    settings_check,
    socket_check,
)
from actors.cli.doctor.checks.system import (
    clock_check,
    disk_check,
    keychain_check,
    limits_check,
    machine_check,
)
from actors.cli.doctor.problems import ExaminedHome, Problem, warning

CHECKS: Final[dict[str, tuple[Callable[[ExaminedHome], Any], Callable[[Any], list[Problem]]]]] = {
    owner_check.CHECK: (owner_check.look, owner_check.check),
    limits_check.CHECK: (limits_check.look, limits_check.check),
    directory_check.CHECK: (directory_check.look, directory_check.check),
    permission_check.CHECK: (permission_check.look, permission_check.check),
    lock_check.CHECK: (lock_check.look, lock_check.check),
    socket_check.CHECK: (socket_check.look, socket_check.check),
    disk_check.CHECK: (disk_check.look, disk_check.check),
    clock_check.CHECK: (clock_check.look, clock_check.check),
    machine_check.CHECK: (machine_check.look, machine_check.check),
    keychain_check.CHECK: (keychain_check.look, keychain_check.check),
    profile_check.CHECK: (profile_check.look, profile_check.check),
    settings_check.CHECK: (settings_check.look, settings_check.check),
    model_check.CHECK: (model_check.look, model_check.check),
    document_check.CHECK: (document_check.look, document_check.check),
    database_check.CHECK: (database_check.look, database_check.check),
    leftover_check.CHECK: (leftover_check.look, leftover_check.check),
    crash_check.CHECK: (crash_check.look, crash_check.check),
}
"""For each check what gathers its facts, and what judges them."""

FOUNDATIONS: Final = frozenset({owner_check.CHECK, limits_check.CHECK})
"""While one of these fails, others may fail for no reason of their own."""

SEVERITIES: Final = ("error", "warning", "info")


def examine(home: ExaminedHome) -> list[Problem]:
    """Everything that is wrong with a home or worth knowing about it, the most severe first."""
    found: list[Problem] = []
    for name, (look, check) in CHECKS.items():
        try:
            found += check(look(home))
        except Exception as error:  # a check may meet anything, and the others are needed all the more
            found.append(
                warning(
                    check=name,
                    what=f"this check failed: {type(error).__name__}",
                    found=getattr(error, "strerror", None) or "",
                    advice="report this to the maker of the app",
                )
            )
    return by_severity(found)


def by_severity(problems: list[Problem]) -> list[Problem]:
    """The most severe first, of these what nothing works without, otherwise in the order given."""
    return sorted(
        problems, key=lambda problem: (SEVERITIES.index(problem.severity), problem.check not in FOUNDATIONS)
    )


def is_well(problems: list[Problem]) -> bool:
    """Whether nothing needs attention."""
    return all(problem.severity == "info" for problem in problems)
