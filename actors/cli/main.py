"""The `undercroft` command. It imports a subcommand only when that is called, so that each starts fast."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final, NamedTuple

import click

from actors.cli.exit_codes import EXIT_CODES_HELP, ExitCode, report
from actors.cli.options import Target, profile_option, target_options
from actors.cli.standard_streams import prepare_streams
from actors.cli.system_shortage import shortage_of
from actors.cli.terminal import guarded_output
from actors.runtime import core_dumps
from actors.runtime.frozen_program import run_frozen_module
from actors.shared.version import VERSION
from bus.errors import UndercroftError


class CommandEntry(NamedTuple):
    """A subcommand.

    Attributes:
        module: below `actors.cli.commands`; it holds a click command with the name of the subcommand.
        summary: for the list in --help.
    """

    module: str
    summary: str


COMMANDS: Final[dict[str, dict[str, CommandEntry]]] = {
    "Run": {
        "up": CommandEntry("lifecycle.up", "Start the runtime of an app and keep it running."),
        "down": CommandEntry("lifecycle.down", "Stop the runtime."),
        "status": CommandEntry("lifecycle.status", "Show the state of all actors, and alerts."),
        "restart": CommandEntry("lifecycle.restart", "Stop actors and start them again."),
        "demo": CommandEntry("demo", "Show in half a minute what happens when things go wrong."),
    },
    "Develop": {
        "init": CommandEntry("development.init", "Write the first files of an app."),
        "topics": CommandEntry("development.topics", "List topics and their fields, the app's own, too."),
        "call": CommandEntry("development.call", "Ask a request, and print its reply."),
        "publish": CommandEntry("development.publish", "Publish an event."),
        "run-actor": CommandEntry("development.run_actor", "Run an actor in the foreground, for a debugger."),
        "check": CommandEntry("development.check", "Judge a profile: name every mistake, and its cure."),
    },
    "Use": {
        "ready": CommandEntry("ready", "Wait until the app can be used, and show what is missing."),
        "config": CommandEntry("config.config_group", "Read and change settings while the app runs."),
        "models": CommandEntry("models.models_group", "Install, check and remove models."),
        "paths": CommandEntry("storage.paths", "Show where files lie, and move models elsewhere."),
        "state": CommandEntry("storage.state", "Read and change the app's stored state, by key."),
        "history": CommandEntry("history.history_group", "See, search, change and export the history."),
        "backup": CommandEntry("storage.backup", "Create, check, restore and export backups of the state."),
        "keys": CommandEntry("storage.keys", "Show, rotate and recover the keys that encrypt documents."),
    },
    "Inspect": {
        "doctor": CommandEntry("inspection.doctor", "Find what is wrong, and say what to do about it."),
        "logs": CommandEntry("inspection.logs", "Show what the actors wrote to their logs."),
        "watch": CommandEntry("inspection.watch", "Show events as they happen."),
        "trace": CommandEntry("inspection.trace", "Show what all actors logged about one request."),
        "metrics": CommandEntry("inspection.metrics", "Show what the actors count and measure."),
        "diagnostics": CommandEntry("inspection.diagnostics", "Write a problem report without private data."),
        "contract": CommandEntry("inspection.contract", "Show all events, as JSON Schema or AsyncAPI."),
    },
}
"""All subcommands by section and name, in the order of --help."""


class LazyGroup(click.Group):
    """Knows its commands from the table, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in the order of the table."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command that is called."""
        for section in COMMANDS.values():
            if cmd_name in section:
                module = importlib.import_module(f"actors.cli.commands.{section[cmd_name].module}")
                command = getattr(module, cmd_name.replace("-", "_"))
                assert isinstance(command, click.Command)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them, in columns of one width."""
        width = max(len(name) for name in self.list_commands(ctx))
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in section.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES_HELP)
@click.version_option(VERSION, "--version", "-V", prog_name="undercroft", message="%(prog)s %(version)s")
@target_options
@profile_option
def undercroft() -> None:
    """The supervised runtime beneath a local-first AI app.

    \b
    Examples:
      undercroft up                      run in the foreground until Ctrl-C
      undercroft up --detach             start, wait until all is ready, return
      undercroft status --json           for scripts
      undercroft watch 'models.*'        see models being downloaded
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and leave the process with its exit code."""
    if arguments is None:
        run_frozen_module()
    core_dumps.forbid()
    if os.name == "posix":
        os.umask((os.umask(0o077) & 0o077) | 0o022)  # ours to read, nobody else's to write
    prepare_streams()
    with guarded_output():
        code = _run(arguments)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    target = Target()
    try:
        code = undercroft.main(arguments, prog_name="undercroft", standalone_mode=False, obj=target)
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; the interpreter must not try to flush
        code = ExitCode.OK
    except UndercroftError as error:
        code = report(error, as_json=target.as_json)
    except Exception as error:
        short = shortage_of(error)
        if short is None:
            raise
        code = report(short, as_json=target.as_json)
    return int(code or 0)
