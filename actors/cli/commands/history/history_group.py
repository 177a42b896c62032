"""`undercroft history`: the group, and the commands that show, add and change entries."""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from actors.cli.commands.history.history_export import export, tail
from actors.cli.commands.history.history_removal import clear, delete, prune, purge
from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_answer, print_json
from actors.cli.terminal import show_parts
from actors.cli.views.history_view import entry_lines, hit_parts, status_lines
from schemas.history import (
    HistoryAppendRequestEvent,
    HistoryEditRequestEvent,
    HistoryKeepRequestEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    HistoryStatusEvent,
    HistoryStatusRequestEvent,
)

TIMEOUT_SECONDS: Final = 60.0
INPUT_LIMIT: Final = 200_001
LIMIT_OPTION: Final = click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Most entries to show."
)
BEFORE_OPTION: Final = click.option(
    "--before", default="", help="Only entries that are older than the one with this id."
)


@click.group()
def history() -> None:
    """See, search, change and export what was dictated and said.

    The setting history.persistence_mode says where it is kept: `memory` (never on disk) or `disk`
    (encrypted).

    \b
    Examples:
      undercroft history list -n 5
      undercroft history search "shopping li"
      undercroft history export --format markdown > history.md
      undercroft history clear --dry-run
    """


@history.command(name="list")
@LIMIT_OPTION
@click.option("--kind", default="", help="Only this kind, such as dictation.")
@click.option("--conversation", "conversation_id", default="", help="Only this conversation.")
@click.option("--since", type=click.FloatRange(0), help="Only from this moment on, in seconds since 1970.")
@click.option("--until", type=click.FloatRange(0), help="Only before this moment, in seconds since 1970.")
@BEFORE_OPTION
@target_options
@pass_target
def list_entries(target: Target, /, **query: Any) -> int:
    """List entries, newest first.

    \b
    Examples:
      undercroft history list
      undercroft history list -n 100 --kind answer --json
    """
    request = HistoryQueryRequestEvent(**query)
    page = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    if target.as_json:
        print_json(page)
        return ExitCode.OK
    for entry in page.entries:
        print("\n".join(entry_lines(entry)))
    if page.next_before:
        print(f"{page.total} in all; for older ones: --before {page.next_before}", file=sys.stderr)
    return ExitCode.OK


@history.command()
@click.argument("words")
@LIMIT_OPTION
@BEFORE_OPTION
@target_options
@pass_target
def search(target: Target, words: str, limit: int, before: str) -> int:
    """Find entries that contain all WORDS, or words that begin with them.

    Exit code 1 if there are none.

    \b
    Examples:
      undercroft history search "shopping li"
      undercroft history search invoice --json
    """
    request = HistorySearchRequestEvent(words=words, limit=limit, before=before)
    found = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    code = ExitCode.OK if found.hits else ExitCode.FAILED
    if target.as_json:
        print_json(found)
        return code
    for hit in found.hits:
        show_parts(hit_parts(hit, on_terminal=sys.stdout.isatty()))
    if not found.complete:
        print("undercroft: entries are still being loaded; there may be more", file=sys.stderr)
    if found.next_before:
        print(f"there are more: --before {found.next_before}", file=sys.stderr)
    return code


@history.command()
@click.argument("entry_id", metavar="ID")
@target_options
@pass_target
def show(target: Target, entry_id: str) -> int:
    """Show one entry with everything that is known about it. Exit code 1 if it does not exist.

    \b
    Examples:
      undercroft history show 01a1fc31-2d2f-7000-988b-b526e83d43be
    """
    request = HistoryQueryRequestEvent(ids=[entry_id])
    page = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    if not page.entries:
        print(f"undercroft: there is no entry {entry_id}", file=sys.stderr)
        return ExitCode.FAILED
    entry = page.entries[0]
    print_answer(target, entry, "\n".join(entry_lines(entry, whole=True)))
    return ExitCode.OK


@history.command()
@click.argument("text", default="-")
@click.option("--kind", default="dictation", show_default=True, help="Kind of entry.")
@click.option("--conversation", "conversation_id", default="", help="Conversation that it belongs to.")
@target_options
@pass_target
def add(target: Target, text: str, kind: str, conversation_id: str) -> int:
    """Add an entry.

    Without TEXT, or with '-', the text is read from stdin. Then it does not show in lists of processes.

    \b
    Examples:
      undercroft history add < note.txt
      undercroft history add "buy milk" --kind note
    """
    request = HistoryAppendRequestEvent(text=_text(text), kind=kind, conversation_id=conversation_id)
    answer = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    print_answer(target, answer, f"{answer.entry.id} ({answer.storage})")
    return ExitCode.OK


@history.command()
@click.argument("entry_id", metavar="ID")
@click.argument("text", default="-")
@target_options
@pass_target
def edit(target: Target, entry_id: str, text: str) -> int:
    """Give an entry another TEXT. The former text leaves the disk shortly after.

    Without TEXT, or with '-', the text is read from stdin.

    \b
    Examples:
      undercroft history edit 01a1fc31-2d2f-7000-988b-b526e83d43be < corrected.txt
    """
    request = HistoryEditRequestEvent(id=entry_id, text=_text(text))
    answer = with_peer(target, lambda peer: ask(peer, request, TIMEOUT_SECONDS))
    print_answer(target, answer.entry, "\n".join(entry_lines(answer.entry)))
    return ExitCode.OK


@history.command()
@target_options
@pass_target
def keep(target: Target) -> int:
    """Accept what a notice says: files that stay on disk in memory mode, or segments that are lost.

    \b
    Examples:
      undercroft history keep
    """
    found = with_peer(target, lambda peer: ask(peer, HistoryKeepRequestEvent(), TIMEOUT_SECONDS))
    return _show_status(target, found)


@history.command()
@target_options
@pass_target
def status(target: Target) -> int:
    """Show where the history is kept, how much there is, and what is wrong.

    Exit code 1 if something is wrong.

    \b
    Examples:
      undercroft history status --json
    """
    found = with_peer(target, lambda peer: ask(peer, HistoryStatusRequestEvent(), TIMEOUT_SECONDS))
    return _show_status(target, found)


def _show_status(target: Target, status: HistoryStatusEvent) -> int:
    print_answer(target, status, "\n".join(status_lines(status)))
    is_where_wanted = (status.mode == "memory") == (status.storage == "memory")
    return ExitCode.OK if is_where_wanted and not status.findings else ExitCode.FAILED


def _text(text: str) -> str:
    return sys.stdin.read(INPUT_LIMIT).removesuffix("\n") if text == "-" else text


for command in (delete, clear, purge, prune, export, tail):
    history.add_command(command)
