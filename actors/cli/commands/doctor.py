"""`undercroft doctor`: looks at the home itself, so a runtime need not be up; one that is up is asked as well."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import click
import msgspec

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, profile_option, target_options
from actors.cli.output import print_json
from actors.shared.profile.profile import DEFAULT_PROFILE
from bus.errors import NotRunning, RequestFailed, UndercroftError

if TYPE_CHECKING:
    from actors.cli.doctor.checks.runtime_check import Facts
    from actors.cli.doctor.problems import Place, Problem
    from actors.cli.doctor.repairs import Outcome
    from bus.client import Peer

MARKS = {"error": "✗", "warning": "!", "info": "·"}


@click.command()
@click.option("--fix", is_flag=True, help="Show what could be mended safely. Changes nothing without --yes.")
@click.option("--yes", "is_sure", is_flag=True, help="With --fix: mend it.")
@target_options
@profile_option
@pass_target
def doctor(target: Target, fix: bool, is_sure: bool) -> int:
    """Look for what is wrong, and say what to do about it.

    Exit code 0 if all is well, 1 if something needs attention; with --fix --yes: if something still does.

    \b
    Examples:
      undercroft doctor
      undercroft doctor --fix
      undercroft doctor --fix --yes
      undercroft doctor --json | jq '.problems[] | select(.severity == "error")'
    """
    from actors.cli.doctor.examination import is_well
    from actors.cli.doctor.repairs import plan, preview

    if is_sure and not fix:
        raise click.UsageError("--yes goes with --fix")
    place = place_of(target)
    problems = look_everywhere(target, place)
    outcomes = preview(plan(problems)) if fix else []
    if fix and is_sure and outcomes:
        outcomes = _mend(target, place, problems)
        problems = look_everywhere(target, place_of(target))
    if target.as_json:
        print_json(_as_data(place, problems, outcomes))
    else:
        click.echo("\n".join([*_lines(problems), *_lines_of(outcomes, is_sure), _summary(problems, fix=fix)]))
    return ExitCode.OK if is_well(problems) else ExitCode.FAILED


def place_of(target: Target) -> Place:
    """Where everything of the app lies, and whether a runtime has it."""
    from actors.cli.doctor.checks.lock_check import is_held
    from actors.cli.doctor.problems import Place
    from actors.runtime.supervisor.broker_endpoints import run_directory
    from actors.shared.locations.location_choices import read_choices, resolve
    from actors.shared.locations.locations import locate
    from actors.shared.profile.profile import ProfileError, find_profile, read_profile
    from bus.discovery import runtime_path

    defaults = locate(target.app, target.home)
    resolved = resolve(defaults, read_choices(defaults.config).choices)
    profile, fault = None, ""
    try:
        profile = read_profile(find_profile(profile_of(target)))
    except ProfileError as error:
        fault = str(error)
    state = resolved.locations.state
    return Place(
        locations=resolved.locations,
        chosen=frozenset(
            category for category, origin in resolved.origins.items() if origin not in ("home", "platform")
        ),
        runtime_path=runtime_path(target.app, target.home),
        run_directory=run_directory(state),
        profile=profile,
        profile_fault=fault,
        is_up=bool(is_held(state)),
        now=time.time(),
    )


def profile_of(target: Target) -> str:
    """Profile that the home is judged by: the one that was asked for, else the one that the runtime runs, or ran when it was killed."""
    from bus.discovery import read_runtime, runtime_path

    if target.profile != DEFAULT_PROFILE:
        return target.profile
    try:
        return read_runtime(runtime_path(target.app, target.home)).profile or target.profile
    except NotRunning:
        return target.profile


def look_everywhere(target: Target, place: Place) -> list[Problem]:
    """Examine the home, and ask the runtime if one is up; the worst comes first."""
    from actors.cli.doctor.checks import runtime_check
    from actors.cli.doctor.examination import by_severity, examine

    problems = examine(place)
    return (
        by_severity([*runtime_check.check(ask_runtime(target, place.now)), *problems])
        if place.is_up
        else problems
    )


def ask_runtime(target: Target, now: float) -> Facts:
    """What a runtime says of itself; why it says nothing, if so."""
    from actors.cli.connection import with_peer
    from actors.cli.doctor.checks.runtime_check import Facts
    from actors.shared.version import VERSION

    try:
        found = with_peer(target, _talk)
    except UndercroftError as error:
        return Facts(fault=str(error), now=now)
    return dataclasses.replace(found, version=VERSION, now=now)


async def _talk(peer: Peer) -> Facts:
    from actors.cli.commands.lifecycle.status import status_and_alerts
    from actors.cli.connection import ask
    from actors.cli.doctor.checks.runtime_check import Facts
    from schemas.history import HistoryStatusEvent, HistoryStatusRequestEvent

    overview, alerts = await status_and_alerts(peer)
    history: HistoryStatusEvent | None = None
    if any(status.actor == "history" and status.state == "ready" for status in overview.actors):
        try:
            history = await ask(peer, HistoryStatusRequestEvent())
        except RequestFailed:
            history = None  # its state says why
    return Facts(overview=overview, alerts=tuple(alerts), history=history)


def _mend(target: Target, place: Place, problems: list[Problem]) -> list[Outcome]:
    """Carry out the repairs, with the home taken, so that no runtime starts meanwhile."""
    from actors.cli.doctor.repairs import carry_out, plan
    from actors.runtime.supervisor.home_lock import AlreadyRunning, take_home

    try:
        with take_home(place.locations.state, f"{target.app} (doctor)"):
            return carry_out(plan(problems), is_up=False)
    except (AlreadyRunning, OSError):
        return carry_out(plan(problems), is_up=True)


def _as_data(place: Place, problems: list[Problem], outcomes: list[Outcome]) -> dict[str, Any]:
    from actors.cli.doctor.examination import is_well

    return {
        "is_well": is_well(problems),
        "is_up": place.is_up,
        "problems": [
            {**msgspec.to_builtins(problem), "is_fixable": problem.is_fixable} for problem in problems
        ],
        "repairs": outcomes,
    }


def _lines(problems: list[Problem]) -> list[str]:
    lines = []
    for problem in problems:
        lines.append(f"{MARKS[problem.severity]} {problem.severity} {problem.check}: {problem.what}")
        if problem.where:
            lines.append(f"    where: {problem.where}")
        if problem.found:
            lines.append(
                f"    found: {problem.found}"
                + (f"; expected: {problem.expected}" if problem.expected else "")
            )
        if problem.advice:
            lines.append(f"    do: {problem.advice}")
    return lines


def _lines_of(outcomes: list[Outcome], is_sure: bool) -> list[str]:
    if not is_sure:
        return [f"would {outcome.what}" for outcome in outcomes]
    return [
        f"done: {outcome.what}" if outcome.is_done else f"not done: {outcome.what}: {outcome.why_not}"
        for outcome in outcomes
    ]


def _summary(problems: list[Problem], *, fix: bool) -> str:
    counts = {severity: sum(problem.severity == severity for problem in problems) for severity in MARKS}
    named = [
        f"{count} {severity}{'s' if count != 1 and severity != 'info' else ''}"
        for severity, count in counts.items()
        if count
    ]
    words = ", ".join(named) if named else "all is well"
    fixable = sum(problem.is_fixable for problem in problems)
    hint = (
        "; 'undercroft doctor --fix --yes' mends what can be mended"
        if fix
        else "; see 'undercroft doctor --fix'"
    )
    return words + (f"; {fixable} can be mended{hint}" if fixable else "")
