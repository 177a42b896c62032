"""`undercroft logs`."""

from __future__ import annotations

from typing import cast, get_args

import click

from actors.cli.connection import ask, ask_supervisor, with_peer
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.views.actor_table import log_line
from bus.client import GapEvent, Peer
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

    The newest 2000 lines of each actor are in memory.

    \b
    Examples:
      undercroft logs
      undercroft logs model_downloader -n 20
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
    async with peer.subscribe(LogLinesWrittenEvent) as events:
        shown = (await ask_supervisor(peer, request)).lines
        _print(target, actor, shown)
        newest = shown[-1].at if shown else 0.0  # an event on its way may repeat lines of the reply
        async for event in events:
            if not isinstance(event, GapEvent):
                new = [line for line in event.lines if line.at > newest and actor in (None, line.actor)]
                _print(target, actor, new)


def _print(target: Target, actor: str | None, lines: list[LogLine]) -> None:
    for line in lines:
        if target.as_json:
            print_json(line)
        else:
            print(log_line(line, with_actor=actor is None), flush=True)
