"""`undercroft demo`."""

from __future__ import annotations

import signal
import sys

import click

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json


@click.command()
@click.option("--keep", is_flag=True, help="Keep the throwaway home, and print where it is.")
@target_options
@pass_target
def demo(target: Target, keep: bool) -> int:
    """Show in half a minute, without internet, what happens when things go wrong.

    In a throwaway home it installs a real speech model and a larger synthetic file from an origin on the
    loopback interface. It kills the downloader halfway, the state store during a batch, and the broker, and
    changes a setting that another process hears. Every step is measured. The exit code is 0 if every step
    held, and 1 otherwise.

    \b
    Examples:
      undercroft demo
      undercroft demo --json | jq '.steps[] | {name, held, detail}'
      undercroft demo --keep             look at the files afterwards
      undercroft demo --home ./try       the same, in a directory of your choice that is kept
    """
    from actors.cli.demo.tour_run import run_tour
    from actors.cli.views import tour_view

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # clean up as after Ctrl-C
            signal.signal(getattr(signal, name), lambda *_: signal.raise_signal(signal.SIGINT))
    with tour_view.view_for(as_json=target.as_json, is_terminal=sys.stdout.isatty()) as view:
        report = run_tour(view, home=target.home, keep=keep)
    if target.as_json:
        print_json(report)
    else:
        tour_view.print_summary(report)
    return ExitCode.OK if report.ok else ExitCode.FAILED
