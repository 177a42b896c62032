"""`undercroft trace`."""

from __future__ import annotations

import sys

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_answer
from actors.cli.views.actor_table import record_line
from schemas.operations.logs import LogRingRequestEvent


@click.command()
@click.argument("correlation", metavar="ID")
@target_options
@pass_target
def trace(target: Target, correlation: str) -> int:
    """Show what all actors logged about one request.

    ID is the correlation id that 'undercroft watch' and 'undercroft logs --json' show. It goes with a request
    through every actor that handles a part of it. With 'undercroft logs --set-level debug', actors log each
    step.

    Exit code 1 if nothing was logged.

    \b
    Examples:
      undercroft trace cli-4f1c:17
      undercroft trace cli-4f1c:17 --json
    """
    request = LogRingRequestEvent(correlation=correlation, limit=10_000)
    found = with_peer(target, lambda peer: ask(peer, request))
    for record in found.records:
        print_answer(target, record, record_line(record))
    if not found.records:
        print(
            f"the log ring has nothing about {correlation!r}; {found.dropped} older records were dropped",
            file=sys.stderr,
        )
    return ExitCode.OK if found.records else ExitCode.FAILED
