"""`undercroft backup`: make, check, restore, move and prune backups."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.cli.connection import ReplyT, ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.views.backup_view import backup_line, created_line, progress_shown, restored_lines
from actors.shared.locations.locations import locate
from actors.shared.text import size_text
from bus.client import Peer
from schemas.backups import (
    BackupCreateRequestEvent,
    BackupRestoredEvent,
    BackupRestoreRequestEvent,
    BackupsListRequestEvent,
    BackupsPruneRequestEvent,
    BackupsVerifyRequestEvent,
)
from schemas.event import Request

if TYPE_CHECKING:
    from actors.shared.keys.key_ring import KeyRing
    from actors.state_store.backups.repository import BackupRepository

TIMEOUT_SECONDS = 3600.0
UNFINISHED = (
    "no backup: a cut left it while it was made or removed; 'undercroft state check --repair' puts it aside"
)
"""Backups may be large. The store itself gives up a disk that does not answer."""

PASSPHRASE_LIMIT = 4096
PROMPT_TIMEOUT_SECONDS = 120.0


@click.group()
def backup() -> None:
    """Make, check, restore and move backups of everything that the app keeps.

    \b
    Examples:
      undercroft backup create before-the-update
      undercroft backup list
      undercroft backup restore 20260102T030405Z-manual-before-the-update-s1
      undercroft backup export 20260102T030405Z-manual-before-the-update-s1 notes.undercroft
    """


@backup.command()
@click.argument("name", default="")
@target_options
@pass_target
def create(target: Target, name: str) -> int:
    """Make a full backup, with a NAME if given.

    It was read back when the command returns. Pruning never removes it.

    \b
    Examples:
      undercroft backup create
      undercroft backup create before-the-update --json
    """
    made = with_peer(
        target, lambda peer: request_with_progress(peer, BackupCreateRequestEvent(name=name), target)
    ).backup
    if target.as_json:
        print_json(made)
    else:
        print(created_line(made))
    return ExitCode.OK


@backup.command(name="list")
@target_options
@pass_target
def list_backups(target: Target) -> int:
    """List all backups, the newest first.

    \b
    Examples:
      undercroft backup list
      undercroft backup list --json
    """
    found = with_peer(target, lambda peer: ask(peer, BackupsListRequestEvent(), TIMEOUT_SECONDS))
    if target.as_json:
        print_json(found)
        return ExitCode.OK
    for one in found.backups:
        print(backup_line(one))
    for fault in found.faults:
        print(f"undercroft: {fault.id}: {fault.problem}", file=sys.stderr)
    for id in found.unfinished:
        print(f"undercroft: {id}: {UNFINISHED}", file=sys.stderr)
    return ExitCode.OK


@backup.command()
@click.argument("id", default="")
@target_options
@pass_target
def verify(target: Target, id: str) -> int:
    """Read one backup from end to end, or all of them: every digest, every document.

    Exit code 1 if something is wrong.

    \b
    Examples:
      undercroft backup verify
      undercroft backup verify 20260102T030405Z-manual-s1
    """
    found = with_peer(
        target, lambda peer: request_with_progress(peer, BackupsVerifyRequestEvent(id=id), target)
    )
    if target.as_json:
        print_json(found)
    else:
        for fault in found.faults:
            print(f"{fault.id}: {fault.key or 'backup'}: {fault.problem}")
        faulty = {fault.id for fault in found.faults}
        for one in found.verified:
            if one not in faulty:
                print(f"{one}: good")
        for one in found.unfinished:
            print(f"{one}: {UNFINISHED}")
    return ExitCode.FAILED if found.faults else ExitCode.OK


@backup.command()
@click.argument("id")
@click.option(
    "--key",
    "keys",
    multiple=True,
    help="Restore only this key; may be repeated. A typed document is document.<type>.",
)
@click.option("--settings", is_flag=True, help="Restore the settings as well.")
@click.option(
    "--without-damaged", is_flag=True, help="Leave out documents that were damaged when the backup was made."
)
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_options
@pass_target
def restore(
    target: Target,
    id: str,
    keys: tuple[str, ...],
    settings: bool,
    without_damaged: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Restore a backup, all or nothing. Keys that are newer than the backup are removed.

    The present state is backed up first.

    \b
    Examples:
      undercroft backup restore 20260102T030405Z-manual-s1 --dry-run
      undercroft backup restore 20260102T030405Z-manual-s1 --key layout.default --yes
    """
    if not dry_run:
        what = ", ".join(keys) if keys else "everything that the app keeps"
        confirm(f"Replace {what} with the content of {id}?", yes)
    request = BackupRestoreRequestEvent(
        id=id, keys=list(keys), settings=settings, without_damaged=without_damaged, dry_run=dry_run
    )
    return show_restored(
        target, with_peer(target, lambda peer: request_with_progress(peer, request, target)), dry_run=dry_run
    )


@backup.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_options
@pass_target
def prune(target: Target, dry_run: bool, yes: bool) -> int:
    """Remove the backups that the retention of the profile does not keep.

    Backups made by hand stay, and so does the last good one.

    \b
    Examples:
      undercroft backup prune --dry-run
      undercroft backup prune --yes
    """
    if not dry_run:
        confirm("Remove the backups that 'undercroft backup prune --dry-run' shows?", yes)
    found = with_peer(
        target, lambda peer: ask(peer, BackupsPruneRequestEvent(dry_run=dry_run), TIMEOUT_SECONDS)
    )
    if target.as_json:
        print_json(found)
        return ExitCode.OK
    for kept in found.kept:
        print(f"keep    {kept.id}: {', '.join(kept.reasons)}")
    removed = "would remove" if dry_run else "removed"
    for id in found.removed:
        print(f"{removed} {id}")
    if found.former_values:
        print(f"{removed} {found.former_values} former values of single keys")
    return ExitCode.OK


@backup.command()
@click.argument("id")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask before replacing a file.")
@target_options
@pass_target
def export(target: Target, id: str, file: Path, yes: bool) -> int:
    """Write a backup to a FILE that opens on any machine with its passphrase.

    The command asks for the passphrase, or reads it from stdin. It is stored nowhere: without it the file is
    lost. Works without a runtime.

    \b
    Examples:
      undercroft backup export 20260102T030405Z-manual-s1 notes.undercroft
      undercroft backup export 20260102T030405Z-manual-s1 notes.undercroft < passphrase.txt
    """
    from actors.state_store.backups.backup_transfer import export_backup as carry_out

    if file.exists():
        confirm(f"Replace {file}?", yes)
    count = carry_out(
        _repository(target), id, file.absolute(), passphrase(confirmation=True), _ring(target, make=False)
    )
    if target.as_json:
        print_json({"id": id, "file": str(file), "documents": count, "size_bytes": file.stat().st_size})
    else:
        print(f"{file}: {count} documents, {size_text(file.stat().st_size)}")
    return ExitCode.OK


@backup.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--settings", is_flag=True, help="Restore the settings as well.")
@click.option(
    "--only-take-in",
    is_flag=True,
    help="Only make a backup of it in this home, and restore nothing. Works without a runtime.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_options
@pass_target
def import_backup(target: Target, file: Path, settings: bool, only_take_in: bool, yes: bool) -> int:
    """Import an exported FILE and restore it. The present state is backed up first.

    The command asks for the passphrase, or reads it from stdin.

    \b
    Examples:
      undercroft backup import notes.undercroft
      undercroft backup import notes.undercroft --yes < passphrase.txt
    """
    from actors.state_store.backups.backup_transfer import import_backup as carry_out

    if not only_take_in:
        confirm(f"Replace everything that the app keeps with the content of {file}?", yes)
    made = carry_out(_repository(target), file, passphrase(), _ring(target, make=True))
    if only_take_in:
        if target.as_json:
            print_json(made.info())
        else:
            restore = f"undercroft backup restore {made.id}"
            print(f"{made.id}: {made.documents} documents; '{restore}' restores them")
        return ExitCode.OK
    request = BackupRestoreRequestEvent(id=made.id, settings=settings)
    return show_restored(target, with_peer(target, lambda peer: request_with_progress(peer, request, target)))


def show_restored(target: Target, found: BackupRestoredEvent, *, dry_run: bool = False) -> int:
    """Print what was restored."""
    if target.as_json:
        print_json(found)
        return ExitCode.OK
    print("\n".join(restored_lines(found, dry_run=dry_run)))
    for key in found.left_out:
        print(f"undercroft: {key}: left out", file=sys.stderr)
    return ExitCode.OK


def confirm(question: str, yes: bool) -> None:
    """Ask for confirmation, unless --yes was given.

    Raises:
        click.UsageError: there is no terminal to ask on.
        click.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on; give --yes")
    click.confirm(question, abort=True, err=True)


def passphrase(*, confirmation: bool = False) -> str:
    """Ask for the passphrase, or read the first line of stdin. An argument would be visible to others."""
    if sys.stdin.isatty():
        found: str = click.prompt("Passphrase", hide_input=True, err=True, confirmation_prompt=confirmation)
        return found
    return sys.stdin.readline(PASSPHRASE_LIMIT).rstrip("\r\n")


async def request_with_progress(peer: Peer, request: Request[ReplyT], target: Target) -> ReplyT:
    """Send a request that takes long, and show its progress on a terminal."""
    if target.as_json or not sys.stderr.isatty():
        return await ask(peer, request, TIMEOUT_SECONDS)
    async with progress_shown(peer):
        return await ask(peer, request, TIMEOUT_SECONDS)


def _repository(target: Target) -> BackupRepository:
    from actors.state_store.actor import DIRECTORY_NAME
    from actors.state_store.backups.repository import BackupRepository

    return BackupRepository(locate(target.app, target.home).state / DIRECTORY_NAME / "backups")


def _ring(target: Target, *, make: bool) -> KeyRing:
    from actors.shared.keys.key_ring import open_ring
    from actors.state_store.actor import DIRECTORY_NAME

    state = locate(target.app, target.home).state
    ring = open_ring(
        state, [state / DIRECTORY_NAME], interactive=True, timeout_seconds=PROMPT_TIMEOUT_SECONDS
    )
    ring.unlock(make=make)
    return ring
