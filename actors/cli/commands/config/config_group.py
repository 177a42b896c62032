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
from actors.cli.commands.config.config_change import ask_store, change, flat, is_within, secrets_of
from actors.cli.exit_codes import ExitCode, print_json
from actors.cli.options import Target, pass_target, target_options
from schemas.config import RuntimeConfigRequestEvent, Scope


@click.group()
def config() -> None:
    """Read and change settings while the app runs.

    A change is in effect at once, is told to everybody who listens, and is on disk when the command returns.

    \b
    Examples:
      undercroft config list
      undercroft config set vad.sensitivity 0.8 ui.theme dark
      undercroft config reset vad --dry-run
    """


@config.command(name="list")
@click.argument("section", required=False)
@click.option(
    "--overrides", is_flag=True, help="Only what differs from the defaults because somebody set it."
)
@target_options
@pass_target
def list_settings(target: Target, section: str | None, overrides: bool) -> int:
    """List settings, all or those of one SECTION; a star marks the ones that were set.

    \b
    Examples:
      undercroft config list
      undercroft config list vad
      undercroft config list --overrides --json
    """
    answer = ask_store(target, RuntimeConfigRequestEvent(operation="get_effective"))
    rows = {
        path: value
        for path, value in flat(answer.settings)
        if is_within(path, section) and not (overrides and path not in answer.overrides)
    }
    if section and not rows and not overrides:
        raise click.UsageError(
            f"there is no section or setting {section!r}; sections are {', '.join(answer.settings)}"
        )
    if target.as_json:
        print_json(rows)
    else:
        for path, value in rows.items():
            print(
                f"{'*' if path in answer.overrides else ' '} {path} = {json.dumps(value, ensure_ascii=False)}"
            )
    return ExitCode.OK


@config.command()
@click.argument("key")
@target_options
@pass_target
def get(target: Target, key: str) -> int:
    """Print the value of one setting, or of a section, as JSON.

    \b
    Examples:
      undercroft config get vad.sensitivity
      undercroft config get vad
    """
    value: Any = ask_store(target, RuntimeConfigRequestEvent(operation="get_effective")).settings
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise click.UsageError(f"there is no setting {key!r}; 'undercroft config list' shows all of them")
        value = value[part]
    print_json(value)
    return ExitCode.OK


@config.command(name="set")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY VALUE [KEY VALUE]...")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--session", is_flag=True, help="Let it hold until the configuration store ends, and store nothing."
)
@target_options
@pass_target
def set_settings(target: Target, pairs: tuple[str, ...], dry_run: bool, session: bool) -> int:
    """Change settings; several at once are taken all or none. Values are JSON, or text where they are no JSON.

    \b
    Examples:
      undercroft config set vad.sensitivity 0.8
      undercroft config set stt.language pt-BR stt.threads 4
    """
    if len(pairs) % 2:
        raise click.UsageError(
            f"expected pairs of KEY and VALUE, found {len(pairs)} words; {pairs[-1]!r} has no value"
        )
    updates = {key: _value(text) for key, text in zip(pairs[::2], pairs[1::2], strict=True)}
    for path in secrets_of(target) & set(updates):
        raise click.UsageError(
            f"{path} is a secret, and others can read a command line; use 'undercroft config secret {path}'"
        )
    scope: Scope = "session" if session else "user"
    return change(
        target, RuntimeConfigRequestEvent(operation="update", updates=updates, dry_run=dry_run, scope=scope)
    )


@config.command()
@click.argument("section", required=False)
@click.option("--all", "everything", is_flag=True, help="Let every setting go back to its default.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--session", is_flag=True, help="Of what holds until the configuration store ends, not of what is stored."
)
@target_options
@pass_target
def reset(target: Target, section: str | None, everything: bool, dry_run: bool, session: bool) -> int:
    """Let a SECTION, or one setting, go back to its defaults.

    \b
    Examples:
      undercroft config reset vad --dry-run
      undercroft config reset stt.language
      undercroft config reset --all
    """
    if bool(section) == everything:
        raise click.UsageError("expected a SECTION or --all, and not both")
    scope: Scope = "session" if session else "user"
    if section:
        return change(
            target,
            RuntimeConfigRequestEvent(
                operation="reset_section", section=section, dry_run=dry_run, scope=scope
            ),
        )
    return change(target, RuntimeConfigRequestEvent(operation="reset_defaults", dry_run=dry_run, scope=scope))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
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
