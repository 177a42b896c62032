"""`undercroft config`."""

from __future__ import annotations

import json
from typing import Any

import click

from actors.cli.commands.config import (
    config_edit,
    config_explain,
    config_secret,
    config_transfer,
    config_watch,
)
from actors.cli.commands.config.config_change import GET, ask_store, change, json_text, show_reply
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.config_store.dotted_paths import flatten, is_within, value_at
from schemas.config import RuntimeConfigRequestEvent, Scope


@click.group()
def config() -> None:
    """Read and change settings while the app runs.

    A change is in effect at once, reaches every part of the app, and is on disk when the command returns.

    \b
    Examples:
      undercroft config list
      undercroft config set vad.sensitivity 0.8 ui.theme dark
      undercroft config reset vad --dry-run
    """


@config.command(name="list")
@click.argument("section", required=False)
@click.option("--overrides", is_flag=True, help="Only the settings that the user set.")
@target_options
@pass_target
def list_settings(target: Target, section: str | None, overrides: bool) -> int:
    """List the settings, all or those of one SECTION. A star marks the ones that the user set.

    \b
    Examples:
      undercroft config list
      undercroft config list vad
      undercroft config list --overrides --json
    """
    answer = ask_store(target, GET)
    rows = {
        path: value
        for path, value in flatten(answer.settings)
        if (not section or is_within(path, section)) and not (overrides and path not in answer.overrides)
    }
    if section and not rows and not overrides:
        raise click.UsageError(
            f"there is no section or setting {section!r}; sections are {', '.join(answer.settings)}"
        )
    if target.as_json:
        print_json(rows)
    else:
        for path, value in rows.items():
            print(f"{'*' if path in answer.overrides else ' '} {path} = {json_text(value)}")
    return ExitCode.OK


@config.command()
@click.argument("key")
@target_options
@pass_target
def get(target: Target, key: str) -> int:
    """Print the value of a setting, or of a section, as JSON.

    \b
    Examples:
      undercroft config get vad.sensitivity
      undercroft config get vad
    """
    settings = ask_store(target, GET).settings
    try:
        print_json(value_at(settings, key))
    except KeyError:
        raise click.UsageError(
            f"there is no setting {key!r}; 'undercroft config list' shows all settings"
        ) from None
    return ExitCode.OK


@config.command(name="set")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY VALUE [KEY VALUE]...")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--session", is_flag=True, help="Store nothing: the change lasts until the configuration store stops."
)
@target_options
@pass_target
def set_settings(target: Target, pairs: tuple[str, ...], dry_run: bool, session: bool) -> int:
    """Change settings, several at once: either all of them or none.

    A VALUE is JSON; anything that is not JSON is taken as text.

    \b
    Examples:
      undercroft config set vad.sensitivity 0.8
      undercroft config set stt.language pt-BR stt.threads 4
    """
    if len(pairs) % 2:
        raise click.UsageError(
            f"expected pairs of KEY and VALUE, found {len(pairs)} words; {pairs[-1]!r} has no value"
        )
    answer = ask_store(
        target,
        RuntimeConfigRequestEvent(
            operation="update",
            updates={key: _value(text) for key, text in zip(pairs[::2], pairs[1::2], strict=True)},
            dry_run=dry_run,
            scope=_scope(session),
            from_command_line=True,
        ),
    )
    for problem in answer.problems:
        if problem.kind == "secret_exposed":
            raise click.UsageError(problem.problem)
    return show_reply(target, answer)


@config.command()
@click.argument("section", required=False)
@click.option("--all", "everything", is_flag=True, help="Reset every setting.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--session", is_flag=True, help="Reset what was set with --session.")
@target_options
@pass_target
def reset(target: Target, section: str | None, everything: bool, dry_run: bool, session: bool) -> int:
    """Reset a SECTION, or one setting, to its defaults.

    \b
    Examples:
      undercroft config reset vad --dry-run
      undercroft config reset stt.language
      undercroft config reset --all
    """
    if bool(section) == everything:
        raise click.UsageError("expected either a SECTION or --all")
    return change(
        target,
        RuntimeConfigRequestEvent(
            operation="reset_section" if section else "reset_defaults",
            section=section or "",
            dry_run=dry_run,
            scope=_scope(session),
        ),
    )


def _scope(session: bool) -> Scope:
    return "session" if session else "user"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


for _command in (
    config_explain.explain,
    config_edit.edit,
    config_transfer.export,
    config_transfer.import_settings,
    config_watch.watch,
    config_secret.secret,
):
    config.add_command(_command)
