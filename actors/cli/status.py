"""`undercroft status`."""

from __future__ import annotations

import sys

import click

from actors.cli.options import Target, pass_target, target_options
from actors.cli.outcome import ExitCode, print_json
from actors.cli.render import headline, plain_status, status_table
from actors.cli.session import ask, converse
from schemas.supervision import SupervisorStatusEvent, SupervisorStatusRequestEvent


@click.command()
@target_options
@pass_target
def status(target: Target) -> int:
    """Show how the actors fare.

    Exit code 0 if all is as it should be, 1 if an actor is not, 3 if no runtime is up.

    \b
    Examples:
      undercroft status
      undercroft status --json | jq '.actors[] | select(.state != "ready")'
    """
    overview = converse(target, lambda peer: ask(peer, SupervisorStatusRequestEvent()))
    if target.as_json:
        print_json(overview)
    else:
        print_status(overview)
    return code_of(overview)


def code_of(overview: SupervisorStatusEvent) -> ExitCode:
    """OK if everybody serves or has done its work."""
    well = overview.settled and all(actor.state in ("ready", "stopped") for actor in overview.actors)
    return ExitCode.OK if well else ExitCode.FAILED


def print_status(overview: SupervisorStatusEvent) -> None:
    """For people: a table on a terminal, plain lines otherwise."""
    if not sys.stdout.isatty():
        print(plain_status(overview))
        return
    from rich.console import Console

    console = Console()
    console.print(headline(overview))
    console.print(status_table(overview))
