"""What `undercroft up` shows: a live table, plain lines, JSON, or one line once all has settled."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.cli.output import encodable, json_line, print_json
from actors.cli.terminal import print_minor, sink_of_stdout
from actors.cli.views.actor_table import log_line, plain_line, settled_line, status_table
from actors.runtime.supervisor.core.child_spec import SUPERVISOR
from actors.runtime.supervisor.interfaces import SupervisorObserver
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent
from schemas.operations.up_lines import (
    UpDroppedLine,
    UpLogLine,
    UpProfileLine,
    UpSettledLine,
    UpStateLine,
    UpStoppingLine,
)

DRAW_SECONDS: Final = 0.1
LINES_OF_ONE_DRAWING: Final = 50

if TYPE_CHECKING:
    from rich.live import Live


class PlainUpView(SupervisorObserver):
    """One line for each change, and the logs unless they are not wanted."""

    def __init__(self, *, with_logs: bool = True) -> None:
        self._with_logs = with_logs

    def changed(self, status: ActorStatus) -> None:
        """Print the new state."""
        print(plain_line(status), flush=True)

    def wrote(self, lines: list[LogLine]) -> None:
        """Print the lines."""
        for line in lines if self._with_logs else []:
            if line.actor != SUPERVISOR:  # what it says itself is on stderr already
                print_minor(log_line(line))

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Print how many actors are ready, and which are not."""
        print(settled_line(overview), flush=True)

    def stopping(self, reason: str) -> None:
        """Print why the runtime stops."""
        print(f"stopping: {reason}", flush=True)


class JsonUpView(SupervisorObserver):
    """One JSON object for each change, as `schemas.operations.up_lines` describes them."""

    def __init__(self, *, with_logs: bool = False) -> None:
        self._with_logs = with_logs

    def changed(self, status: ActorStatus) -> None:
        """Print the new state."""
        print_json(UpStateLine(**_fields(status)))

    def wrote(self, lines: list[LogLine]) -> None:
        """Print the lines."""
        for line in lines if self._with_logs else []:
            print_minor(encodable(json_line(UpLogLine(**_fields(line))), sys.stdout.encoding))

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Print whether all is ready, and the state of all actors."""
        print_json(settled_document(overview))

    def profile_read(self, fault: str) -> None:
        """Print whether the changed profile applies."""
        print_json(UpProfileLine(fault=fault))

    def stopping(self, reason: str) -> None:
        """Print why the runtime stops."""
        print_json(UpStoppingLine(stopping=reason))


class SettledUpView(SupervisorObserver):
    """For the command that started us in the background: one line once all has settled."""

    def __init__(self) -> None:
        self._has_settled = False

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Print the state of all actors, the first time; from then on, nothing is printed any more."""
        if self._has_settled:
            return
        self._has_settled = True
        print_json(overview)
        sink = sink_of_stdout()
        if sink is None:
            _close_stdout()
        else:
            sink.finish(_close_stdout)


def _close_stdout() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


class LiveUpView(SupervisorObserver):
    """A table of all actors at the bottom of the terminal, with the logs above.

    It is drawn at most ten times a second, with the newest of many lines: drawing takes the time of the loop
    that supervises.
    """

    def __init__(self, *, with_logs: bool = True) -> None:
        self._with_logs = with_logs
        self._statuses: dict[str, ActorStatus] = {}
        self._lines: deque[LogLine] = deque(maxlen=LINES_OF_ONE_DRAWING)
        self._left_out = 0
        self._live: Live | None = None
        self._timer: asyncio.TimerHandle | None = None

    def changed(self, status: ActorStatus) -> None:
        """Show the new state in the table."""
        self._statuses[status.actor] = status
        self._draw_soon()

    def wrote(self, lines: list[LogLine]) -> None:
        """Show the lines above the table."""
        shown = [line for line in lines if line.actor != SUPERVISOR] if self._with_logs else []
        if shown:
            self._left_out += max(0, len(self._lines) + len(shown) - LINES_OF_ONE_DRAWING)
            self._lines.extend(shown)
            self._draw_soon()

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Draw the table again."""
        self._draw_soon()

    def stopping(self, reason: str) -> None:
        """Print above the table why the runtime stops."""
        self._draw()
        self._screen().console.print(f"stopping: {reason}")

    def _screen(self) -> Live:
        if self._live is None:
            import atexit

            from rich.live import Live

            from actors.cli.live_console import LiveConsole

            self._live = Live(console=LiveConsole(), auto_refresh=False)
            self._live.start()
            atexit.register(self._end)
        return self._live

    def _draw_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DRAW_SECONDS, self._draw)

    def _draw(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines = [log_line(line) for line in self._lines]
        if self._left_out:
            lines.insert(0, f"[{self._left_out} lines are left out here; 'undercroft logs' has the newest]")
        self._lines.clear()
        self._left_out = 0
        if lines:
            self._screen().console.print("\n".join(lines), style="dim")
        self._screen().update(status_table(self._statuses.values()), refresh=True)

    def _end(self) -> None:
        self._draw()
        self._screen().stop()


def dropped_notice(lines: int) -> str:
    """What stands in the stream of JSON in place of dropped lines."""
    return json_line(UpDroppedLine(dropped=lines)) + "\n"


def settled_document(overview: SupervisorStatusEvent) -> UpSettledLine:
    """The line for a program that says whether all is ready."""
    return UpSettledLine(**_fields(overview))


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(value)
