"""`undercroft backup`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.cli.connection import ReplyT, ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.shared.locations.locations import locate
from actors.shared.text import size_text
from bus.client import Peer
from schemas.backups import (
    BackupCreateRequestEvent,
    BackupInfo,
    BackupProgressedEvent,
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
"""Backups may be large; the store itself gives up a disk that does not answer."""

PASSPHRASE_LIMIT = 4096
PROMPT_TIMEOUT_SECONDS = 120.0


@click.group()
def backup() -> None:
    """Make, check, restore and carry backups of what the app keeps.

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
    """Make a full backup, by NAME if one is given. It was read back when the command returns, and stays until somebody removes it.

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
        print(
            f"{made.id}: {made.documents} documents, {size_text(made.content_bytes)}, {size_text(made.size_bytes)} on disk"
        )
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
        print(line(one))
    for fault in found.faults:
        print(f"undercroft: {fault.id}: {fault.problem}", file=sys.stderr)
    return ExitCode.OK


@backup.command()
@click.argument("id", default="")
@target_options
@pass_target
def verify(target: Target, id: str) -> int:
    """Read a backup from end to end, or all of them: every digest, every document. Exit code 1 if something is wrong.

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
    return ExitCode.FAILED if found.faults else ExitCode.OK


@backup.command()
@click.argument("id")
@click.option(
    "--key",
    "keys",
    multiple=True,
    help="Only this key; may be given several times. A typed document is document.<type>.",
)
@click.option("--settings", is_flag=True, help="Also bring back the settings.")
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
    """Bring back what a backup holds, all or nothing. What is there now is backed up first, and keys that came later go.

    \b
    Examples:
      undercroft backup restore 20260102T030405Z-manual-s1 --dry-run
      undercroft backup restore 20260102T030405Z-manual-s1 --key layout.default --yes
    """
    if not dry_run:
        confirm(
            f"Replace {', '.join(keys) if keys else 'everything that the app keeps'} by what {id} holds?", yes
        )
    request = BackupRestoreRequestEvent(
        id=id, keys=list(keys), settings=settings, without_damaged=without_damaged, dry_run=dry_run
    )
    return show_restored(
        target, with_peer(target, lambda peer: request_with_progress(peer, request, target)), dry_run=dry_run
    )


@backup.command()
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_options
@pass_target
def prune(target: Target, dry_run: bool, yes: bool) -> int:
    """Remove the backups that the profile's retention does not keep. Those made by hand stay, and so does the last good one.

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
    for id in found.removed:
        print(f"{'would remove' if dry_run else 'removed'} {id}")
    if found.former_values:
        print(
            f"{'would remove' if dry_run else 'removed'} {found.former_values} former values of single keys"
        )
    return ExitCode.OK


@backup.command()
@click.argument("id")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask before a file is replaced.")
@target_options
@pass_target
def export(target: Target, id: str, file: Path, yes: bool) -> int:
    """Write a backup to a FILE that opens on any machine with its passphrase, which is asked for, or read from stdin.

    A runtime need not be up. The passphrase is kept nowhere: without it the file is lost.

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
@click.option("--settings", is_flag=True, help="Also take over the settings.")
@click.option(
    "--only-take-in",
    is_flag=True,
    help="Make it a backup of this home, and restore nothing yet; a runtime need not be up.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_options
@pass_target
def import_backup(target: Target, file: Path, settings: bool, only_take_in: bool, yes: bool) -> int:
    """Take in an exported FILE and restore it. What is there now is backed up first; the passphrase is asked for, or read from stdin.

    \b
    Examples:
      undercroft backup import notes.undercroft
      undercroft backup import notes.undercroft --yes < passphrase.txt
    """
    from actors.state_store.backups.backup_transfer import import_backup as carry_out

    if not only_take_in:
        confirm(f"Replace everything that the app keeps by what {file} holds?", yes)
    made = carry_out(_repository(target), file, passphrase(), _ring(target, make=True))
    if only_take_in:
        if target.as_json:
            print_json(made.info())
        else:
            print(
                f"{made.id}: {made.documents} documents; 'undercroft backup restore {made.id}' brings them back"
            )
        return ExitCode.OK
    request = BackupRestoreRequestEvent(id=made.id, settings=settings)
    return show_restored(target, with_peer(target, lambda peer: request_with_progress(peer, request, target)))


def show_restored(target: Target, found: BackupRestoredEvent, *, dry_run: bool = False) -> int:
    """Say what was restored."""
    if target.as_json:
        print_json(found)
        return ExitCode.OK
    would = "would be " if dry_run else ""
    print(
        f"{found.id}: {found.changed} keys {would}changed, {found.removed} {would}removed, {found.unchanged} as they were"
    )
    if found.saved_as:
        print(f"what was there before is backup {found.saved_as}")
    for key in found.left_out:
        print(f"undercroft: {key}: left out", file=sys.stderr)
    return ExitCode.OK


def confirm(question: str, yes: bool) -> None:
    """Let a person agree; a program says --yes.

    Raises:
        click.UsageError: nobody is there to ask.
        click.Abort: they do not agree.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to ask; give --yes")
    click.confirm(question, abort=True, err=True)


def passphrase(*, confirmation: bool = False) -> str:
    """Ask for it, or read the first line of stdin; it never is an argument, where others could see it."""
    if sys.stdin.isatty():
        found: str = click.prompt("Passphrase", hide_input=True, err=True, confirmation_prompt=confirmation)
        return found
    return sys.stdin.readline(PASSPHRASE_LIMIT).rstrip("\r\n")


async def request_with_progress(peer: Peer, request: Request[ReplyT], target: Target) -> ReplyT:
    """Ask for what takes long, and show on a terminal how it goes on."""
    if target.as_json or not sys.stderr.isatty():
        return await ask(peer, request, TIMEOUT_SECONDS)
    async with _progress(peer):
        return await ask(peer, request, TIMEOUT_SECONDS)


@asynccontextmanager
async def _progress(peer: Peer) -> AsyncIterator[None]:
    async def show() -> None:
        async with peer.subscribe(BackupProgressedEvent) as events:
            async for event in events:
                if isinstance(event, BackupProgressedEvent):
                    of = f" of {event.total}" if event.total else ""
                    print(
                        f"\r{event.doing}: {event.done}{of} documents\x1b[K",
                        end="",
                        file=sys.stderr,
                        flush=True,
                    )

    showing = asyncio.ensure_future(show())
    try:
        yield
    finally:
        showing.cancel()
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def line(one: BackupInfo) -> str:
    """One backup for people."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.created_at))
    marks = ", ".join(
        mark for mark, holds in (("compressed", one.compressed), ("encrypted", one.encrypted)) if holds
    )
    name = f" {one.name!r}" if one.name else ""
    return (
        f"{one.id}  {at}  {one.kind}{name}, {one.documents} documents, {size_text(one.size_bytes)}, {marks}"
    )


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
