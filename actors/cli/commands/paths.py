"""`undercroft paths`."""

from __future__ import annotations

import os
import sys

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from bus.client import GapEvent, Peer
from bus.errors import NotRunning
from schemas.paths import (
    Choosable,
    PathAction,
    PathChooseRequestEvent,
    PathChosenEvent,
    PathMoveCancelRequestEvent,
    PathMoveChangedEvent,
    PathsListedEvent,
    PathsListRequestEvent,
    PathStatus,
)

CHOOSE_TIMEOUT_SECONDS = 120.0
CHOOSABLE = ("models", "root", "logs", "tools", "workspace")
ENDED = ("moved", "failed", "cancelled")


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Every category, not only the models.")
@target_options
@pass_target
@click.pass_context
def paths(context: click.Context, target: Target, everything: bool) -> int:
    """Show where the models lie, and move them elsewhere.

    Works without a runtime, too. Logs, tools and workspace follow a choice at the next start; config and
    state lie below --home.

    \b
    Examples:
      undercroft paths
      undercroft paths --all
      undercroft paths set models /big/models --create
      undercroft paths set root /big --dry-run
      undercroft paths reset models
    """
    if context.invoked_subcommand is not None:
        return ExitCode.OK
    listed = _listed(target)
    shown = [status for status in listed.paths if everything or status.category == "models"]
    if target.as_json:
        print_json(listed if everything else {"paths": shown})
    else:
        for status in shown:
            print("\n".join(lines_of(status, with_category=everything)))
    return ExitCode.FAILED if any(status.problems for status in shown) else ExitCode.OK


@paths.command(name="set")
@click.argument("category", type=click.Choice(CHOOSABLE))
@click.argument("directory", metavar="DIRECTORY")
@click.option(
    "--move",
    "action",
    flag_value="move",
    default="move",
    help="Bring the models along; what matches there is kept.  [default]",
)
@click.option(
    "--adopt",
    "action",
    flag_value="adopt",
    help="Use what lies there and matches; leave the former models alone.",
)
@click.option(
    "--anew", "action", flag_value="anew", help="Begin without models; leave the former ones alone."
)
@click.option("--create", is_flag=True, help="Create the directory if it is missing.")
@click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Show progress until the models are there; otherwise they go on moving.",
)
@target_options
@pass_target
def set_path(
    target: Target,
    category: Choosable,
    directory: str,
    action: PathAction,
    create: bool,
    dry_run: bool,
    wait: bool,
) -> int:
    """Choose a directory for models, logs, tools or workspace, or one root for all of them.

    \b
    Examples:
      undercroft paths set models /big/models --create
      undercroft paths set models /media/me/usb/models --adopt
    """
    path = os.path.abspath(os.path.expanduser(directory))
    request = PathChooseRequestEvent(
        category=category, path=path, action=action, create_missing=create, dry_run=dry_run
    )
    return _choose(target, request, wait)


@paths.command()
@click.argument("category", type=click.Choice(CHOOSABLE))
@click.option(
    "--adopt",
    "action",
    flag_value="adopt",
    help="Use what lies there and matches; leave the former models alone.",
)
@click.option(
    "--move",
    "action",
    flag_value="move",
    default="move",
    help="Bring the models along; what matches there is kept.  [default]",
)
@click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Show progress until the models are there; otherwise they go on moving.",
)
@target_options
@pass_target
def reset(target: Target, category: Choosable, action: PathAction, dry_run: bool, wait: bool) -> int:
    """Go back to the directory that applies without the choice.

    \b
    Examples:
      undercroft paths reset models
    """
    return _choose(
        target, PathChooseRequestEvent(category=category, path="", action=action, dry_run=dry_run), wait
    )


@paths.command()
@target_options
@pass_target
def cancel(target: Target) -> int:
    """Stop moving the models; all of them stay where they were.

    \b
    Examples:
      undercroft paths cancel
    """
    done = with_peer(target, lambda peer: ask(peer, PathMoveCancelRequestEvent(), CHOOSE_TIMEOUT_SECONDS))
    if target.as_json:
        print_json(done)
    else:
        print("stopped: all models are where they were" if done.was_moving else "no models are on the move")
    return ExitCode.OK


def lines_of(status: PathStatus, *, with_category: bool) -> list[str]:
    """One category for people: the active path, and what is wrong with it."""
    name = f"{status.category:<10} " if with_category else ""
    origin = "" if status.origin == "platform" or not with_category else f"  ({status.origin})"
    lines = [f"{name}{status.path}{origin}"]
    if status.next_path and with_category:
        lines.append(f"{'':<{len(name)}}{status.next_path} from the next start on")
    lines += [f"{'':<{len(name)}}{problem.message}" for problem in status.problems]
    return lines


def move_line(event: PathMoveChangedEvent) -> str:
    """How far a move is."""
    percent = f"{100 * event.moved_bytes / event.total_bytes:.0f} %" if event.total_bytes else "100 %"
    match event.state:
        case "moving":
            return f"moving to {event.target}: {percent} {event.model_id}".rstrip()
        case "leaving":
            held = f"; in use still: {', '.join(event.kept_back)}" if event.kept_back else ""
            return f"the models are at {event.target}; clearing {event.source}{held}"
        case "moved":
            return f"the models are at {event.target}"
        case _:
            return f"{event.state}: {event.problem or f'all models are at {event.source}'}"


def _listed(target: Target) -> PathsListedEvent:
    """From the runtime, or from the disk where none is up."""
    try:
        return with_peer(target, lambda peer: ask(peer, PathsListRequestEvent()))
    except NotRunning:
        from actors.locations.location_survey import Map, survey
        from actors.shared.locations.location_choices import CHOICES_NAME, read_choices
        from actors.shared.locations.locations import locate

        defaults = locate(target.app, target.home)
        chart = Map(defaults, defaults, read_choices(defaults.config), os.environ)
        at_next_start = Map(defaults, chart.resolved().locations, chart.found, os.environ)
        return PathsListedEvent(paths=survey(at_next_start), choices_file=str(defaults.config / CHOICES_NAME))


def _choose(target: Target, request: PathChooseRequestEvent, wait: bool) -> int:
    chosen, moved = with_peer(target, lambda peer: _chosen(peer, target, request, wait))
    if target.as_json:
        print_json({"chosen": chosen, "move": moved})
    elif chosen.problems:
        for problem in chosen.problems:
            print(f"undercroft: {problem.message}", file=sys.stderr)
        if any("create" in problem.offers for problem in chosen.problems):
            print("add --create to have it created", file=sys.stderr)
    if not chosen.accepted:
        return ExitCode.REFUSED
    return ExitCode.FAILED if moved is not None and moved.state in ("failed", "cancelled") else ExitCode.OK


async def _chosen(
    peer: Peer, target: Target, request: PathChooseRequestEvent, wait: bool
) -> tuple[PathChosenEvent, PathMoveChangedEvent | None]:
    async with peer.subscribe(PathMoveChangedEvent) as events:
        chosen = await ask(peer, request, CHOOSE_TIMEOUT_SECONDS)
        if not target.as_json:
            for sentence in chosen.what_happens:
                print(("would: " if chosen.dry_run else "") + sentence)
        last = None
        while chosen.move_id and wait and (last is None or last.state not in ENDED):
            event = await anext(events)
            if isinstance(event, GapEvent) or event.move_id != chosen.move_id:
                continue  # told of an earlier move
            if not target.as_json and (last is None or move_line(event) != move_line(last)):
                print(move_line(event))
            last = event
    return chosen, last
