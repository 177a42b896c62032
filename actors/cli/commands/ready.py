"""`undercroft ready`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Final

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import DeadlinePassed, ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.views.ready_view import ReadyView, setup_lines, view_for
from bus.client import GapEvent, Peer
from bus.errors import OperatorError
from bus.peer.feed.follower import Follower
from schemas.paths import PathChooseRequestEvent, PathMoveChangedEvent
from schemas.readiness import (
    ReadinessChangedEvent,
    ReadinessReportedEvent,
    ReadinessReportRequestEvent,
    ReadinessRetryRequestEvent,
    ReadinessSetupRequestEvent,
    ReadinessSnapshot,
    SetupPrompt,
)

COMMAND_TIMEOUT_SECONDS: Final = 120.0
GOES_ON: Final = ("checking", "downloading")
Snapshots = Follower[ReadinessReportedEvent, ReadinessChangedEvent]


class NotConfirmed(OperatorError):
    """Something was not confirmed, or could not be done.

    Attributes:
        what: what has to be confirmed, or what went wrong.
        advice: what to do next.
    """

    what: str
    advice: str
    words = "{what}; {advice}"


@dataclass(frozen=True)
class ReadyOptions:
    """What the command does before it waits.

    Attributes:
        wait_seconds: how long to wait; None: without a limit.
        setup: install the bundle of missing models.
        retry: try again what failed.
        location: new directory of the models; empty: no change.
        is_confirmed: install the bundle without a prompt.
        accept_licences: the licences of the bundle are accepted.
    """

    wait_seconds: float | None
    setup: bool
    retry: bool
    location: str
    is_confirmed: bool
    accept_licences: bool


@click.command()
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    help="Give up after this many seconds.  [default: no limit]",
)
@click.option("--report", is_flag=True, help="Print the full readiness report and do not wait.")
@click.option("--setup", is_flag=True, help="Install the missing models after one prompt, and wait for them.")
@click.option("--yes", "-y", is_flag=True, help="With --setup: do not prompt.")
@click.option("--accept-licences", is_flag=True, help="With --setup: accept the licences of the models.")
@click.option(
    "--location",
    default="",
    metavar="DIR",
    help="Move the models to this directory; it is created if it does not exist.",
)
@click.option("--retry", is_flag=True, help="Try again what failed.")
@click.option("--locale", default="", help="Language of the report, such as de.")
@target_options
@pass_target
def ready(
    target: Target,
    wait_seconds: float | None,
    report: bool,
    setup: bool,
    yes: bool,
    accept_licences: bool,
    location: str,
    retry: bool,
    locale: str,
) -> int:
    """Wait until the app is ready, and show what is still missing.

    The exit code is 0 only if everything is ready. It is 4 if you have to do something first (setup,
    recovery, or a mode that cannot be used), 5 if the app is not ready in time, and 3 if no runtime is
    running.

    \b
    Examples:
      undercroft ready
      undercroft ready --wait 30 --json
      undercroft ready --setup --yes
      undercroft ready --report
    """
    if report:
        return _report(target, locale)
    options = ReadyOptions(wait_seconds, setup, retry, location, yes, accept_licences)
    with view_for(as_json=target.as_json, is_terminal=sys.stdout.isatty()) as view:
        last = with_peer(target, lambda peer: _follow(peer, view, options))
        view.end(last)
    return code_of(last)


def code_of(snapshot: ReadinessSnapshot) -> ExitCode:
    """The exit code: 0 only if everything is ready."""
    if snapshot.state == "ready":
        return ExitCode.OK
    return ExitCode.FAILED if snapshot.state in ("idle", *GOES_ON) else ExitCode.REFUSED


def _report(target: Target, locale: str) -> int:
    reported = with_peer(target, lambda peer: ask(peer, ReadinessReportRequestEvent(locale=locale)))
    if target.as_json:
        print_json(reported)
    else:
        print(reported.text, end="")
    return code_of(reported.snapshot)


async def _follow(peer: Peer, view: ReadyView, options: ReadyOptions) -> ReadinessSnapshot:
    """Carry out the options, then show every snapshot until one is final.

    Raises:
        DeadlinePassed: none was final in time.
    """
    try:
        request = ReadinessReportRequestEvent()
        async with (
            asyncio.timeout(options.wait_seconds),
            peer.ask_then_follow(request, ReadinessChangedEvent) as snapshots,
        ):
            now = (await ask(peer, request)).snapshot  # a runtime without readiness says so at once
            view.show(now)
            from_revision = now.revision + 1
            if options.location:
                now = await _move(peer, snapshots, view, options.location)
            if options.retry:
                from_revision = (
                    await ask(peer, ReadinessRetryRequestEvent(), COMMAND_TIMEOUT_SECONDS)
                ).revision
            elif options.setup:
                now = now if now.state not in GOES_ON else await _next_end(snapshots, view, 0)
                from_revision = await _set_up(peer, view, now, options)
            elif now.state not in GOES_ON:
                return now
            return await _next_end(snapshots, view, from_revision)
    except TimeoutError as error:
        advice = "it continues by itself; run 'undercroft ready --report' to see the progress"
        raise DeadlinePassed("readiness", options.wait_seconds or 0.0, advice) from error


async def _next_end(snapshots: Snapshots, view: ReadyView, from_revision: int) -> ReadinessSnapshot:
    """Show each snapshot from a revision on, until one does not continue by itself."""
    async for event in snapshots:
        if event.snapshot.revision >= from_revision:
            view.show(event.snapshot)
            if event.snapshot.state not in GOES_ON:
                return event.snapshot
    raise AssertionError("the subscription of an open peer never ends")


async def _move(peer: Peer, snapshots: Snapshots, view: ReadyView, location: str) -> ReadinessSnapshot:
    request = PathChooseRequestEvent(category="models", path=location, create_missing=True)
    chosen = await ask(peer, request, COMMAND_TIMEOUT_SECONDS)
    if not chosen.accepted:
        raise NotConfirmed(
            f"{location}: " + "; ".join(problem.message for problem in chosen.problems),
            "choose another directory",
        )
    if chosen.move_id:
        await _wait_until_moved(peer, chosen.move_id, location)
    wanted = next(
        (status.next_path or status.path for status in chosen.paths if status.category == "models"), location
    )
    async for event in snapshots:
        view.show(event.snapshot)
        if event.snapshot.location == wanted:
            return event.snapshot
    raise AssertionError("the subscription of an open peer never ends")


async def _wait_until_moved(peer: Peer, move_id: str, location: str) -> None:
    """Wait until the new directory is in use; until then nothing can be installed.

    Raises:
        NotConfirmed: the models stayed where they were.
    """
    async with peer.subscribe(PathMoveChangedEvent) as moves:
        async for move in moves:
            if isinstance(move, GapEvent) or move.move_id != move_id or move.state == "moving":
                continue
            if move.state in ("failed", "cancelled"):
                raise NotConfirmed(
                    f"{location}: {move.problem or 'the move was cancelled'}",
                    "choose another directory, or try again",
                )
            return


async def _set_up(peer: Peer, view: ReadyView, now: ReadinessSnapshot, options: ReadyOptions) -> int:
    """Install the bundle; returns the first revision whose snapshot contains that."""
    if now.setup is None or not now.setup.models:
        return now.revision
    is_accepted = options.accept_licences or not any(model.licence_due for model in now.setup.models)
    if not options.is_confirmed:
        view.pause()
        await asyncio.to_thread(_confirm, now.setup)
        is_accepted = True  # the prompt showed the licences
    request = ReadinessSetupRequestEvent(location=now.location, accept_licences=is_accepted)
    done = await ask(peer, request, COMMAND_TIMEOUT_SECONDS)
    if done.problems:
        raise NotConfirmed("; ".join(done.problems), "solve this, then run 'undercroft ready --setup' again")
    return done.revision


def _confirm(setup: SetupPrompt) -> None:
    """Prompt once for the whole bundle.

    Raises:
        NotConfirmed: there is no terminal, or the answer is no.
    """
    lines = setup_lines(setup)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotConfirmed("\n".join(lines), "run 'undercroft ready --setup --yes' to confirm this")
    print("\n".join(lines))
    if not click.confirm("Download this?"):
        raise NotConfirmed(
            "nothing was downloaded",
            "run 'undercroft ready --setup' again, with --location DIR for another directory",
        )
