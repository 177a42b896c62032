"""What `undercroft up` shows while it runs: a live table, plain lines, JSON, or one line when all is settled."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from actors.cli.exit_codes import print_json
from actors.cli.views.actor_table import log_line, plain_line, status_table
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent

if TYPE_CHECKING:
    from rich.live import Live


class PlainView:
    """One line for each change, and the logs."""

    def changed(self, status: ActorStatus) -> None:
        """Show the new state."""
        print(plain_line(status), flush=True)

    def wrote(self, lines: list[LogLine]) -> None:
        """Show the lines."""
        for line in lines:
            print(log_line(line), flush=True)

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Tell that all is settled."""
        ready = sum(status.state == "ready" for status in overview.actors)
        print(f"{ready} of {len(overview.actors)} actors are ready", flush=True)

    def stopping(self, reason: str) -> None:
        """Tell that the end has begun."""
        print(f"stopping: {reason}", flush=True)


class JsonView:
    """One JSON object for each change."""

    def changed(self, status: ActorStatus) -> None:
        """Show the new state."""
        print_json(status)

    def wrote(self, lines: list[LogLine]) -> None:
        """Show the lines."""
        for line in lines:
            print_json(line)

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Tell that all is settled."""
        print_json(overview)

    def stopping(self, reason: str) -> None:
        """Tell that the end has begun."""
        print_json({"stopping": reason})


class SettledView:
    """For whoever started us in the background: one line on stdout when all is settled, then nothing ever again."""

    def __init__(self) -> None:
        self._told = False

    def changed(self, status: ActorStatus) -> None:
        """Nothing to show."""

    def wrote(self, lines: list[LogLine]) -> None:
        """Nothing to show."""

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Tell that all is settled."""
        if self._told:
            return
        self._told = True
        with contextlib.suppress(BrokenPipeError):  # nobody may be waiting any more
            print_json(overview)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)

    def stopping(self, reason: str) -> None:
        """Nothing to show."""


class LiveView:
    """A table of all actors at the bottom of the terminal, and the logs above it. Drawn when something changes, never else."""

    def __init__(self) -> None:
        self._statuses: dict[str, ActorStatus] = {}
        self._live: Live | None = None
        self._last: SupervisorStatusEvent | None = None

    def changed(self, status: ActorStatus) -> None:
        """Show the new state."""
        self._statuses[status.actor] = status
        self._draw()

    def wrote(self, lines: list[LogLine]) -> None:
        """Show the lines."""
        for line in lines:
            self._screen().console.print(log_line(line), style="dim", markup=False, highlight=False)

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Tell that all is settled."""
        self._draw()

    def stopping(self, reason: str) -> None:
        """Tell that the end has begun."""
        self._screen().console.print(f"stopping: {reason}", markup=False, highlight=False)

    def _screen(self) -> Live:
        if self._live is None:
            import atexit

            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=sys.stdout), auto_refresh=False)
            self._live.start()
            atexit.register(self._live.stop)
        return self._live

    def _draw(self) -> None:
        overview = SupervisorStatusEvent(
            version="",
            profile="",
            home="",
            pid=os.getpid(),
            started_at=0.0,
            settled=False,
            actors=list(self._statuses.values()),
        )
        self._screen().update(status_table(overview), refresh=True)
