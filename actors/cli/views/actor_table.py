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
SINCE_ITS_END: Final = ("failed", "backoff")
"""States that an actor has entered by ending."""

STYLES: Final = {"ready": "green", "failed": "bold red", "stopped": "dim", "waiting": "dim"}


def explain(status: ActorStatus) -> str:
    """Why an actor is in its state, and what comes next."""
    words = []
    if status.state != "ready" and status.reason:
        own = status.last_end.words if status.last_end and status.state in SINCE_ITS_END else ""
        words.append(f"{status.reason}: {own}" if own and own not in status.reason else status.reason)
    if status.retry_seconds is not None:
        words.append(f"next try in {status.retry_seconds:.0f} s")
    if status.state == "failed":
        words.append(f"see 'undercroft logs {status.actor}'")
    return "; ".join(words)


def last_end(status: ActorStatus) -> str:
    """How often an actor ended unexpectedly, and how it last did; empty if it never did."""
    end = status.last_end
    if end is None:
        return ""
    often = f"ended unexpectedly {_times(status.crashes)}, last at {local_time(end.at, '%H:%M:%S')}"
    if status.state in SINCE_ITS_END:
        return often  # `explain` says the rest
    own = f": {end.words}" if end.words and end.words not in end.reason else ""
    return f"{often}: {end.reason}{own}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def plain_line(status: ActorStatus, *, with_past: bool = False) -> str:
    """One line for an actor, with its past where that is wanted."""
    process = f" (process {status.pid})" if status.pid is not None else ""
    why = explain(status)
    line = f"{status.actor}: {status.state}{process}{f': {why}' if why else ''}"
    restarts = f"restarted {_times(status.restarts)}" if status.restarts else ""
    before = [part for part in (restarts, last_end(status)) if part] if with_past else []
    return f"{line} [{'; '.join(before)}]" if before else line


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


def status_table(actors: Iterable[ActorStatus], *, with_past: bool = False) -> Table:
    """All actors as a table for rich, with how each last ended where that is wanted."""
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
            "; ".join(filter(None, (explain(status), last_end(status) if with_past else ""))),
        )
    return table


def headline(overview: SupervisorStatusEvent) -> str:
    """The whole runtime on one line."""
    ready = sum(status.state == "ready" for status in overview.actors)
    seconds = time.time() - overview.started_at
    since = f"up {duration_text(seconds)}" if seconds >= 1 else "just started"
    return f"{overview.profile}: {ready} of {len(overview.actors)} ready, process {overview.pid}, {since}"


def settled_line(overview: SupervisorStatusEvent) -> str:
    """How many actors are ready once all has settled, and which are not, and why."""
    ready = sum(status.state == "ready" for status in overview.actors)
    line = f"{ready} of {len(overview.actors)} actors are ready"
    missing = [status for status in overview.actors if status.actor in overview.not_ready]
    if not missing:
        return line
    return f"{line}; not ready: " + ", ".join(_short_reason(status) for status in missing)


def _short_reason(status: ActorStatus) -> str:
    return f"{status.actor} ({status.state}{f': {status.reason}' if status.reason else ''})"


def plain_status(overview: SupervisorStatusEvent) -> str:
    """All actors as plain lines."""
    lines = [f"  {plain_line(status, with_past=True)}" for status in overview.actors]
    return "\n".join([headline(overview), *lines])


def code_of(overview: SupervisorStatusEvent) -> ExitCode:
    """OK if every actor serves or has done its work."""
    well = overview.settled and not overview.not_ready
    well = well and all(actor.state in ("ready", "stopped") for actor in overview.actors)
    return ExitCode.OK if well else ExitCode.FAILED


def print_status(overview: SupervisorStatusEvent) -> None:
    """Print for a person: a table on a terminal, plain lines elsewhere."""
    if not sys.stdout.isatty():
        print(plain_status(overview))
        return
    from actors.cli.live_console import LiveConsole

    console = LiveConsole()
    console.print(headline(overview))
    console.print(status_table(overview.actors, with_past=True))
