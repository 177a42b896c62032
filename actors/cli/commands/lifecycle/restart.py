"""`undercroft restart`."""

from __future__ import annotations

import asyncio
from typing import Final

import click

from actors.cli.connection import ask_supervisor, with_peer
from actors.cli.exit_codes import DeadlinePassed, ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.views.actor_table import plain_line
from bus.client import Peer
from schemas.operations.supervision import (
    ActorRestartRequestEvent,
    ActorStateChangedEvent,
    ActorStatus,
    SupervisorStatusEvent,
    SupervisorStatusRequestEvent,
)

ENDS: Final = ("ready", "failed", "stopped")
"""States in which a restart has come to its end."""


@click.command()
@click.argument("actors", nargs=-1, required=True, metavar="ACTOR...")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Return once the actors are ready again."
)
@click.option(
    "--timeout",
    "timeout_seconds",
    default=30.0,
    show_default=True,
    help="How long to wait for each actor, in seconds.",
)
@target_options
@pass_target
def restart(target: Target, actors: tuple[str, ...], wait: bool, timeout_seconds: float) -> int:
    """Stop actors and start them again. This also closes an open circuit.

    \b
    Examples:
      undercroft restart model_downloader
      undercroft restart config_store --no-wait --json
    """
    statuses = with_peer(target, lambda peer: _restart_all(peer, actors, wait, timeout_seconds))
    for status in statuses:
        if target.as_json:
            print_json(status)
        else:
            print(plain_line(status))
    return ExitCode.FAILED if any(status.state == "failed" for status in statuses) else ExitCode.OK


async def _restart_all(
    peer: Peer, actors: tuple[str, ...], wait: bool, timeout_seconds: float
) -> list[ActorStatus]:
    return [await _restart(peer, actor, wait, timeout_seconds) for actor in actors]


async def _restart(peer: Peer, actor: str, wait: bool, timeout_seconds: float) -> ActorStatus:
    async with peer.ask_then_follow(SupervisorStatusRequestEvent(), ActorStateChangedEvent) as updates:
        accepted = (await ask_supervisor(peer, ActorRestartRequestEvent(actor=actor))).status
        if not wait:
            return accepted
        before = accepted.restarts - 1 if accepted.state == "starting" else accepted.restarts
        try:
            async with asyncio.timeout(timeout_seconds):
                async for update in updates:
                    for status in _statuses(update):
                        if status.actor == actor and status.restarts > before and status.state in ENDS:
                            return status
        except TimeoutError:
            advice = f"see 'undercroft logs {actor}' and 'undercroft status'"
            raise DeadlinePassed(f"{actor} is not ready again", timeout_seconds, advice) from None
    return accepted


def _statuses(update: SupervisorStatusEvent | ActorStateChangedEvent) -> list[ActorStatus]:
    return [update.status] if isinstance(update, ActorStateChangedEvent) else update.actors
