"""`undercroft init`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.scaffold.app_scaffold import AppScaffold, SettingsKind, SidecarLanguage
from bus.errors import OperatorError

UNNAMED = "myapp"


class FilesInTheWay(OperatorError):
    """Files of a new app are there already; nothing was written.

    Attributes:
        directory: of the app.
        files: those that are there.
    """

    directory: str
    files: list[str]

    def __str__(self) -> str:
        return (
            f"{self.directory}: nothing was written, since these are there already: {', '.join(self.files)}; "
            "choose another directory, or move them away"
        )


class AppPlaceRefused(OperatorError):
    """The files of a new app cannot be written.

    Attributes:
        path: of the file or directory.
        detail: the operating system's words.
    """

    path: str
    detail: str
    words = "{path}: cannot be written: {detail}; choose another directory, or make it writable"


@click.command()
@click.argument("directory", default=".", type=click.Path(file_okay=False, path_type=Path), metavar="[DIR]")
@click.option(
    "--python", "sidecar", flag_value="python", default="python", help="A sidecar in Python.  [default]"
)
@click.option("--js", "sidecar", flag_value="js", help="A sidecar for Node.js.")
@click.option(
    "--settings",
    type=click.Choice(["python", "json-schema"]),
    default="python",
    show_default=True,
    help="How the settings are declared.",
)
@click.option("--name", help="Name of the app.  [default: that of the directory]")
@click.option("--dry-run", is_flag=True, help="Write nothing; show which files there would be.")
@target_options
@pass_target
def init(
    target: Target,
    directory: Path,
    sidecar: SidecarLanguage,
    settings: SettingsKind,
    name: str | None,
    dry_run: bool,
) -> int:
    """Write the first files of an app: a profile that passes 'undercroft check', and starts.

    DIR is made if it is not there. It gets settings, an actor with its test, a sidecar, models and modes.
    A file that is there is never overwritten: then nothing is written, and the exit code is 4.

    \b
    Examples:
      undercroft init myapp
      undercroft init myapp --js --settings json-schema
      undercroft init --dry-run
    """
    directory = directory.absolute()
    scaffold = AppScaffold(name or name_of(directory), sidecar, settings)
    files = scaffold.files()
    there = [path for path in files if (directory / path).exists() or (directory / path).is_symlink()]
    if there and not dry_run:
        raise FilesInTheWay(str(directory), there)
    if not dry_run:
        try:
            _write(directory, files)
        except OSError as error:
            where = error.filename or str(directory)
            raise AppPlaceRefused(str(where), error.strerror or str(error)) from error
    if target.as_json:
        print_json(
            {
                "directory": str(directory),
                "name": scaffold.name,
                "written": not dry_run,
                "files": list(files),
                "in_the_way": there,
            }
        )
        return ExitCode.OK
    for path in files:
        print(f"{'  would write' if dry_run else '  wrote'} {path}{' (is there!)' if path in there else ''}")
    if not dry_run:
        print(_next_steps(directory, scaffold))
    return ExitCode.OK


def name_of(directory: Path) -> str:
    """A name for an app in a directory. Pure."""
    name = re.sub(r"[^A-Za-z0-9 _-]+", "_", directory.name).strip("_ -")[:40]
    return name if re.match(r"[A-Za-z]", name) else UNNAMED


def _write(directory: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(content)


def _next_steps(directory: Path, scaffold: AppScaffold) -> str:
    here = directory.name if directory.parent == Path.cwd() else directory
    profile = "." if directory == Path.cwd() else here
    steps = [
        f"undercroft up --detach --profile {profile}",
        "undercroft config set greeting.language de",
        f'undercroft call {scaffold.topic}.greet \'{{"name": "you"}}\'',
    ]
    if scaffold.sidecar == "js":
        steps.insert(0, f"npm install --prefix {profile}")
    return "\n".join(["next:", *(f"  {step}" for step in steps)])
