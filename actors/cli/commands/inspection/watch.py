"""`undercroft watch`."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Final

import click

from actors.cli.connection import with_peer
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from bus.client import Peer
from bus.peer.feed.subscription import Received

PATTERN: Final = re.compile(r"\*|[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*(?:\.\*)?")


@click.command()
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("-n", "--count", type=click.IntRange(1), help="Exit after this many events.")
@click.option("--new", is_flag=True, help="Skip retained events: those from before the command.")
@target_options
@pass_target
def watch(target: Target, patterns: tuple[str, ...], count: int | None, new: bool) -> None:
    """Show events as they happen, one JSON object on each line.

    PATTERN is a topic, 'conversation.*', or '*' for all (the default). Retained events come first.

    \b
    Examples:
      undercroft watch
      undercroft watch 'models.*' config.settings_changed
      undercroft watch supervision.actor_state_changed -n 1
    """
    for pattern in patterns:
        if not PATTERN.fullmatch(pattern):
            raise click.UsageError(
                f"expected a topic, 'conversation.*' or '*', found {pattern!r}, which nothing can match"
            )
    with_peer(target, lambda peer: _watch(peer, patterns or ("*",), count, new))


async def _watch(peer: Peer, patterns: tuple[str, ...], count: int | None, new: bool) -> None:
    shown = 0
    async with peer.subscribe(*patterns) as events:
        while count is None or shown < count:
            received = await events.received()
            if received.retained and new:
                continue
            print_json(as_document(received))
            shown += 1


def as_document(received: Received) -> dict[str, object]:
    """An event as it is shown, with its place in the order."""
    return {
        "topic": received.topic,
        "sequence": received.sequence,
        "number": received.number,
        "time": _moment(received.time_ns),
        "source": received.source,
        "correlation": received.correlation,
        "retained": received.retained,
        "event": received.event,
    }


def _moment(time_ns: int) -> str:
    seconds = time_ns / 1e9 if time_ns else time.time()
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, OSError, ValueError):
        return f"@{seconds:g}"  # no calendar has it
