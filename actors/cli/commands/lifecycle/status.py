"""`undercroft status`."""

from __future__ import annotations

from typing import Final, get_args

import click
import msgspec

from actors.cli.connection import ask_supervisor, with_peer
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.views.actor_table import alert_line, code_of, print_status
from bus.client import Peer
from schemas.operations.alerts import Alert, AlertChangedEvent, Severity
from schemas.operations.supervision import SupervisorStatusEvent, SupervisorStatusRequestEvent

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)[::-1]


@click.command()
@target_options
@pass_target
def status(target: Target) -> int:
    """Show the state of all actors, and the alerts.

    The exit code is 0 if all actors are ready or done, 1 if one is not, and 3 if no runtime is up.

    \b
    Examples:
      undercroft status
      undercroft status --json | jq '.actors[] | select(.state != "ready")'
    """
    overview, alerts = with_peer(target, status_and_alerts)
    if target.as_json:
        print_json({**msgspec.to_builtins(overview), "alerts": alerts})
    else:
        print_status(overview)
        for alert in alerts:
            print(f"  {alert_line(alert)}")
    return code_of(overview)


async def status_and_alerts(peer: Peer) -> tuple[SupervisorStatusEvent, list[Alert]]:
    """The state of all actors, and the active alerts, the most severe first."""
    overview = await ask_supervisor(peer, SupervisorStatusRequestEvent())
    told = [event for event in await peer.retained(AlertChangedEvent) if event.is_own]
    active = [event.alert for event in told if event.alert.is_active]
    return overview, sorted(active, key=lambda alert: (SEVERITIES.index(alert.severity), alert.since))
