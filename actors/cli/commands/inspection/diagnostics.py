"""`undercroft diagnostics`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from actors.cli.clipboard import copy
from actors.cli.exit_codes import ExitCode, RuntimeSilent
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.runtime.runtime_search import find_runtime
from actors.diagnostics.report.report_archive import archive, manifest
from actors.diagnostics.report.report_builder import AppPaths, generate
from actors.runtime.supervisor.host.home.home_holder import HolderUnseen
from actors.shared.durable.durable_write import replace_file
from actors.shared.locations.location_choices import read_choices, resolve
from actors.shared.locations.locations import locate
from bus.client import connect
from bus.discovery import runtime_path
from bus.errors import HelloRefused, NotRunning, OperatorError
from schemas.operations.diagnostics import DiagnosticsGeneratedEvent

CONNECT_SECONDS: Final = 0.5
"""A broker that does not answer within this time counts as down, because the report must not wait for it."""


class ReportFileExists(OperatorError):
    """The file for the report exists already.

    Attributes:
        path: the file.
    """

    path: str
    words = "{path}: the file exists and was not changed; name another one"


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report to this file, a zip.",
)
@click.option(
    "--preview",
    is_flag=True,
    help="Only show which files the report has and what was redacted in each; write nothing.",
)
@click.option("--copy", "is_copied", is_flag=True, help="Copy the summary to the clipboard.")
@target_options
@pass_target
def diagnostics(target: Target, output: Path | None, preview: bool, is_copied: bool) -> int:
    """Make a report of what is wrong, to send to somebody who can help.

    The report begins with what is wrong. Private things are redacted: names, hosts, paths, secrets, and
    everything that was said or written. Nothing leaves this machine, and a file is written only with
    --output. The command also works while the runtime is down.

    \b
    Examples:
      undercroft diagnostics
      undercroft diagnostics --preview
      undercroft diagnostics --output report.zip
    """
    if output is not None and output.exists() and not preview:
        raise ReportFileExists(str(output))
    report = make(target)
    if target.as_json:
        print_json(
            {
                **manifest(report),
                "findings": report.findings,
                "summary": report.summary,
                "seconds": report.seconds,
            }
        )
    else:
        _show(report, with_summary=not preview)
    if preview:
        return ExitCode.OK
    if is_copied:
        copy(report.summary)
    if output is not None:
        replace_file(output.absolute(), archive(report))
    if not target.as_json:
        _show_outcome(output, is_copied)
    return ExitCode.OK


def make(target: Target) -> DiagnosticsGeneratedEvent:
    """Make the report in this process, from the answers of the actors and from disk."""
    defaults = locate(target.app, target.home)
    locations = resolve(defaults, read_choices(defaults.config).choices).locations
    paths = AppPaths(locations, runtime_path(target.app, target.home))

    async def run() -> DiagnosticsGeneratedEvent:
        try:
            runtime = find_runtime(target, CONNECT_SECONDS)
            async with connect(runtime=runtime, timeout_seconds=CONNECT_SECONDS) as peer:
                return await generate(paths, peer)
        except (NotRunning, RuntimeSilent, HolderUnseen, HelloRefused) as error:
            return await generate(paths, None, unreached=str(error))

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(run())


def _show(report: DiagnosticsGeneratedEvent, *, with_summary: bool) -> None:
    if with_summary:
        print(report.summary)
    print(f"{len(report.files)} files, made in {report.seconds:.1f} s:")
    for file in report.files:
        print(f"  {file.name}  {file.size_bytes / 1024:.1f} KiB  {_redacted(file.redactions)}")
    if not with_summary:
        for part in report.missing:
            print(f"  missing: {part.part}: {part.reason}")


def _show_outcome(output: Path | None, is_copied: bool) -> None:
    if is_copied:
        print("The summary is on the clipboard.")
    print(
        f"Wrote {output}." if output is not None else "Nothing was written; --output FILE saves the report."
    )


def _redacted(redactions: dict[str, int]) -> str:
    if not redactions:
        return "nothing redacted"
    return "redacted: " + ", ".join(f"{count} {kind}" for kind, count in redactions.items())
