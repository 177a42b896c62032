"""`undercroft call`."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from actors.cli.connection import with_peer
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import json_line, print_json
from actors.cli.terminal import escaped_json
from actors.cli.topics.json_event import read_fields
from bus.client import REQUEST_TIMEOUT_SECONDS


@click.command()
@click.argument("topic")
@click.argument("fields", default="{}")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(0.001, 86_400),
    default=REQUEST_TIMEOUT_SECONDS,
    show_default=True,
    help="How long the server has, in seconds.",
)
@target_options
@pass_target
def call(target: Target, topic: str, fields: str, timeout_seconds: float) -> None:
    """Ask a request, and print its reply.

    FIELDS is a JSON object, or '-' for one on stdin. 'undercroft topics' lists all requests and their fields.

    The exit code is 4 if the request is refused or has fields that its topic does not have, 5 if there is no
    reply in time, and 1 if nobody serves it.

    \b
    Examples:
      undercroft call supervision.status
      undercroft call state.load '{"key": "config.greeting"}'
      undercroft call myapp.greet '{"name": "you"}' --json | jq -r .words
    """
    event = read_fields(topic, sys.stdin.read() if fields == "-" else fields, asks=True)
    reply = with_peer(target, lambda peer: peer.request_raw(topic, event, timeout_seconds))
    if target.as_json:
        print_json(reply)
    else:
        print(readable(reply))


def readable(value: Any) -> str:
    """A value as JSON over several lines. Pure."""
    return escaped_json(msgspec.json.format(json_line(value), indent=2))
