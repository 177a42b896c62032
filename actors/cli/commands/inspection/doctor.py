"""`undercroft doctor`: examines the home itself, and asks the runtime if one is up."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, profile_option, target_options
from actors.cli.output import print_json
from actors.shared.profile.profile import DEFAULT_PROFILE
from bus.errors import NotRunning, RequestFailed, UndercroftError, UnsafePlace

if TYPE_CHECKING:
    from actors.cli.doctor.checks.runtime_check import RuntimeFacts
    from actors.cli.doctor.problems import ExaminedHome, Problem
    from actors.cli.doctor.repairs import RepairOutcome
    from bus.client import Peer

MARKS: Final = {"error": "✗", "warning": "!", "info": "·"}


@click.command()
@click.option("--fix", is_flag=True, help="Show what can be repaired safely. Changes nothing without --yes.")
@click.option("--yes", "is_sure", is_flag=True, help="With --fix: repair it.")
@click.option(
    "--acknowledge",
    is_flag=True,
    help="Take note of all crashes so far: they are no longer warnings. Their records stay.",
)
@target_options
@profile_option
@pass_target
def doctor(target: Target, fix: bool, is_sure: bool, acknowledge: bool) -> int:
    """Find what is wrong, and say what to do about it.

    The exit code is 0 if all is well and 1 if something needs attention; with --fix --yes, if something still
    does.

    \b
    Examples:
      undercroft doctor
      undercroft doctor --fix
      undercroft doctor --fix --yes
      undercroft doctor --acknowledge
      undercroft doctor --json | jq '.problems[] | select(.severity == "error")'
    """
    from actors.cli.doctor.examination import is_well
    from actors.cli.doctor.repairs import plan, preview
    from actors.shared.crash_files import acknowledge_crashes

    if is_sure and not fix:
        raise click.UsageError("--yes goes with --fix")
    home = home_of(target)
    acknowledged = acknowledge_crashes(home.locations.state, home.now) if acknowledge else None
    problems = examine_all(target, home)
    outcomes = preview(plan(problems)) if fix else []
    if fix and is_sure and outcomes:
        outcomes = _repair(target, home, problems)
        problems = examine_all(target, home_of(target))
    if target.as_json:
        print_json(_as_data(home, problems, outcomes, acknowledged))
    else:
        lines = [*_problem_lines(problems), *_outcome_lines(outcomes, is_sure), _summary(problems, fix=fix)]
        click.echo("\n".join(lines))
    return ExitCode.OK if is_well(problems) else ExitCode.FAILED


def home_of(target: Target) -> ExaminedHome:
    """Where everything of the app lies, and whether a runtime holds it."""
    from actors.cli.doctor.checks.lock_check import is_held
    from actors.cli.doctor.problems import ExaminedHome
    from actors.runtime.supervisor.host.broker_endpoints import run_directory
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
    return ExaminedHome(
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
    """The profile to judge by: that of the command line, else that of the last runtime, even a killed one."""
    from bus.discovery import read_runtime, runtime_path

    if target.profile != DEFAULT_PROFILE:
        return target.profile
    try:
        return read_runtime(runtime_path(target.app, target.home)).profile or target.profile
    except NotRunning:
        return target.profile


def examine_all(target: Target, home: ExaminedHome) -> list[Problem]:
    """Examine the home, and ask the runtime if one is up. The most severe problem comes first."""
    from actors.cli.doctor.checks import runtime_check
    from actors.cli.doctor.examination import by_severity, examine

    problems = examine(home)
    if not home.is_up:
        return problems
    return by_severity([*runtime_check.check(runtime_facts(target, home.now)), *problems])


def runtime_facts(target: Target, now: float) -> RuntimeFacts:
    """What the runtime reports, or why it does not answer."""
    from actors.cli.connection import with_peer
    from actors.cli.doctor.checks.runtime_check import RuntimeFacts
    from actors.shared.version import VERSION

    try:
        found = with_peer(target, _gather)
    except UndercroftError as error:
        return RuntimeFacts(fault=str(error), now=now)
    return dataclasses.replace(found, version=VERSION, now=now)


async def _gather(peer: Peer) -> RuntimeFacts:
    from actors.cli.commands.lifecycle.status import status_and_alerts
    from actors.cli.connection import ask
    from actors.cli.doctor.checks.runtime_check import RuntimeFacts
    from schemas.history import HistoryStatusEvent, HistoryStatusRequestEvent

    overview, alerts = await status_and_alerts(peer)
    history: HistoryStatusEvent | None = None
    if any(status.actor == "history" and status.state == "ready" for status in overview.actors):
        try:
            history = await ask(peer, HistoryStatusRequestEvent())
        except RequestFailed:
            history = None  # the state of its actor says why
    return RuntimeFacts(overview=overview, alerts=tuple(alerts), history=history)


def _repair(target: Target, home: ExaminedHome, problems: list[Problem]) -> list[RepairOutcome]:
    """Carry out the repairs while holding the home, so that no runtime starts meanwhile."""
    from actors.cli.doctor.repairs import carry_out, plan
    from actors.runtime.supervisor.host.home.home_lock import AlreadyRunning, take_home

    try:
        with take_home(home.locations.state, f"the doctor of {target.app}", is_supervisor=False):
            return carry_out(plan(problems), is_up=False)
    except (AlreadyRunning, UnsafePlace, OSError):  # what lies in an unsafe place is not removed either
        return carry_out(plan(problems), is_up=True)


def _as_data(
    home: ExaminedHome, problems: list[Problem], outcomes: list[RepairOutcome], acknowledged: int | None
) -> dict[str, Any]:
    from actors.cli.doctor.examination import is_well

    return {
        "is_well": is_well(problems),
        "is_up": home.is_up,
        "problems": [
            {**msgspec.to_builtins(problem), "is_fixable": problem.is_fixable} for problem in problems
        ],
        "repairs": outcomes,
        **({} if acknowledged is None else {"acknowledged": acknowledged}),
    }


def _problem_lines(problems: list[Problem]) -> list[str]:
    lines = []
    for problem in problems:
        lines.append(f"{MARKS[problem.severity]} {problem.severity} {problem.check}: {problem.what}")
        if problem.where:
            lines.append(f"    where: {problem.where}")
        if problem.found:
            expected = f"; expected: {problem.expected}" if problem.expected else ""
            lines.append(f"    found: {problem.found}{expected}")
        if problem.advice:
            lines.append(f"    do: {problem.advice}")
    return lines


def _outcome_lines(outcomes: list[RepairOutcome], is_sure: bool) -> list[str]:
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
    summary = ", ".join(named) if named else "all is well"
    fixable = sum(problem.is_fixable for problem in problems)
    if not fixable:
        return summary
    hint = "repair them with 'undercroft doctor --fix --yes'" if fix else "see 'undercroft doctor --fix'"
    return f"{summary}; {fixable} can be repaired: {hint}"
