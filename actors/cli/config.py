"""`undercroft config`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from actors.cli.options import Target, pass_target, target_options
from actors.cli.outcome import ExitCode, print_json
from actors.cli.session import ask, converse
from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent


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
@click.option("--overrides", is_flag=True, help="Only what differs from the defaults because somebody set it.")
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
    answer = _ask(target, RuntimeConfigRequestEvent(operation="get_effective"))
    rows = {path: value for path, value in flat(answer.settings) if _is_within(path, section) and not (overrides and path not in answer.overrides)}
    if section and not rows and not overrides:
        raise click.UsageError(f"there is no section or setting {section!r}; sections are {', '.join(answer.settings)}")
    if target.as_json:
        print_json(rows)
    else:
        for path, value in rows.items():
            print(f"{'*' if path in answer.overrides else ' '} {path} = {json.dumps(value, ensure_ascii=False)}")
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
    value: Any = _ask(target, RuntimeConfigRequestEvent(operation="get_effective")).settings
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise click.UsageError(f"there is no setting {key!r}; 'undercroft config list' shows all of them")
        value = value[part]
    print_json(value)
    return ExitCode.OK


@config.command(name="set")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY VALUE [KEY VALUE]...")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@target_options
@pass_target
def set_settings(target: Target, pairs: tuple[str, ...], dry_run: bool) -> int:
    """Change settings; several at once are taken all or none. Values are JSON, or text where they are no JSON.

    \b
    Examples:
      undercroft config set vad.sensitivity 0.8
      undercroft config set stt.language pt-BR stt.threads 4
    """
    if len(pairs) % 2:
        raise click.UsageError(f"expected pairs of KEY and VALUE, found {len(pairs)} words; {pairs[-1]!r} has no value")
    updates = {key: _value(text) for key, text in zip(pairs[::2], pairs[1::2], strict=True)}
    return _change(target, RuntimeConfigRequestEvent(operation="update", updates=updates, dry_run=dry_run))


@config.command()
@click.argument("section", required=False)
@click.option("--all", "everything", is_flag=True, help="Let every setting go back to its default.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@target_options
@pass_target
def reset(target: Target, section: str | None, everything: bool, dry_run: bool) -> int:
    """Let a SECTION, or one setting, go back to its defaults.

    \b
    Examples:
      undercroft config reset vad --dry-run
      undercroft config reset stt.language
      undercroft config reset --all
    """
    if bool(section) == everything:
        raise click.UsageError("expected a SECTION or --all, and not both")
    if section:
        return _change(target, RuntimeConfigRequestEvent(operation="reset_section", section=section, dry_run=dry_run))
    return _change(target, RuntimeConfigRequestEvent(operation="reset_defaults", dry_run=dry_run))


def _ask(target: Target, request: RuntimeConfigRequestEvent) -> RuntimeConfigResponseEvent:
    return converse(target, lambda peer: ask(peer, request))


def _change(target: Target, request: RuntimeConfigRequestEvent) -> int:
    """Ask for a change and show it: path, former value, new one."""

    async def talk(peer: Any) -> tuple[RuntimeConfigResponseEvent, RuntimeConfigResponseEvent]:
        return await ask(peer, RuntimeConfigRequestEvent(operation="get_effective")), await ask(peer, request)

    before, after = converse(target, talk)
    if target.as_json:
        print_json(after)
    else:
        former = dict(flat(before.settings))
        for path, value in flat(after.settings):
            if former.get(path, ...) != value:
                print(f"{path}: {json.dumps(former.get(path), ensure_ascii=False)} -> {json.dumps(value, ensure_ascii=False)}")
        for problem in after.problems:
            print(f"{problem.path or 'settings'}: {problem.problem}")
        print(after.message if after.success else "nothing was changed")
    if not after.success:
        return ExitCode.REFUSED
    return ExitCode.OK if after.durable else ExitCode.FAILED


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path and value of each setting; an empty object counts as a value."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _is_within(path: str, section: str | None) -> bool:
    return not section or path == section or path.startswith(section + ".")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
