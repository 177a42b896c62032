"""What `undercroft up` shows: a live table, plain lines, JSON, or one line once all has settled."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from actors.cli.output import print_json
from actors.cli.views.actor_table import log_line, plain_line, status_table
from actors.runtime.supervisor.interfaces import SupervisorObserver
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent

if TYPE_CHECKING:
    from rich.live import Live


class PlainUpView(SupervisorObserver):
    """One line for each change, and the logs."""

    def changed(self, status: ActorStatus) -> None:
        """Print the new state."""
        print(plain_line(status), flush=True)

    def wrote(self, lines: list[LogLine]) -> None:
        """Print the lines."""
        for line in lines:
            print(log_line(line), flush=True)

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Print how many actors are ready."""
        ready = sum(status.state == "ready" for status in overview.actors)
        print(f"{ready} of {len(overview.actors)} actors are ready", flush=True)

    def stopping(self, reason: str) -> None:
        """Print why the runtime stops."""
        print(f"stopping: {reason}", flush=True)


class JsonUpView(SupervisorObserver):
    """One JSON object for each change and each log line."""

    def changed(self, status: ActorStatus) -> None:
        """Print the new state."""
        print_json(status)

    def wrote(self, lines: list[LogLine]) -> None:
        """Print the lines."""
        for line in lines:
            print_json(line)

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Print the state of all actors."""
        print_json(overview)

    def stopping(self, reason: str) -> None:
        """Print why the runtime stops."""
        print_json({"stopping": reason})


class SettledUpView(SupervisorObserver):
    """For the command that started us in the background: one line once all has settled."""

    def __init__(self) -> None:
        self._has_settled = False

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Print the state of all actors, the first time, and close stdout."""
        if self._has_settled:
            return
        self._has_settled = True
        with contextlib.suppress(BrokenPipeError):  # the command may have given up waiting
            print_json(overview)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)


class LiveUpView(SupervisorObserver):
    """A table of all actors at the bottom of the terminal, with the logs above. Drawn when it changes."""

    def __init__(self) -> None:
        self._statuses: dict[str, ActorStatus] = {}
        self._live: Live | None = None

    def changed(self, status: ActorStatus) -> None:
        """Show the new state in the table."""
        self._statuses[status.actor] = status
        self._draw()

    def wrote(self, lines: list[LogLine]) -> None:
        """Print the lines above the table."""
        for line in lines:
            self._screen().console.print(log_line(line), style="dim")

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Draw the table again."""
        self._draw()

    def stopping(self, reason: str) -> None:
        """Print above the table why the runtime stops."""
        self._screen().console.print(f"stopping: {reason}")

    def _screen(self) -> Live:
        if self._live is None:
            import atexit

            from rich.live import Live

            from actors.cli.live_console import LiveConsole

            self._live = Live(console=LiveConsole(), auto_refresh=False)
            self._live.start()
            atexit.register(self._live.stop)
        return self._live

    def _draw(self) -> None:
        self._screen().update(status_table(self._statuses.values()), refresh=True)
