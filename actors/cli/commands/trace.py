"""`undercroft trace`."""

from __future__ import annotations

import sys

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.views.actor_table import record_line
from schemas.operations.logs import LogRingRequestEvent


@click.command()
@click.argument("correlation", metavar="ID")
@target_options
@pass_target
def trace(target: Target, correlation: str) -> int:
    """Show what all actors noted about one matter.

    ID is the correlation id that 'undercroft watch' and 'undercroft logs --json' show with events and
    records. It goes with a request through every actor that it leads to. At the level debug each step is
    noted: 'undercroft logs --set-level
    debug'.

    Exit code 1 if nothing was noted.

    \b
    Examples:
      undercroft trace cli-4f1c:17
      undercroft trace cli-4f1c:17 --json
    """
    found = with_peer(
        target, lambda peer: ask(peer, LogRingRequestEvent(correlation=correlation, limit=10_000))
    )
    for record in found.records:
        if target.as_json:
            print_json(record)
        else:
            print(record_line(record))
    if not found.records:
        print(
            f"nothing about {correlation!r} is in the log ring; {found.dropped} older records are gone",
            file=sys.stderr,
        )
    return ExitCode.OK if found.records else ExitCode.FAILED
