"""`undercroft down`."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Final

import click

from actors.cli.connection import ask_runtime
from actors.cli.exit_codes import DeadlinePassed
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from bus.discovery import is_alive, read_runtime, runtime_path, state_directory
from bus.errors import NotRunning, RequestFailed
from schemas.operations.supervision import SupervisorStopRequestEvent

POLL_SECONDS: Final = 0.02


@click.command()
@click.option(
    "--timeout",
    "timeout_seconds",
    default=30.0,
    show_default=True,
    help="How long to wait, in seconds.",
)
@target_options
@pass_target
def down(target: Target, timeout_seconds: float) -> None:
    """Stop the runtime, and wait until it has ended.

    \b
    Examples:
      undercroft down
      undercroft down --home /tmp/try --timeout 60
    """
    runtime = read_runtime(runtime_path(target.app, target.home))
    began = time.monotonic()
    try:
        ask_runtime(target, SupervisorStopRequestEvent(reason="undercroft down"))
    except (NotRunning, RequestFailed):
        _stop_by_signal(target, runtime.pid)
    if not wait_for_end(runtime.pid, timeout_seconds):
        advice = f"see 'undercroft status'; process {runtime.pid} is still there"
        raise DeadlinePassed("the runtime has not stopped", timeout_seconds, advice)
    seconds = time.monotonic() - began
    if target.as_json:
        print_json({"stopped": True, "pid": runtime.pid, "seconds": round(seconds, 3)})
    else:
        print(f"stopped process {runtime.pid} in {seconds:.1f} s")


def _stop_by_signal(target: Target, pid: int) -> None:
    """Send TERM to the runtime, whose bus does not answer, if that process really holds the home.

    Raises:
        NotRunning: it has ended, or another process has its number now.
    """
    from actors.shared.durable.directory_lock import holder_of

    state = state_directory(target.app, target.home)
    holder = holder_of(state)
    if not is_alive(pid) or holder is None or holder.pid != pid:
        raise NotRunning(str(state), f"process {pid}, which wrote it, has ended")
    os.kill(pid, signal.SIGTERM)


def wait_for_end(pid: int, timeout_seconds: float) -> bool:
    """Wait for the end of a process that need not be our child; False if it has not ended in time."""
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([descriptor], [], [], timeout_seconds)[0])
        finally:
            os.close(descriptor)
    deadline = time.monotonic() + timeout_seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)  # other platforms report an end to the parent only
    return True
