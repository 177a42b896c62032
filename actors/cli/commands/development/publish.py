"""`undercroft publish`."""

from __future__ import annotations

import sys

import click

from actors.cli.connection import with_peer
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_answer
from actors.cli.topics.json_event import event_of, read_fields
from bus.client import Peer
from schemas.event import Event


@click.command()
@click.argument("topic")
@click.argument("fields", default="{}")
@target_options
@pass_target
def publish(target: Target, topic: str, fields: str) -> None:
    """Publish an event, and return once the broker has taken it.

    FIELDS is a JSON object, or '-' for one on stdin. The command is a guest: it may publish topics of
    'app.*', and of the namespaces that the profile gives to everybody. Others are refused.

    \b
    Examples:
      undercroft publish app.note_added '{"title": "to do"}'
      echo '{"title": "to do"}' | undercroft publish app.note_added -
    """
    event = event_of(topic, read_fields(topic, sys.stdin.read() if fields == "-" else fields, asks=False))
    with_peer(target, lambda peer: _publish(peer, event))
    print_answer(target, {"published": topic}, f"published {topic}")


async def _publish(peer: Peer, event: Event) -> None:
    await peer.publish(event)
    await peer.settled()
