"""`undercroft config watch`."""

from __future__ import annotations

import click

from actors.cli.commands.config.config_change import json_text
from actors.cli.connection import with_peer
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.config_store.dotted_paths import is_within
from bus.client import GapEvent, Peer
from schemas.config import SettingsChangedEvent


@click.command()
@click.argument("section", required=False)
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after this many changes.")
@target_options
@pass_target
def watch(target: Target, section: str | None, count: int | None) -> None:
    """Show settings as they change, all or those of one SECTION.

    Each change is one line. With --json each event is one line of JSON.

    \b
    Examples:
      undercroft config watch
      undercroft config watch vad --json
    """
    with_peer(target, lambda peer: _watch(target, peer, section, count))


async def _watch(target: Target, peer: Peer, section: str | None, count: int | None) -> None:
    shown = 0
    async with peer.subscribe(SettingsChangedEvent) as events:
        while count is None or shown < count:
            received = await events.received()
            event = received.event
            if (
                received.retained
                or isinstance(event, GapEvent)
                or not isinstance(event, SettingsChangedEvent)
            ):
                continue
            changed = {
                path: value
                for path, value in event.changed.items()
                if not section or is_within(path, section)
            }
            if changed:
                shown += 1
                _show(target, changed, event)


def _show(target: Target, changed: dict[str, object], event: SettingsChangedEvent) -> None:
    if target.as_json:
        print_json(
            {"changed": changed, "reason": event.reason, "revision": event.revision, "restart": event.restart}
        )
        return
    for path, value in changed.items():
        later = ", after a restart" if path in event.restart else ""
        print(f"{path} = {json_text(value)}  ({event.reason}{later})", flush=True)
