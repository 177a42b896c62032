"""`undercroft trace`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

import click
import msgspec

from actors.cli.commands.inspection.watch import as_document
from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import DeadlinePassed, ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import json_line, print_answer
from actors.cli.views.actor_table import clock, record_line
from bus.client import Peer
from bus.errors import RequestFailed
from bus.peer.feed.subscription import Received
from schemas.operations.logs import LogRecord, LogRingReadEvent, LogRingRequestEvent

EVENT_LIMIT: Final = 300
"""Characters of an event on its line; `--json` has it whole."""

READ_SECONDS: Final = 30.0


@click.command()
@click.argument("correlation", metavar="ID")
@target_options
@pass_target
def trace(target: Target, correlation: str) -> int:
    """Show one matter from event to event: what was published, and what the actors logged about it.

    ID is the correlation id that 'undercroft watch' and 'undercroft logs --json' show. An app sets it where
    a matter begins; from there it goes with every event and request, through every actor that handles a part
    of it. Events are those that the broker still keeps (the newest 65,536). With 'undercroft logs --set-level
    debug', actors log each step, requests too.

    Exit code 1 if nothing is known of it.

    \b
    Examples:
      undercroft trace cli-4f1c:17
      undercroft trace note-2041 --json
    """
    events, read = with_peer(target, lambda peer: _gather(peer, correlation))
    steps: list[tuple[float, Any, str]] = [
        *((event.time_ns / 1e9, _event_document(event), event_line(event)) for event in events),
        *((record.at, _record_document(record), record_line(record)) for record in read.records),
    ]
    for _, document, line in sorted(steps, key=lambda step: step[0]):
        print_answer(target, document, line)
    if not steps:
        print(
            f"there is nothing about {correlation!r}, neither among the events that the broker keeps nor in "
            f"the log ring; {read.dropped} older records were dropped",
            file=sys.stderr,
        )
    return ExitCode.OK if steps else ExitCode.FAILED


async def _gather(peer: Peer, correlation: str) -> tuple[list[Received], LogRingReadEvent]:
    try:
        async with asyncio.timeout(READ_SECONDS):
            events = await peer.past(correlation)
    except TimeoutError:
        raise DeadlinePassed("the events could not be read", READ_SECONDS, "try again") from None
    try:
        read = await ask(peer, LogRingRequestEvent(correlation=correlation, limit=10_000))
    except RequestFailed as failure:
        if failure.kind != "no_responder":
            raise
        read = LogRingReadEvent(records=[], dropped=0)  # the profile has no diagnostics
    return events, read


def event_line(received: Received) -> str:
    """One event of a matter, with local time."""
    fields = received.event if isinstance(received.event, dict) else {}
    body = json_line({name: value for name, value in fields.items() if name != "type"})
    if len(body) > EVENT_LIMIT:
        body = f"{body[:EVENT_LIMIT]}..."
    return f"{clock(received.time_ns / 1e9)} {received.source}: event {received.topic} {body}"


def _event_document(received: Received) -> dict[str, object]:
    return {"kind": "event", **as_document(received)}


def _record_document(record: LogRecord) -> dict[str, object]:
    return {"kind": "record", **msgspec.to_builtins(record)}
