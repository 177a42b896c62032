"""`undercroft history export` and `tail`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TextIO

import click
import msgspec

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.terminal import data_writer
from actors.cli.views.history_view import change_text, entries_text
from bus.client import Peer
from schemas.history import HistoryChangedEvent, HistoryExportRequestEvent

TIMEOUT_SECONDS: Final = 60.0


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "csv", "jsonl"]),
    default="markdown",
    show_default=True,
    help="Format of the text.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this new file, which only you can read, instead of stdout.",
)
@click.option("--conversation", "conversation_id", default="", help="Only this conversation.")
@click.option("--since", type=click.FloatRange(0), help="Only from this moment on, in seconds since 1970.")
@click.option("--until", type=click.FloatRange(0), help="Only before this moment, in seconds since 1970.")
@target_options
@pass_target
def export(target: Target, /, form: Any, output: Path | None, **which: Any) -> int:
    """Write entries as text, oldest first.

    \b
    Examples:
      undercroft history export > history.md
      undercroft history export --format csv -o history.csv
    """
    with contextlib.ExitStack() as stack:
        write = data_writer() if output is None else stack.enter_context(_new_file(output)).write
        request = HistoryExportRequestEvent(format=form, **which)
        count = with_peer(target, lambda peer: _export(peer, request, write))
    if output is not None and target.as_json:
        print_json({"path": str(output), "entries": count})
    elif output is not None:
        print(f"{output}: {entries_text(count)}")
    return ExitCode.OK


@click.command()
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after this many changes.")
@target_options
@pass_target
def tail(target: Target, count: int | None) -> None:
    """Show entries as they are added, edited and deleted.

    \b
    Examples:
      undercroft history tail
      undercroft history tail -n 1 --json
    """
    with_peer(target, lambda peer: _tail(peer, count, target.as_json))


def _new_file(path: Path) -> TextIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}; name a file that does not exist yet") from error
    return open(descriptor, "w", encoding="utf-8", newline="")


async def _export(peer: Peer, request: HistoryExportRequestEvent, write: Callable[[str], object]) -> int:
    entries = 0
    while True:
        part = await ask(peer, request, TIMEOUT_SECONDS)
        write(part.content)
        entries += part.entries
        if not part.next_after:
            return entries
        request = msgspec.structs.replace(request, after=part.next_after)


async def _tail(peer: Peer, count: int | None, as_json: bool) -> None:
    shown = 0
    async for change in _changes(peer):
        if as_json:
            print_json(change)
        else:
            print(change_text(change), flush=True)
        shown += 1
        if shown == count:
            return


async def _changes(peer: Peer) -> AsyncIterator[HistoryChangedEvent]:
    """Yield the changes from now on, without the earlier ones that the broker retains."""
    async with peer.subscribe(HistoryChangedEvent) as events:
        while True:
            received = await events.received()
            if isinstance(received.event, HistoryChangedEvent):
                if not received.retained:
                    yield received.event
            else:
                print("undercroft: some changes were missed", file=sys.stderr)
