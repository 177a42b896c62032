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
from bus.peer.subscription import Subscription
from schemas.paths import PathChooseRequestEvent, PathMoveChangedEvent
from schemas.readiness import (
    ReadinessChangedEvent,
    ReadinessReportRequestEvent,
    ReadinessRetryRequestEvent,
    ReadinessSetupRequestEvent,
    ReadinessSnapshot,
    SetupPrompt,
)

WISH_TIMEOUT_SECONDS: Final = 120.0
GOES_ON: Final = ("checking", "downloading")
Snapshots = Subscription[ReadinessChangedEvent | GapEvent]


class NotConfirmed(OperatorError):
    """Something needs a person's word, and there was none.

    Attributes:
        what: what was to be confirmed.
        advice: how to give it.
    """

    what: str
    advice: str
    words = "{what}; {advice}"


@dataclass(frozen=True)
class Wishes:
    """What is to be done before it is waited for.

    Attributes:
        wait_seconds: None: as long as it takes.
        location: directory to which the models go from now on; empty: stay.
        is_confirmed: the bundle need not be asked for.
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
    help="Give up after so many seconds.  [default: as long as it takes]",
)
@click.option("--report", is_flag=True, help="Print the full readiness report, and wait for nothing.")
@click.option(
    "--setup", is_flag=True, help="Confirm the bundle of models that is missing, once, and wait for it."
)
@click.option("--yes", "-y", is_flag=True, help="With --setup: do not ask.")
@click.option("--accept-licences", is_flag=True, help="With --setup: the licences that are due are accepted.")
@click.option(
    "--location",
    default="",
    metavar="DIR",
    help="Have models in this directory from now on; it is created if it is missing.",
)
@click.option("--retry", is_flag=True, help="Try what failed again.")
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
    """Wait until the app can be used, and show what is still missing.

    Exit code 0 only when all is ready; 4 if a person has to decide something first (setup, recovery, or a
    mode that cannot be used); 5 if it is not ready in time; 3 if no runtime is up.

    \b
    Examples:
      undercroft ready
      undercroft ready --wait 30 --json
      undercroft ready --setup --yes
      undercroft ready --report
    """
    if report:
        return _report(target, locale)
    wishes = Wishes(wait_seconds, setup, retry, location, yes, accept_licences)
    with view_for(as_json=target.as_json, is_terminal=sys.stdout.isatty()) as view:
        last = with_peer(target, lambda peer: _follow(peer, view, wishes))
        view.end(last)
    return code_of(last)


def code_of(snapshot: ReadinessSnapshot) -> ExitCode:
    """0 only when all is ready."""
    if snapshot.state == "ready":
        return ExitCode.OK
    return ExitCode.FAILED if snapshot.state in ("idle", *GOES_ON) else ExitCode.REFUSED


def _report(target: Target, locale: str) -> int:
    told = with_peer(target, lambda peer: ask(peer, ReadinessReportRequestEvent(locale=locale)))
    if target.as_json:
        print_json(told)
    else:
        print(told.text, end="")
    return code_of(told.snapshot)


async def _follow(peer: Peer, view: ReadyView, wishes: Wishes) -> ReadinessSnapshot:
    """Carry out the wishes, then show every snapshot until one is an end.

    Raises:
        DeadlinePassed: none was in time.
    """
    try:
        async with asyncio.timeout(wishes.wait_seconds), peer.subscribe(ReadinessChangedEvent) as snapshots:
            now = (await ask(peer, ReadinessReportRequestEvent())).snapshot
            view.show(now)
            from_revision = now.revision + 1
            if wishes.location:
                now = await _move(peer, snapshots, view, wishes.location)
            if wishes.retry:
                from_revision = (await ask(peer, ReadinessRetryRequestEvent(), WISH_TIMEOUT_SECONDS)).revision
            elif wishes.setup:
                now = now if now.state not in GOES_ON else await _next_end(snapshots, view, 0)
                from_revision = await _set_up(peer, view, now, wishes)
            elif now.state not in GOES_ON:
                return now
            return await _next_end(snapshots, view, from_revision)
    except TimeoutError as error:
        advice = "it goes on by itself; run 'undercroft ready --report' to see how far it is"
        raise DeadlinePassed("readiness", wishes.wait_seconds or 0.0, advice) from error


async def _next_end(snapshots: Snapshots, view: ReadyView, from_revision: int) -> ReadinessSnapshot:
    """Show each snapshot from a revision on, until one does not go on by itself."""
    async for event in snapshots:
        if not isinstance(event, GapEvent) and event.snapshot.revision >= from_revision:
            view.show(event.snapshot)
            if event.snapshot.state not in GOES_ON:
                return event.snapshot
    raise AssertionError("a subscription of an open peer has no end")


async def _move(peer: Peer, snapshots: Snapshots, view: ReadyView, location: str) -> ReadinessSnapshot:
    request = PathChooseRequestEvent(category="models", path=location, create_missing=True)
    chosen = await ask(peer, request, WISH_TIMEOUT_SECONDS)
    if not chosen.accepted:
        raise NotConfirmed(
            f"{location}: " + "; ".join(problem.message for problem in chosen.problems),
            "choose another directory",
        )
    if chosen.move_id:
        await _over_there(peer, chosen.move_id, location)
    wanted = next(
        (status.next_path or status.path for status in chosen.paths if status.category == "models"), location
    )
    async for event in snapshots:
        if not isinstance(event, GapEvent):
            view.show(event.snapshot)
            if event.snapshot.location == wanted:
                return event.snapshot
    raise AssertionError("a subscription of an open peer has no end")


async def _over_there(peer: Peer, move_id: str, location: str) -> None:
    """Wait until the new place serves; before that nothing can be installed in either.

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


async def _set_up(peer: Peer, view: ReadyView, now: ReadinessSnapshot, wishes: Wishes) -> int:
    """Confirm the bundle; returns the revision from which on snapshots know of it."""
    if now.setup is None or not now.setup.models:
        return now.revision
    is_accepted = wishes.accept_licences or not any(model.licence_due for model in now.setup.models)
    if not wishes.is_confirmed:
        view.pause()
        await asyncio.to_thread(_confirm, now.setup)
        is_accepted = True  # the licences stand in what was confirmed
    request = ReadinessSetupRequestEvent(location=now.location, accept_licences=is_accepted)
    done = await ask(peer, request, WISH_TIMEOUT_SECONDS)
    if done.problems:
        raise NotConfirmed(
            "; ".join(done.problems), "run 'undercroft ready --setup' again once that is put right"
        )
    return done.revision


def _confirm(setup: SetupPrompt) -> None:
    """Ask once for the whole bundle.

    Raises:
        NotConfirmed: nobody is there to be asked, or the answer is no.
    """
    lines = setup_lines(setup)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotConfirmed("\n".join(lines), "run 'undercroft ready --setup --yes' to confirm this")
    print("\n".join(lines))
    if not click.confirm("Fetch this?"):
        raise NotConfirmed(
            "nothing was fetched",
            "run 'undercroft ready --setup' again, with --location DIR for another place",
        )
