"""`undercroft status`."""

from __future__ import annotations

import click

from actors.cli.options import Target, pass_target, target_options
from actors.cli.outcome import print_json
from actors.cli.render import code_of, print_status
from actors.cli.session import ask, converse
from schemas.supervision import SupervisorStatusRequestEvent


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
