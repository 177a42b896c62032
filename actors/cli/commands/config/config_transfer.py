"""`undercroft config export` and `undercroft config import`."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

import click

from actors.cli import toml_writer
from actors.cli.commands.config.config_change import GET, ask_store, change, describe
from actors.cli.exit_codes import ExitCode, print_json
from actors.cli.options import Target, pass_target, target_options
from actors.shared.durable.strict_json import NotStrictJson, parse
from bus.errors import OperatorError
from schemas.config import RuntimeConfigRequestEvent

SIZE_LIMIT_BYTES: Final = 4 * 1024 * 1024


class SettingsFileWrong(OperatorError):
    """A file cannot be imported.

    Attributes:
        path: the file.
        detail: what was expected and what was found.
    """

    path: str
    detail: str
    words = "{path}: {detail}; nothing was changed"


@click.command()
@click.option(
    "--all", "everything", is_flag=True, help="All settings as they are in effect, not only what was set."
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["json", "toml"]),
    default="json",
    show_default=True,
    help="How it is written.",
)
@target_options
@pass_target
def export(target: Target, everything: bool, style: Literal["json", "toml"]) -> int:
    """Write what was set to standard output, to be imported elsewhere. Secrets stay where they are.

    \b
    Examples:
      undercroft config export > settings.json
      undercroft config export --all --format toml
    """
    answer = ask_store(target, GET)
    described = describe(target)
    secrets = {field.path for field in described.fields if field.is_secret}
    values = (
        {field.path: _reach(answer.settings, field.path) for field in described.fields}
        if everything
        else answer.overrides
    )
    nested = _nest({path: value for path, value in values.items() if path not in secrets})
    print(
        toml_writer.render(nested) if style == "toml" else json.dumps(nested, indent=2, ensure_ascii=False),
        end="" if style == "toml" else "\n",
    )
    return ExitCode.OK


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@target_options
@pass_target
def import_settings(target: Target, file: Path, dry_run: bool) -> int:
    """Take settings from a FILE, JSON or TOML, all or none; what is not named in it stays. '-' reads standard input.

    \b
    Examples:
      undercroft config import settings.json --dry-run
      undercroft config import settings.toml
    """
    found = read(file)
    described, now = describe(target), ask_store(target, GET)
    known = {field.path for field in described.fields}
    values = dict(_open(found, known, {field.section for field in described.fields}))
    in_effect = {path: _reach(now.settings, path) for path in known}
    updates = {path: value for path, value in values.items() if path not in known or in_effect[path] != value}
    if not updates:
        if target.as_json:
            print_json(now)
        else:
            print("0 settings changed: all of them are in effect already")
        return ExitCode.OK
    return change(target, RuntimeConfigRequestEvent(operation="update", updates=updates, dry_run=dry_run))


def read(file: Path) -> dict[str, Any]:
    """The settings of a file, by dotted path or nested; TOML by its suffix, or where it is no JSON.

    Raises:
        SettingsFileWrong: it cannot be read, or is neither.
    """
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(SIZE_LIMIT_BYTES + 1)
        else:
            with file.open("rb") as stream:
                content = stream.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise SettingsFileWrong(str(file), f"cannot be read: {error.strerror}") from error
    if len(content) > SIZE_LIMIT_BYTES:
        raise SettingsFileWrong(str(file), f"it has more than {SIZE_LIMIT_BYTES} bytes")
    try:
        found = (
            tomllib.loads(content.decode("utf-8-sig"))
            if file.suffix == ".toml"
            else parse(content, SIZE_LIMIT_BYTES)
        )
    except (NotStrictJson, ValueError, RecursionError) as error:
        raise SettingsFileWrong(
            str(file),
            f"expected {'TOML' if file.suffix == '.toml' else 'JSON (TOML in a file named *.toml)'}: {error}",
        ) from error
    if not isinstance(found, dict):
        raise SettingsFileWrong(str(file), f"expected an object with settings, found {type(found).__name__}")
    return found


def _open(
    values: dict[str, Any], known: set[str], sections: set[str], prefix: str = ""
) -> list[tuple[str, Any]]:
    """Dotted path to value; an object is opened unless it is the value of a setting."""
    leaves: list[tuple[str, Any]] = []
    for name, value in values.items():
        path = prefix + name
        if (
            isinstance(value, dict)
            and path not in known
            and any(section == path or section.startswith(path + ".") for section in sections)
        ):
            leaves += _open(value, known, sections, path + ".")
        else:
            leaves.append((path, value))
    return leaves


def _reach(settings: dict[str, Any], path: str) -> Any:
    value: Any = settings
    for part in path.split("."):
        value = value[part]
    return value


def _nest(values: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in values.items():
        *sections, name = path.split(".")
        inner = nested
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = value
    return nested
