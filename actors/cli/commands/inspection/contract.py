"""`undercroft contract`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json

if TYPE_CHECKING:
    import msgspec

FORMATS = ("json-schema", "asyncapi", "up-lines", "profile")


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="What to print to stdout.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for all documents, instead of stdout.",
)
@click.option(
    "--clients",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the clients, for their generated events.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a file is out of date.")
@target_options
@pass_target
def contract(target: Target, form: str, output: Path | None, clients: Path | None, check: bool) -> int:
    """Show the contract: every event and request, as JSON Schema or AsyncAPI 3.0.

    Two more documents are JSON Schemas: of the lines of 'up --json', and of profile.toml.

    With --output or --clients it is written to files. No runtime is needed.

    \b
    Examples:
      undercroft contract --format asyncapi
      undercroft contract --format up-lines
      undercroft contract --format profile > myapp/profile.schema.json     for your editor
      undercroft contract --output schemas/published --clients clients
      undercroft contract --output schemas/published --check
    """
    if check and output is None and clients is None:
        raise click.UsageError("--check needs --output or --clients: the files to compare with")
    from actors.shared.profile.profile_schema import PROFILE_FILE, profile_schema
    from bus.discovery import Runtime
    from schemas.contract.json_schema_export import (
        ASYNCAPI_FILE,
        DOCUMENTS,
        SCHEMA_FILE,
        asyncapi,
        json_schema,
        rendered,
    )
    from schemas.contract.up_lines_export import UP_LINES_FILE, up_lines_schema

    documents: list[type[msgspec.Struct]] = [*DOCUMENTS, Runtime]
    schema = json_schema(documents)
    if output is None and clients is None:
        others = {"up-lines": up_lines_schema(), "profile": profile_schema(), "json-schema": schema}
        document = others.get(form) or asyncapi(documents)
        if target.as_json:
            print_json(document)
        else:
            print(rendered(document), end="")
        return ExitCode.OK
    files: dict[Path, str] = {}
    if output is not None:
        files[output / SCHEMA_FILE] = rendered(schema)
        files[output / ASYNCAPI_FILE] = rendered(asyncapi(documents))
        files[output / UP_LINES_FILE] = rendered(up_lines_schema())
        files[output / PROFILE_FILE] = rendered(profile_schema())
    if clients is not None:
        from schemas.contract.client_source import client_files

        files.update({clients / path: content for path, content in client_files(json_schema()).items()})
    return _compare(target, files) if check else _write(target, files)


def _compare(target: Target, files: dict[Path, str]) -> int:
    stale = [
        str(path)
        for path, content in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != content
    ]
    if target.as_json:
        print_json({"stale": stale})
    else:
        for path in stale:
            print(
                f"{path} is out of date; run 'undercroft contract' with the same options, but without --check"
            )
    return ExitCode.FAILED if stale else ExitCode.OK


def _write(target: Target, files: dict[Path, str]) -> int:
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")
    if target.as_json:
        print_json({"written": [str(path) for path in files]})
    else:
        for path in files:
            print(f"wrote {path}")
    return ExitCode.OK
