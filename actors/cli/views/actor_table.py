"""The state of actors as a table or as plain lines, and their logs and alerts, one line each."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from actors.cli.exit_codes import ExitCode
from actors.shared.text import duration_text, local_time
from schemas.operations.alerts import Alert
from schemas.operations.logs import LogRecord
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent

if TYPE_CHECKING:
    from rich.table import Table

MARKS: Final = {
    "ready": "●",
    "failed": "✗",
    "stopped": "○",
    "waiting": "·",
    "starting": "◌",
    "backoff": "↻",
    "stopping": "◌",
}
STYLES: Final = {"ready": "green", "failed": "bold red", "stopped": "dim", "waiting": "dim"}


def explain(status: ActorStatus) -> str:
    """Why an actor is in its state, and what comes next."""
    words = [status.reason] if status.state != "ready" and status.reason else []
    if status.retry_seconds is not None:
        words.append(f"next try in {status.retry_seconds:.0f} s")
    if status.state == "failed":
        words.append(f"see 'undercroft logs {status.actor}'")
    return "; ".join(words)


def plain_line(status: ActorStatus) -> str:
    """One line for an actor."""
    process = f" (process {status.pid})" if status.pid is not None else ""
    why = explain(status)
    return f"{status.actor}: {status.state}{process}{f': {why}' if why else ''}"


def clock(at: float) -> str:
    """Local time of day, to the millisecond."""
    return local_time(at, "%H:%M:%S", milliseconds=True)


def log_line(line: LogLine, *, with_actor: bool = True) -> str:
    """One line of a log, with local time."""
    return f"{clock(line.at)} {line.actor}: {line.text}" if with_actor else f"{clock(line.at)} {line.text}"


def record_line(record: LogRecord) -> str:
    """One record of the log ring, with local time."""
    fields = "".join(f" {name}={value}" for name, value in record.fields.items())
    head = f"{clock(record.at)} {record.actor}: {record.level} {record.logger}: {record.message}{fields}"
    return "\n".join([head, *(f"    {line}" for line in record.traceback.splitlines())])


def alert_line(alert: Alert) -> str:
    """One alert: how severe, what, since when, and what to do."""
    subject = f" ({alert.subject})" if alert.subject else ""
    often = f", {alert.count} times" if alert.count > 1 else ""
    since = f"for {duration_text(time.time() - alert.since)}"
    return f"{alert.severity}: {alert.name}{subject}, {since}{often}: {alert.message}; {alert.advice}"


def status_table(actors: Iterable[ActorStatus]) -> Table:
    """All actors as a table for rich."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("actor", "state", "process", "for", "restarts", "why"):
        table.add_column(heading, no_wrap=heading != "why")
    now = time.time()
    for status in actors:
        state = Text(f"{MARKS[status.state]} {status.state}", style=STYLES.get(status.state, "yellow"))
        process = "" if status.pid is None else str(status.pid)
        table.add_row(
            status.actor,
            state,
            process,
            duration_text(now - status.since),
            str(status.restarts or ""),
            explain(status),
        )
    return table


def headline(overview: SupervisorStatusEvent) -> str:
    """The whole runtime on one line."""
    ready = sum(status.state == "ready" for status in overview.actors)
    seconds = time.time() - overview.started_at
    since = f"up {duration_text(seconds)}" if seconds >= 1 else "just started"
    return f"{overview.profile}: {ready} of {len(overview.actors)} ready, process {overview.pid}, {since}"


def plain_status(overview: SupervisorStatusEvent) -> str:
    """All actors as plain lines."""
    return "\n".join([headline(overview), *(f"  {plain_line(status)}" for status in overview.actors)])


def code_of(overview: SupervisorStatusEvent) -> ExitCode:
    """OK if every actor serves or has done its work."""
    well = overview.settled and all(actor.state in ("ready", "stopped") for actor in overview.actors)
    return ExitCode.OK if well else ExitCode.FAILED


def print_status(overview: SupervisorStatusEvent) -> None:
    """Print for a person: a table on a terminal, plain lines elsewhere."""
    if not sys.stdout.isatty():
        print(plain_status(overview))
        return
    from actors.cli.live_console import LiveConsole

    console = LiveConsole()
    console.print(headline(overview))
    console.print(status_table(overview.actors))
