"""`undercroft metrics`."""

from __future__ import annotations

from typing import Final

import click

from actors.cli.connection import ask, with_peer
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from bus.client import Peer
from bus.telemetry.instruments import gather_metrics
from schemas.operations.metrics import MetricsReportedEvent, Sample
from schemas.operations.supervision import SupervisorStatusRequestEvent

DEADLINE_SECONDS: Final = 1.0
"""An actor that does not report its metrics within this time is left out."""

NOT_ACTORS: Final = frozenset({"broker", "supervisor"})


@click.command()
@click.argument("actor", required=False)
@click.option("--prometheus", is_flag=True, help="Print a page that Prometheus can read.")
@target_options
@pass_target
def metrics(target: Target, actor: str | None, prometheus: bool) -> None:
    """Show what the actors count and measure.

    \b
    Examples:
      undercroft metrics
      undercroft metrics state_store --json
      undercroft metrics --prometheus > /var/lib/node_exporter/undercroft.prom
    """
    reports = with_peer(target, lambda peer: gather(peer, actor))
    if prometheus:
        from actors.diagnostics.report.prometheus_text import exposition

        samples = ((report.actor, sample) for report in reports for sample in report.samples)
        click.echo(exposition(samples), nl=False)
    elif target.as_json:
        print_json({report.actor: report.samples for report in reports})
    else:
        for report in reports:
            for sample in report.samples:
                click.echo(f"{report.actor}: {line_of(sample)}")


async def gather(peer: Peer, actor: str | None) -> list[MetricsReportedEvent]:
    """Return the metrics of one actor, or of all ready actors, by name.

    Raises:
        click.UsageError: there is no such actor.
    """
    overview = await ask(peer, SupervisorStatusRequestEvent())
    measured = [status for status in overview.actors if status.actor not in NOT_ACTORS]
    names = [status.actor for status in measured]
    if actor is not None and actor not in names:
        raise click.UsageError(f"there is no actor {actor!r}, expected one of {', '.join(names)}")
    awaited = {
        status.actor for status in measured if status.state == "ready" and actor in (None, status.actor)
    }
    return await gather_metrics(peer, awaited, DEADLINE_SECONDS)


def line_of(sample: Sample) -> str:
    """Return one series as a line for people."""
    labels = "".join(f" {name}={value}" for name, value in sample.labels.items())
    if sample.kind == "histogram":
        mean = sample.value / sample.count if sample.count else 0.0
        return f"{sample.name}{labels}: {sample.count} times, {mean:.3g} on average"
    return f"{sample.name}{labels}: {sample.value:g}"
