"""`undercroft up`."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Final, Literal

import click
import msgspec

from actors.cli.options import Target, pass_target, profile_option, target_options
from actors.cli.outcome import DeadlinePassed, ExitCode, print_json
from schemas.supervision import SupervisorStatusEvent

if TYPE_CHECKING:
    from actors.supervisor.board import Watcher

DEFAULT_TRANSPORT: Final = "tcp" if sys.platform == "win32" else "ipc"
DEFAULT_SPAWN: Final = "fork" if sys.platform == "linux" else "spawn"


@click.command()
@click.option("--detach", is_flag=True, help="Start in the background; return when every actor is ready or has failed.")
@click.option(
    "--transport", type=click.Choice(["ipc", "tcp"]), default=DEFAULT_TRANSPORT, show_default=True, help="tcp: loopback, encrypted with CURVE."
)
@click.option(
    "--spawn", "spawn_method", type=click.Choice(["fork", "spawn"]), default=DEFAULT_SPAWN, show_default=True, help="How processes are made."
)
@click.option("--timeout", "timeout_seconds", default=60.0, show_default=True, help="With --detach: how long to wait, in seconds.")
@click.option("--settled-to-stdout", is_flag=True, hidden=True)
@target_options
@profile_option
@pass_target
def up(
    target: Target,
    detach: bool,
    transport: Literal["ipc", "tcp"],
    spawn_method: Literal["fork", "spawn"],
    timeout_seconds: float,
    settled_to_stdout: bool,
) -> int:
    """Start the runtime of an app and keep it running, until Ctrl-C or 'undercroft down'.

    SIGHUP reads the profile's children again. With --json: one object for each change of state.

    \b
    Examples:
      undercroft up
      undercroft up --profile ./myapp --home /tmp/try
      undercroft up --detach --json
    """
    if detach:
        return _detach(target, transport, spawn_method, timeout_seconds)
    from actors.supervisor.start import run_supervisor

    run_supervisor(
        app=target.app,
        home=target.home,
        profile=target.profile,
        transport=transport,
        spawn_method=spawn_method,
        watchers=[_watcher(target, settled_to_stdout)],
    )
    return ExitCode.OK


def _watcher(target: Target, settled_to_stdout: bool) -> Watcher:
    from actors.cli import up_views

    if settled_to_stdout:
        return up_views.SettledView()
    if target.as_json:
        return up_views.JsonView()
    return up_views.LiveView() if sys.stdout.isatty() else up_views.PlainView()


def _detach(target: Target, transport: str, spawn_method: str, timeout_seconds: float) -> int:
    """Start the same command as a session of its own; the first line of its stdout tells that it has settled."""
    command = [sys.executable, "-P", "-m", "actors", "--app", target.app, "--profile", target.profile]
    command += ["--home", target.home] if target.home else []
    command += ["up", "--settled-to-stdout", "--transport", transport, "--spawn", spawn_method]
    with tempfile.TemporaryFile() as errors:  # what it writes there later is seen by nobody, and gone with it
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=os.name == "posix"
        )
        line = _first_line(process, timeout_seconds)
        if not line:
            code = process.wait()
            errors.seek(0)
            sys.stderr.write(errors.read().decode("utf-8", "replace"))
            return code if code > 0 else ExitCode.FAILED
    overview = msgspec.json.decode(line, type=SupervisorStatusEvent)
    from actors.cli.status import code_of, print_status

    if target.as_json:
        print_json(overview)
    else:
        print_status(overview)
    return code_of(overview)


def _first_line(process: subprocess.Popen[bytes], timeout_seconds: float) -> bytes:
    assert process.stdout is not None
    if os.name == "posix" and not select.select([process.stdout], [], [], timeout_seconds)[0]:
        raise DeadlinePassed(f"process {process.pid} is up, but not every actor", timeout_seconds, "see 'undercroft status'")
    return process.stdout.readline()
