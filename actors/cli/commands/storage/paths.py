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
@click.option("--all", "everything", is_flag=True, help="Show every category, not only the models.")
@target_options
@pass_target
@click.pass_context
def paths(context: click.Context, target: Target, everything: bool) -> int:
    """Show where the models are stored, and move them.

    Works without a runtime, too. A choice for logs, tools or workspace takes effect at the next start. Config
    and state are always below --home.

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
    help="Move the models; matching files that are already there are kept.  [default]",
)
@click.option(
    "--adopt",
    "action",
    flag_value="adopt",
    help="Use matching models that are already there; leave the former ones alone.",
)
@click.option(
    "--anew", "action", flag_value="anew", help="Start without models; leave the former ones alone."
)
@click.option("--create", is_flag=True, help="Create the directory if it does not exist.")
@click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Show progress until the models are there; otherwise they move in the background.",
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
    help="Use matching models that are already there; leave the former ones alone.",
)
@click.option(
    "--move",
    "action",
    flag_value="move",
    default="move",
    help="Move the models; matching files that are already there are kept.  [default]",
)
@click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Show progress until the models are there; otherwise they move in the background.",
)
@target_options
@pass_target
def reset(target: Target, category: Choosable, action: PathAction, dry_run: bool, wait: bool) -> int:
    """Go back to the default directory.

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
    """Stop a move; all models stay where they were.

    \b
    Examples:
      undercroft paths cancel
    """
    done = with_peer(target, lambda peer: ask(peer, PathMoveCancelRequestEvent(), CHOOSE_TIMEOUT_SECONDS))
    if target.as_json:
        print_json(done)
    else:
        print("stopped: all models stay where they were" if done.was_moving else "no models are being moved")
    return ExitCode.OK


def lines_of(status: PathStatus, *, with_category: bool) -> list[str]:
    """One category for people: the directory in use, and what is wrong with it."""
    name = f"{status.category:<10} " if with_category else ""
    origin = "" if status.origin == "platform" or not with_category else f"  ({status.origin})"
    lines = [f"{name}{status.path}{origin}"]
    if status.next_path and with_category:
        lines.append(f"{'':<{len(name)}}{status.next_path} from the next start")
    lines += [f"{'':<{len(name)}}{problem.message}" for problem in status.problems]
    return lines


def move_line(event: PathMoveChangedEvent) -> str:
    """The progress of a move, for people."""
    percent = f"{100 * event.moved_bytes / event.total_bytes:.0f} %" if event.total_bytes else "100 %"
    match event.state:
        case "moving":
            return f"moving to {event.target}: {percent} {event.model_id}".rstrip()
        case "leaving":
            held = f"; still in use: {', '.join(event.kept_back)}" if event.kept_back else ""
            return f"the models are in {event.target}; clearing {event.source}{held}"
        case "moved":
            return f"the models are in {event.target}"
        case _:
            return f"{event.state}: {event.problem or f'all models are in {event.source}'}"


def _listed(target: Target) -> PathsListedEvent:
    """From the runtime; from the disk if none is running."""
    try:
        return with_peer(target, lambda peer: ask(peer, PathsListRequestEvent()))
    except NotRunning:
        from actors.locations.location_survey import LocationSources, survey
        from actors.shared.locations.location_choices import CHOICES_NAME, read_choices
        from actors.shared.locations.locations import locate

        defaults = locate(target.app, target.home)
        sources = LocationSources(defaults, defaults, read_choices(defaults.config), os.environ)
        at_next_start = LocationSources(defaults, sources.resolved().locations, sources.found, os.environ)
        return PathsListedEvent(paths=survey(at_next_start), choices_file=str(defaults.config / CHOICES_NAME))


def _choose(target: Target, request: PathChooseRequestEvent, wait: bool) -> int:
    chosen, moved = with_peer(target, lambda peer: _chosen(peer, target, request, wait))
    if target.as_json:
        print_json({"chosen": chosen, "move": moved})
    elif chosen.problems:
        for problem in chosen.problems:
            print(f"undercroft: {problem.message}", file=sys.stderr)
        if any("create" in problem.offers for problem in chosen.problems):
            print("add --create to create it", file=sys.stderr)
    if not chosen.accepted:
        return ExitCode.REFUSED
    return ExitCode.FAILED if moved is not None and moved.state in ("failed", "cancelled") else ExitCode.OK


async def _chosen(
    peer: Peer, target: Target, request: PathChooseRequestEvent, wait: bool
) -> tuple[PathChosenEvent, PathMoveChangedEvent | None]:
    async with peer.subscribe(PathMoveChangedEvent) as events:
        chosen = await ask(peer, request, CHOOSE_TIMEOUT_SECONDS)
        if not target.as_json:
            if chosen.dry_run and chosen.accepted:
                print("dry run: nothing was changed; without --dry-run,")
            for sentence in chosen.what_happens:
                print(sentence)
        last = None
        while chosen.move_id and wait and (last is None or last.state not in ENDED):
            event = await anext(events)
            if isinstance(event, GapEvent) or event.move_id != chosen.move_id:
                continue  # about an earlier move
            if not target.as_json and (last is None or move_line(event) != move_line(last)):
                print(move_line(event))
            last = event
    return chosen, last
