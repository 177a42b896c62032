"""`undercroft history delete`, `clear`, `purge` and `prune`: what deletes entries, each with a dry run."""

from __future__ import annotations

import sys
from typing import Final

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_answer
from actors.cli.views.history_view import removed_text
from schemas.event import Request
from schemas.history import (
    HistoryClearRequestEvent,
    HistoryDeleteRequestEvent,
    HistoryPruneRequestEvent,
    HistoryRemovedEvent,
)

TIMEOUT_SECONDS: Final = 60.0
YES_OPTION: Final = click.option("--yes", is_flag=True, help="Do not ask.")
DRY_RUN_OPTION: Final = click.option(
    "--dry-run", is_flag=True, help="Only say what would be deleted; delete nothing."
)


@click.command()
@click.argument("ids", nargs=-1, required=True)
@DRY_RUN_OPTION
@target_options
@pass_target
def delete(target: Target, ids: tuple[str, ...], dry_run: bool) -> int:
    """Delete single entries by their IDS.

    \b
    Examples:
      undercroft history delete 01a1fc31-2d2f-7000-988b-b526e83d43be
    """
    return _remove(target, HistoryDeleteRequestEvent(ids=list(ids), dry_run=dry_run))


@click.command()
@click.option(
    "--before", type=click.FloatRange(0), help="Only entries before this moment, in seconds since 1970."
)
@DRY_RUN_OPTION
@YES_OPTION
@target_options
@pass_target
def clear(target: Target, before: float | None, dry_run: bool, yes: bool) -> int:
    """Delete all entries, or the older ones.

    \b
    Examples:
      undercroft history clear --dry-run
      undercroft history clear --before 1767225600 --yes
    """
    question = "Delete all entries of the history?" if before is None else "Delete these entries?"
    _confirm(target, question, dry_run or yes)
    return _remove(target, HistoryClearRequestEvent(before=before, dry_run=dry_run))


@click.command()
@click.option("--backups", is_flag=True, help="Delete it from the backups as well.")
@DRY_RUN_OPTION
@YES_OPTION
@target_options
@pass_target
def purge(target: Target, backups: bool, dry_run: bool, yes: bool) -> int:
    """Delete all entries and all files of the history: segments, anchors, and quarantined files.

    \b
    Examples:
      undercroft history purge --dry-run
      undercroft history purge --yes
    """
    _confirm(target, "Delete the whole history and all its files, for good?", dry_run or yes)
    return _remove(target, HistoryClearRequestEvent(purge=True, purge_backups=backups, dry_run=dry_run))


@click.command()
@click.option(
    "--days",
    "keep_days",
    type=click.IntRange(0),
    help="Keep entries up to this age.  [default: history.keep_days]",
)
@click.option(
    "--entries",
    "keep_entries",
    type=click.IntRange(0),
    help="Keep this many of the newest.  [default: history.keep_entries]",
)
@click.option(
    "--mib",
    "keep_mib",
    type=click.IntRange(0),
    help="Keep the newest that fit into this size.  [default: history.keep_mib]",
)
@DRY_RUN_OPTION
@YES_OPTION
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
    """Delete the entries that the retention rules do not keep.

    0 means that a rule sets no limit, never that everything is deleted.

    \b
    Examples:
      undercroft history prune --dry-run
      undercroft history prune --days 90 --yes
    """
    _confirm(target, "Delete the entries that the rules do not keep?", dry_run or yes)
    return _remove(
        target,
        HistoryPruneRequestEvent(
            keep_days=keep_days, keep_entries=keep_entries, keep_mib=keep_mib, dry_run=dry_run
        ),
    )


def _remove(target: Target, request: Request[HistoryRemovedEvent]) -> int:
    answer = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    print_answer(target, answer, removed_text(answer))
    return ExitCode.OK


def _confirm(target: Target, question: str, is_given: bool) -> None:
    if is_given:
        return
    if target.as_json or not sys.stdin.isatty():
        raise click.UsageError("this deletes for good: add --yes, or --dry-run to see what would be deleted")
    click.confirm(question, abort=True, err=True)
