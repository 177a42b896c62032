"""`undercroft config export` and `undercroft config import`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final, Literal

import click

from actors.cli import toml_writer
from actors.cli.commands.config.config_change import GET, change
from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.terminal import escaped_json
from actors.config_store.dotted_paths import nest, value_at
from actors.shared.durable import strict_json, strict_toml
from bus.client import Peer
from bus.errors import OperatorError
from schemas.config import (
    RuntimeConfigRequestEvent,
    RuntimeConfigResponseEvent,
    SettingsDescribedEvent,
    SettingsDescribeRequestEvent,
)

SIZE_LIMIT_BYTES: Final = 4 * 1024 * 1024


class ImportFileWrong(OperatorError):
    """A file cannot be imported.

    Attributes:
        path: the file.
        detail: what was expected and what was found.
    """

    path: str
    detail: str
    words = "{path}: {detail}; nothing was changed"


@click.command()
@click.option("--all", "everything", is_flag=True, help="All settings in effect, not only the user's.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["json", "toml"]),
    default="json",
    show_default=True,
    help="Format of the output.",
)
@target_options
@pass_target
def export(target: Target, everything: bool, style: Literal["json", "toml"]) -> int:
    """Write the user's settings to standard output, for an import elsewhere. Secrets are left out.

    \b
    Examples:
      undercroft config export > settings.json
      undercroft config export --all --format toml
    """
    described, answer = with_peer(target, _describe_and_get)
    secrets = {field.path for field in described.fields if field.is_secret}
    values = answer.overrides
    if everything:
        values = {field.path: value_at(answer.settings, field.path) for field in described.fields}
    nested = nest({path: value for path, value in values.items() if path not in secrets})
    if style == "toml":
        print(toml_writer.render(nested), end="")
    else:
        print(escaped_json(json.dumps(nested, indent=2, ensure_ascii=False)))
    return ExitCode.OK


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@target_options
@pass_target
def import_settings(target: Target, file: Path, dry_run: bool) -> int:
    """Import settings from a FILE, JSON or TOML: either all of them or none.

    Settings that the file does not name stay as they are. '-' reads standard input.

    \b
    Examples:
      undercroft config import settings.json --dry-run
      undercroft config import settings.toml
    """
    request = RuntimeConfigRequestEvent(
        operation="update", updates=read_settings(file), dry_run=dry_run, skip_unchanged=True
    )
    return change(target, request)


def read_settings(file: Path) -> dict[str, Any]:
    """The settings in a file, by dotted path or nested; TOML if its suffix says so, else JSON.

    Raises:
        ImportFileWrong: the file cannot be read, or is neither.
    """
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(SIZE_LIMIT_BYTES + 1)
        else:
            with file.open("rb") as stream:
                content = stream.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise ImportFileWrong(str(file), f"cannot be read: {error.strerror}") from error
    if len(content) > SIZE_LIMIT_BYTES:
        raise ImportFileWrong(str(file), f"it has more than {SIZE_LIMIT_BYTES} bytes")
    is_toml = file.suffix == ".toml"
    try:
        read = strict_toml.parse if is_toml else strict_json.parse
        found = read(content, SIZE_LIMIT_BYTES)
    except (strict_json.NotStrictJson, strict_toml.NotStrictToml) as error:
        expected = "TOML" if is_toml else "JSON (TOML in a file named *.toml)"
        raise ImportFileWrong(str(file), f"expected {expected}: {error}") from error
    if not isinstance(found, dict):
        raise ImportFileWrong(str(file), f"expected an object with settings, found {type(found).__name__}")
    return found


async def _describe_and_get(peer: Peer) -> tuple[SettingsDescribedEvent, RuntimeConfigResponseEvent]:
    return await ask(peer, SettingsDescribeRequestEvent()), await ask(peer, GET)
