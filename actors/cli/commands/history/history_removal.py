"""`undercroft history delete`, `clear`, `purge` and `prune`: what destroys, with a look beforehand."""

from __future__ import annotations

import sys

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from schemas.history import (
    HistoryClearRequestEvent,
    HistoryDeleteRequestEvent,
    HistoryPruneRequestEvent,
    HistoryRemovedEvent,
)

TIMEOUT_SECONDS = 60.0


@click.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only say how many it would be.")
@target_options
@pass_target
def delete(target: Target, ids: tuple[str, ...], dry_run: bool) -> int:
    """Delete single entries by their IDS.

    \b
    Examples:
      undercroft history delete 01a1fc31-2d2f-7000-988b-b526e83d43be
    """
    return _removed(
        target,
        with_peer(
            target,
            lambda peer: ask(
                peer, HistoryDeleteRequestEvent(ids=list(ids), dry_run=dry_run), TIMEOUT_SECONDS
            ),
        ),
    )


@click.command()
@click.option(
    "--before", type=click.FloatRange(0), help="Only what is older than this moment, in seconds since 1970."
)
@click.option("--dry-run", is_flag=True, help="Only say how many it would be.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_options
@pass_target
def clear(target: Target, before: float | None, dry_run: bool, yes: bool) -> int:
    """Delete all entries, or the older ones.

    \b
    Examples:
      undercroft history clear --dry-run
      undercroft history clear --before 1767225600 --yes
    """
    _confirm(
        target,
        "Delete all entries of the history?" if before is None else "Delete these entries?",
        dry_run or yes,
    )
    return _removed(
        target,
        with_peer(
            target,
            lambda peer: ask(peer, HistoryClearRequestEvent(before=before, dry_run=dry_run), TIMEOUT_SECONDS),
        ),
    )


@click.command()
@click.option("--backups", is_flag=True, help="Take it out of the backups as well.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_options
@pass_target
def purge(target: Target, backups: bool, dry_run: bool, yes: bool) -> int:
    """Delete all entries and every file of the history: segments, anchors, and what was put aside as damaged.

    \b
    Examples:
      undercroft history purge --dry-run
      undercroft history purge --yes
    """
    _confirm(target, "Delete the whole history and all its files, for good?", dry_run or yes)
    request = HistoryClearRequestEvent(purge=True, purge_backups=backups, dry_run=dry_run)
    return _removed(target, with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS)))


@click.command()
@click.option(
    "--days",
    "keep_days",
    type=click.IntRange(0),
    help="Keep what is not older.  [default: history.keep_days]",
)
@click.option(
    "--entries",
    "keep_entries",
    type=click.IntRange(0),
    help="Keep so many of the newest.  [default: history.keep_entries]",
)
@click.option(
    "--mib", "keep_mib", type=click.IntRange(0), help="Keep the newest that fit.  [default: history.keep_mib]"
)
@click.option("--dry-run", is_flag=True, help="Only say how many would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_options
@pass_target
def prune(
    target: Target,
    keep_days: int | None,
    keep_entries: int | None,
    keep_mib: int | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Delete what the rules of retention do not keep. 0 means that a rule sets no limit, never that everything goes.

    \b
    Examples:
      undercroft history prune --dry-run
      undercroft history prune --days 90 --yes
    """
    _confirm(target, "Delete what the rules do not keep?", dry_run or yes)
    request = HistoryPruneRequestEvent(
        keep_days=keep_days, keep_entries=keep_entries, keep_mib=keep_mib, dry_run=dry_run
    )
    return _removed(target, with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS)))


def _removed(target: Target, answer: HistoryRemovedEvent) -> int:
    if target.as_json:
        print_json(answer)
    else:
        note = f"; {answer.note}" if answer.note else ""
        print(f"{answer.count} entries {'would go' if answer.dry_run else 'deleted'}{note}")
    return ExitCode.OK


def _confirm(target: Target, question: str, is_given: bool) -> None:
    if is_given:
        return
    if target.as_json or not sys.stdin.isatty():
        raise click.UsageError("this deletes for good: add --yes, or --dry-run to see what would go")
    click.confirm(question, abort=True, err=True)
