"""`undercroft history`."""

from __future__ import annotations

import sys
from typing import Any

import click

from actors.cli.commands.history.history_export import export, tail
from actors.cli.commands.history.history_removal import clear, delete, prune, purge
from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.views.history_view import entry_lines, hit_lines, status_lines
from schemas.history import (
    HistoryAppendRequestEvent,
    HistoryEditRequestEvent,
    HistoryKeepRequestEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    HistoryStatusRequestEvent,
)

TIMEOUT_SECONDS = 60.0
INPUT_LIMIT = 200_001
PAGE = 200


@click.group()
def history() -> None:
    """See, search, change and export what was dictated and said.

    Where it is kept is a setting: history.persistence_mode is `memory` (nothing is ever on disk) or `disk`
    (encrypted).

    \b
    Examples:
      undercroft history list -n 5
      undercroft history search "shopping li"
      undercroft history export --format markdown > history.md
      undercroft history clear --dry-run
    """


@history.command(name="list")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Most entries to show."
)
@click.option("--kind", default="", help="Of this kind only, such as dictation.")
@click.option("--conversation", "conversation_id", default="", help="Of this conversation only.")
@click.option("--since", type=click.FloatRange(0), help="From this moment on, in seconds since 1970.")
@click.option("--until", type=click.FloatRange(0), help="Before this moment, in seconds since 1970.")
@click.option("--before", default="", help="Only what is older than the entry of this id.")
@target_options
@pass_target
def list_entries(target: Target, /, **question: Any) -> int:
    """List entries, the newest first.

    \b
    Examples:
      undercroft history list
      undercroft history list -n 100 --kind answer --json
    """
    page = with_peer(target, lambda peer: ask(peer, HistoryQueryRequestEvent(**question), TIMEOUT_SECONDS))
    if target.as_json:
        print_json(page)
        return ExitCode.OK
    for entry in page.entries:
        print("\n".join(entry_lines(entry)))
    if page.next_before:
        print(f"{page.total} in all; older ones: --before {page.next_before}", file=sys.stderr)
    return ExitCode.OK


@history.command()
@click.argument("words")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Most entries to show."
)
@click.option("--before", default="", help="Only what is older than the entry of this id.")
@target_options
@pass_target
def search(target: Target, words: str, limit: int, before: str) -> int:
    """Find entries that hold all WORDS, or words that begin so. Exit code 1 if there is none.

    \b
    Examples:
      undercroft history search "shopping li"
      undercroft history search invoice --json
    """
    found = with_peer(
        target,
        lambda peer: ask(
            peer, HistorySearchRequestEvent(words=words, limit=limit, before=before), TIMEOUT_SECONDS
        ),
    )
    if target.as_json:
        print_json(found)
        return ExitCode.OK if found.hits else ExitCode.FAILED
    for hit in found.hits:
        print("\n".join(hit_lines(hit, on_terminal=sys.stdout.isatty())))
    if not found.complete:
        print("undercroft: entries are still being loaded; there may be more", file=sys.stderr)
    if found.next_before:
        print(f"there are more: --before {found.next_before}", file=sys.stderr)
    return ExitCode.OK if found.hits else ExitCode.FAILED


@history.command()
@click.argument("identity", metavar="ID")
@target_options
@pass_target
def show(target: Target, identity: str) -> int:
    """Show one entry with all that is known of it. Exit code 1 if there is none.

    \b
    Examples:
      undercroft history show 01a1fc31-2d2f-7000-988b-b526e83d43be
    """
    page = with_peer(
        target, lambda peer: ask(peer, HistoryQueryRequestEvent(ids=[identity]), TIMEOUT_SECONDS)
    )
    if not page.entries:
        print(f"undercroft: there is no entry {identity}", file=sys.stderr)
        return ExitCode.FAILED
    if target.as_json:
        print_json(page.entries[0])
    else:
        print("\n".join(entry_lines(page.entries[0], whole=True)))
    return ExitCode.OK


@history.command()
@click.argument("text", default="-")
@click.option("--kind", default="dictation", show_default=True, help="What it is.")
@click.option("--conversation", "conversation_id", default="", help="Which conversation it belongs to.")
@target_options
@pass_target
def add(target: Target, text: str, kind: str, conversation_id: str) -> int:
    """Add an entry; its TEXT is read from stdin if it is '-' or left out, so that it shows in no list of processes.

    \b
    Examples:
      undercroft history add < note.txt
      undercroft history add "buy milk" --kind note
    """
    request = HistoryAppendRequestEvent(text=_text(text), kind=kind, conversation_id=conversation_id)
    answer = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    if target.as_json:
        print_json(answer)
    else:
        print(f"{answer.entry.id} ({answer.storage})")
    return ExitCode.OK


@history.command()
@click.argument("identity", metavar="ID")
@click.argument("text", default="-")
@target_options
@pass_target
def edit(target: Target, identity: str, text: str) -> int:
    """Give an entry another TEXT, from stdin if it is '-' or left out. The former one is nowhere on disk a moment later.

    \b
    Examples:
      undercroft history edit 01a1fc31-2d2f-7000-988b-b526e83d43be < corrected.txt
    """
    request = HistoryEditRequestEvent(id=identity, text=_text(text))
    answer = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    if target.as_json:
        print_json(answer.entry)
    else:
        print("\n".join(entry_lines(answer.entry)))
    return ExitCode.OK


@history.command()
@target_options
@pass_target
def keep(target: Target) -> int:
    """Accept what a notice tells of: files that stay on disk in memory mode, or segments that are missing for good.

    \b
    Examples:
      undercroft history keep
    """
    return _status(
        target, with_peer(target, lambda peer: ask(peer, HistoryKeepRequestEvent(), TIMEOUT_SECONDS))
    )


@history.command()
@target_options
@pass_target
def status(target: Target) -> int:
    """Show where the history is kept, how much of it there is, and what is wrong with it. Exit code 1 if something is.

    \b
    Examples:
      undercroft history status --json
    """
    return _status(
        target, with_peer(target, lambda peer: ask(peer, HistoryStatusRequestEvent(), TIMEOUT_SECONDS))
    )


def _status(target: Target, found: Any) -> int:
    if target.as_json:
        print_json(found)
    else:
        print("\n".join(status_lines(found)))
    return (
        ExitCode.FAILED
        if found.findings
        or found.mode != found.storage.replace("encrypted", "disk").replace("plaintext", "disk")
        else ExitCode.OK
    )


def _text(text: str) -> str:
    return sys.stdin.read(INPUT_LIMIT).removesuffix("\n") if text == "-" else text


for command in (delete, clear, purge, prune, export, tail):
    history.add_command(command)
