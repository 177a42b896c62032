"""`undercroft up`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, profile_option, target_options
from actors.cli.output import print_json
from actors.cli.views.actor_table import code_of, print_status
from actors.runtime.supervisor.supervisor_options import (
    DEFAULT_SPAWN_METHOD,
    DEFAULT_TRANSPORT,
    SpawnMethod,
    Transport,
)
from schemas.operations.supervision import SupervisorStatusEvent

if TYPE_CHECKING:
    from actors.cli.background_start import BackgroundRuntime
    from actors.runtime.supervisor.interfaces import SupervisorObserver


@click.command()
@click.option(
    "--detach", is_flag=True, help="Start in the background; return when every actor is ready or has failed."
)
@click.option(
    "--transport",
    type=click.Choice(["ipc", "tcp"]),
    default=DEFAULT_TRANSPORT,
    show_default=True,
    help="How peers reach the broker; tcp is loopback only, encrypted with CURVE.",
)
@click.option(
    "--spawn",
    "spawn_method",
    type=click.Choice(["fork", "spawn"]),
    default=DEFAULT_SPAWN_METHOD,
    show_default=True,
    help="How processes are created.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    default=60.0,
    show_default=True,
    help="With --detach: how long to wait, in seconds.",
)
@click.option("--settled-to-stdout", is_flag=True, hidden=True)
@target_options
@profile_option
@pass_target
def up(
    target: Target,
    detach: bool,
    transport: Transport,
    spawn_method: SpawnMethod,
    timeout_seconds: float,
    settled_to_stdout: bool,
) -> int:
    """Start the runtime of an app and keep it running, until Ctrl-C or 'undercroft down'.

    SIGHUP reads the children of the profile again. With --json, each change of state is one object.

    \b
    Examples:
      undercroft up
      undercroft up --profile ./myapp --home /tmp/try
      undercroft up --detach --json
    """
    if detach:
        from actors.cli.background_start import fork_background, spawn_background

        background = (
            fork_background() if spawn_method == "fork" else spawn_background(target, transport, spawn_method)
        )
        if background is not None:
            return _wait_settled(target, background, timeout_seconds)
        target.as_json, settled_to_stdout = False, True  # this is the background now
    from actors.runtime.supervisor.start import run_supervisor

    run_supervisor(
        app=target.app,
        home=target.home,
        profile=target.profile,
        transport=transport,
        spawn_method=spawn_method,
        observers=[_view(target, settled_to_stdout)],
    )
    return ExitCode.OK


def _view(target: Target, settled_to_stdout: bool) -> SupervisorObserver:
    from actors.cli.views import up_view

    if settled_to_stdout:
        return up_view.SettledUpView()
    if target.as_json:
        return up_view.JsonUpView()
    return up_view.LiveUpView() if sys.stdout.isatty() else up_view.PlainUpView()


def _wait_settled(target: Target, background: BackgroundRuntime, timeout_seconds: float) -> int:
    line = background.settled(timeout_seconds)
    if not line:
        return _report_failed_start(target, background)
    overview = msgspec.json.decode(line, type=SupervisorStatusEvent)
    if target.as_json:
        print_json(overview)
    else:
        print_status(overview)
    return code_of(overview)


def _report_failed_start(target: Target, background: BackgroundRuntime) -> int:
    code, words = background.failure()
    code = code if code > 0 else ExitCode.FAILED
    if target.as_json:
        print_json({"error": words.strip().removeprefix("undercroft: "), "exit_code": int(code)})
    else:
        sys.stderr.write(words)
    return code
