"""`undercroft down`."""

from __future__ import annotations

import time

import click

from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.runtime.runtime_end import end_runtime


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

    It reaches the process that holds the home, even if runtime.json, the sockets or the broker are gone, and
    never another one.

    \b
    Examples:
      undercroft down
      undercroft down --home /tmp/try --timeout 60
    """
    began = time.monotonic()
    pid = end_runtime(target, timeout_seconds)
    seconds = time.monotonic() - began
    if target.as_json:
        print_json({"stopped": True, "pid": pid, "seconds": round(seconds, 3)})
    else:
        print(f"stopped process {pid} in {seconds:.1f} s")
