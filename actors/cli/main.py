"""The `undercroft` command. Subcommands are imported when they are called, so that each starts fast."""

from __future__ import annotations

import importlib
import sys

import click

from actors.cli.exit_codes import EXIT_CODES_HELP, ExitCode, report
from actors.cli.options import Target, profile_option, target_options
from bus.errors import UndercroftError

COMMANDS = {
    "up": "Start the runtime of an app and keep it running.",
    "down": "Stop the runtime in good order.",
    "status": "Show how the actors fare.",
    "restart": "Stop actors in good order and start them again.",
    "logs": "Show what the actors wrote to their logs.",
    "watch": "Show events as they happen.",
    "trace": "Show what all actors noted about one matter.",
    "metrics": "Show what the actors count and measure.",
    "diagnostics": "Make a report of what is wrong, without what is private.",
    "config": "Read and change settings while the app runs.",
    "models": "Install, check and remove models.",
    "paths": "Show where the models lie, and move them elsewhere.",
    "ready": "Wait until the app can be used, and show what is missing.",
    "state": "Read and change the state that the app keeps, by key.",
    "doctor": "Look for what is wrong, and say what to do about it.",
    "history": "See, search, change and export what was dictated and said.",
    "backup": "Make, check, restore and carry backups of it.",
    "keys": "See, rotate and recover the keys that encrypt documents.",
    "contract": "Show every event and request, as JSON Schema or AsyncAPI.",
    "demo": "Show what it does when things go wrong, in half a minute.",
}
"""Name and summary; the command is found in `actors.cli.commands.<name>`, as a click command of that name."""

ROOMS = {
    "up": "lifecycle.up",
    "down": "lifecycle.down",
    "status": "lifecycle.status",
    "restart": "lifecycle.restart",
    "config": "config.config_group",
    "models": "models.models_group",
    "history": "history.history_group",
}
"""Commands whose module lies deeper than `actors.cli.commands.<name>`."""


class LazyGroup(click.Group):
    """Knows its commands by name, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is called."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(
            importlib.import_module(f"actors.cli.commands.{ROOMS.get(cmd_name, cmd_name)}"), cmd_name
        )
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES_HELP)
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
    target = Target()
    try:
        code = undercroft.main(arguments, prog_name="undercroft", standalone_mode=False, obj=target)
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # whoever read us has gone; the interpreter must not try to flush
        code = ExitCode.OK
    except UndercroftError as error:
        code = report(error, as_json=target.as_json)
    sys.exit(int(code or 0))
