"""`undercroft logs`."""

from __future__ import annotations

from typing import cast, get_args

import click

from actors.cli.connection import ask, ask_supervisor, with_peer
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.views.actor_table import log_line
from actors.runtime.supervisor.core.child_spec import SUPERVISOR
from bus.client import Peer
from schemas.operations.logs import ALL_ACTORS, LogLevel, LogLevelRequestEvent
from schemas.operations.supervision import LogLine, LogLinesWrittenEvent, LogsRequestEvent


@click.command()
@click.argument("actor", required=False)
@click.option(
    "-n",
    "--lines",
    "limit",
    default=200,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Number of the newest lines.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines as they are written.")
@click.option(
    "--set-level",
    "level",
    type=click.Choice([*get_args(LogLevel), "default"]),
    help="From now on, log everything of at least this level.",
)
@target_options
@pass_target
def logs(target: Target, actor: str | None, limit: int, follow: bool, level: str | None) -> None:
    """Show the logs of the actors.

    The newest 2000 lines of each actor are in memory. Among them stands what the supervisor did to the actor,
    and how it ended; ACTOR 'supervisor' shows these verdicts on all actors, and what it says about itself.
    With --json, each line has the correlation id of its matter, if it has one: see 'undercroft trace'.

    \b
    Examples:
      undercroft logs
      undercroft logs model_downloader -n 20
      undercroft logs supervisor
      undercroft logs -f --json
      undercroft logs model_downloader --set-level debug
    """
    if level is None:
        with_peer(target, lambda peer: _show(peer, target, actor, limit, follow))
        return
    request = LogLevelRequestEvent(
        actor=actor or ALL_ACTORS, level=None if level == "default" else cast("LogLevel", level)
    )
    changed = with_peer(target, lambda peer: ask(peer, request))
    if target.as_json:
        print_json(changed)


async def _show(peer: Peer, target: Target, actor: str | None, limit: int, follow: bool) -> None:
    request = LogsRequestEvent(actor=actor, limit=limit)
    if not follow:
        _print(target, actor, (await ask_supervisor(peer, request)).lines)
        return
    newest, replied = 0.0, set[tuple[str, float, str]]()
    await ask_supervisor(peer, request)  # a supervisor that is not there is said at once
    async with peer.ask_then_follow(request, LogLinesWrittenEvent) as updates:
        async for update in updates:
            if isinstance(update, LogLinesWrittenEvent):
                lines = [line for line in update.lines if belongs(line, actor)]
                new = [line for line in lines if (line.actor, line.at, line.text) not in replied]
            else:  # at first, and after a gap
                new = [line for line in update.lines if line.at > newest]
                replied = {(line.actor, line.at, line.text) for line in update.lines}
            newest = max([newest, *(line.at for line in new)])
            _print(target, actor, new)


def _print(target: Target, actor: str | None, lines: list[LogLine]) -> None:
    for line in lines:
        if target.as_json:
            print_json(line)
        else:
            print(log_line(line, with_actor=actor in (None, SUPERVISOR)), flush=True)


def belongs(line: LogLine, actor: str | None) -> bool:
    """Whether a line is shown for an actor; for the supervisor, with its verdicts on others."""
    return actor in (None, line.actor) or (actor == SUPERVISOR and line.verdict)
