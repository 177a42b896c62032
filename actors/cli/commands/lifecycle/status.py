"""`undercroft status`."""

from __future__ import annotations

from typing import Final, get_args

import click
import msgspec

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import print_json
from actors.cli.options import Target, pass_target, target_options
from actors.cli.views.actor_table import alert_line, code_of, print_status
from bus.client import Peer
from schemas.operations.alerts import Alert, AlertChangedEvent, Severity
from schemas.operations.supervision import SupervisorStatusEvent, SupervisorStatusRequestEvent

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)[::-1]


@click.command()
@target_options
@pass_target
def status(target: Target) -> int:
    """Show how the actors fare, and which alerts are raised.

    Exit code 0 if all is as it should be, 1 if an actor is not, 3 if no runtime is up.

    \b
    Examples:
      undercroft status
      undercroft status --json | jq '.actors[] | select(.state != "ready")'
    """
    overview, alerts = with_peer(target, look)
    if target.as_json:
        print_json({**msgspec.to_builtins(overview), "alerts": alerts})
    else:
        print_status(overview)
        for alert in alerts:
            print(f"  {alert_line(alert)}")
    return code_of(overview)


async def look(peer: Peer) -> tuple[SupervisorStatusEvent, list[Alert]]:
    """How all fare, and what is wrong now, the worst first."""
    overview = await ask(peer, SupervisorStatusRequestEvent())
    active = [event.alert for event in await peer.retained(AlertChangedEvent) if event.alert.is_active]
    return overview, sorted(active, key=lambda alert: (SEVERITIES.index(alert.severity), alert.since))
