"""`undercroft state`: read, change and check what the app keeps."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from bus.client import Peer
from schemas.backups import Finding, StateCheckRequestEvent
from schemas.state import (
    StateChangedEvent,
    StateDeleteRequestEvent,
    StateKey,
    StateListRequestEvent,
    StateLoadRequestEvent,
    StateSaveRequestEvent,
)

TIMEOUT_SECONDS = 30.0
CHECK_TIMEOUT_SECONDS = 3600.0
INPUT_LIMIT = 64 * 1024 * 1024


@click.group()
def state() -> None:
    """Read and change the state of the app, by key.

    \b
    Examples:
      undercroft state list layout.
      undercroft state get layout.default
      undercroft state set config.greeting '"hello"'
      undercroft state watch
    """


@state.command()
@click.argument("key")
@target_options
@pass_target
def get(target: Target, key: str) -> int:
    """Print the value of a KEY as JSON; with --json, also its revision and how it is stored.

    Exit code 1 if there is no such key.

    \b
    Examples:
      undercroft state get layout.default
      undercroft state get layout.default --json
    """
    answer = with_peer(target, lambda peer: ask(peer, StateLoadRequestEvent(key=key), TIMEOUT_SECONDS))
    if answer.evidence:
        copy = f"the value comes from {answer.repaired_from}" if answer.repaired_from else "no copy is good"
        words = f"the document was damaged; it was put aside as {answer.evidence}; {copy}"
        print(f"undercroft: {key}: {words}", file=sys.stderr)
    if target.as_json:
        print_json(answer)
    elif answer.found:
        print_json(answer.value)
    else:
        print(f"undercroft: {key}: there is no such key", file=sys.stderr)
    return ExitCode.OK if answer.found else ExitCode.FAILED


@state.command(name="set")
@click.argument("key")
@click.argument("value")
@click.option(
    "--encrypt/--plain", default=None, help="Encrypt the value, or not; a namespace may require it."
)
@click.option("--compress", is_flag=True, default=None, help="Compress the value.")
@click.option("--backup", is_flag=True, default=None, help="Keep the former value below backups/auto.")
@click.option(
    "--expect",
    "expected_revision",
    type=click.IntRange(0),
    help="Refuse unless the key has this revision; 0: unless it does not exist.",
)
@target_options
@pass_target
def set_value(
    target: Target,
    key: str,
    value: str,
    encrypt: bool | None,
    compress: bool | None,
    backup: bool | None,
    expected_revision: int | None,
) -> int:
    """Save a VALUE under a KEY. The value is JSON; '-' reads it from stdin.

    It is on disk when the command returns.

    \b
    Examples:
      undercroft state set config.greeting '"hello"'
      undercroft state set layout.default - < layout.json
      undercroft state set config.greeting '"hi"' --expect 12 --backup
    """
    request = StateSaveRequestEvent(
        key=key,
        value=_parsed(value),
        encrypt=encrypt,
        compress=compress,
        backup=backup,
        expected_revision=expected_revision,
    )
    answer = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    if target.as_json:
        print_json(answer)
    else:
        print(f"{answer.key}: revision {answer.revision}, {answer.size_bytes} bytes")
    return ExitCode.OK


@state.command()
@click.argument("key")
@click.option("--backup", is_flag=True, default=None, help="Keep the value below backups/auto.")
@click.option(
    "--expect", "expected_revision", type=click.IntRange(0), help="Refuse unless the key has this revision."
)
@target_options
@pass_target
def delete(target: Target, key: str, backup: bool | None, expected_revision: int | None) -> int:
    """Delete a KEY; it need not exist.

    \b
    Examples:
      undercroft state delete layout.mobile --backup
    """
    request = StateDeleteRequestEvent(key=key, backup=backup, expected_revision=expected_revision)
    answer = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    if target.as_json:
        print_json(answer)
    else:
        print(f"{answer.key}: deleted" if answer.existed else f"{answer.key}: there was no such key")
    return ExitCode.OK


@state.command(name="list")
@click.argument("prefix", default="")
@target_options
@pass_target
def list_keys(target: Target, prefix: str) -> int:
    """List the keys that begin with a PREFIX, with their size on disk.

    \b
    Examples:
      undercroft state list
      undercroft state list history.conversations. --json
    """
    found = with_peer(target, lambda peer: _all_keys(peer, prefix))
    if target.as_json:
        print_json(found)
    else:
        for one in found:
            print(f"{one.size_bytes:>12}  {one.key}")
    return ExitCode.OK


@state.command()
@click.argument("prefix", default="")
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after this many changes.")
@target_options
@pass_target
def watch(target: Target, prefix: str, count: int | None) -> None:
    """Show changes of keys that begin with a PREFIX as they become durable, without the values.

    \b
    Examples:
      undercroft state watch
      undercroft state watch layout. -n 1 --json
    """
    with_peer(target, lambda peer: _watch(peer, prefix, count, target.as_json))


@state.command()
@click.option(
    "--repair",
    is_flag=True,
    help="Repair damage, and remove left-overs. Damaged files are put aside, never removed.",
)
@target_options
@pass_target
def check(target: Target, repair: bool) -> int:
    """Check every document, every other file, the journal and every backup.

    Exit code 1 if something is damaged and was not repaired.

    \b
    Examples:
      undercroft state check
      undercroft state check --repair --json
    """
    found = with_peer(
        target, lambda peer: ask(peer, StateCheckRequestEvent(repair=repair), CHECK_TIMEOUT_SECONDS)
    )
    if target.as_json:
        print_json(found)
    else:
        for finding in found.findings:
            print(_finding_line(finding))
        shown = f" ({len(found.findings)} shown)" if found.total > len(found.findings) else ""
        checked = f"{found.checked} documents and {found.backups} backups checked"
        verdict = "no damage" if found.is_sound else "something is damaged"
        print(f"{checked}, {found.total} findings{shown}: {verdict}")
    return ExitCode.OK if found.is_sound else ExitCode.FAILED


def _finding_line(finding: Finding) -> str:
    done = f"; {finding.repair}" if finding.repair else ""
    kept = f"; the evidence is {finding.evidence}" if finding.evidence else ""
    return f"{finding.kind}: {finding.path or 'store'}: {finding.problem}{done}{kept}"


async def _all_keys(peer: Peer, prefix: str) -> list[StateKey]:
    found: list[StateKey] = []
    after = ""
    while True:
        page = await ask(peer, StateListRequestEvent(prefix=prefix, after=after), TIMEOUT_SECONDS)
        found += page.keys
        after = page.next_after
        if not after:
            return found


async def _watch(peer: Peer, prefix: str, count: int | None, as_json: bool) -> None:
    shown = 0
    async with peer.subscribe(StateChangedEvent) as events:
        async for event in events:
            if not isinstance(event, StateChangedEvent):
                print("undercroft: some changes were missed", file=sys.stderr)
                continue
            if not event.key.startswith(prefix):
                continue
            if as_json:
                print_json(event)
            else:
                what = "deleted" if event.deleted else "saved"
                print(f"{event.key}: {what}, revision {event.revision}, by {event.source}", flush=True)
            shown += 1
            if shown == count:
                return


def _parsed(text: str) -> Any:
    content = sys.stdin.read(INPUT_LIMIT) if text == "-" else text
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"VALUE: expected JSON, such as '\"text\"', 12 or '{{}}': {error}") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")
