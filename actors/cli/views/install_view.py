"""How an install is shown: one line or bar for each model, with its name and percent."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from actors.cli.output import print_json
from schemas.models import ModelDownloadProgressedEvent, ModelStatus

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class InstallView(Protocol):
    """Shows installs while they run."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def progress(self, event: ModelDownloadProgressedEvent) -> None:
        """More bytes are durable."""

    def state(self, status: ModelStatus) -> None:
        """A model changed its state."""


def percent(durable_bytes: int, size_bytes: int) -> int:
    """Percent of the bytes that are durable; 100 only if all are."""
    return 100 if durable_bytes >= size_bytes else durable_bytes * 100 // size_bytes


def view_for(*, as_json: bool, is_terminal: bool) -> InstallView:
    """Bars for a terminal, lines for a log, JSON for a program."""
    if as_json:
        return JsonInstallView()
    return BarInstallView() if is_terminal else LineInstallView()


class _PlainContext:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class JsonInstallView(_PlainContext):
    """Prints each event as one JSON document on a line."""

    def progress(self, event: ModelDownloadProgressedEvent) -> None:
        """Print the event."""
        print_json(event)

    def state(self, status: ModelStatus) -> None:
        """Print the status."""
        print_json(status)


class LineInstallView(_PlainContext):
    """Prints a line whenever another tenth is done."""

    def __init__(self) -> None:
        self._tenths: dict[str, int] = {}
        self._states: dict[str, str] = {}

    def progress(self, event: ModelDownloadProgressedEvent) -> None:
        """Print a line if another tenth is done."""
        done = percent(event.durable_bytes, event.size_bytes)
        if done // 10 != self._tenths.get(event.model_id):
            self._tenths[event.model_id] = done // 10
            print(f"{event.name}: {done} %", flush=True)

    def state(self, status: ModelStatus) -> None:
        """Print a line if it says something new."""
        line = f"{status.name}: {status.state}{': ' if status.problem else ''}{status.problem}"
        if line != self._states.get(status.model_id):
            self._states[status.model_id] = line
            print(line, flush=True)


class BarInstallView(_PlainContext):
    """Shows a bar for each model."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        from actors.cli.live_console import LiveConsole

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[percent]:>3} %", markup=False),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}", markup=False),
        )
        self._progress: Progress = Progress(*columns, console=LiveConsole())
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def progress(self, event: ModelDownloadProgressedEvent) -> None:
        """Move the bar."""
        if event.model_id in self._tasks:
            done = percent(event.durable_bytes, event.size_bytes)
            self._progress.update(
                self._tasks[event.model_id],
                completed=event.durable_bytes,
                total=event.size_bytes,
                percent=done,
            )

    def state(self, status: ModelStatus) -> None:
        """Show the state behind the bar."""
        if status.model_id not in self._tasks:
            self._tasks[status.model_id] = self._progress.add_task(
                status.name, total=status.size_bytes, state=status.state, percent=0
            )
        completed = status.size_bytes if status.state == "installed" else status.durable_bytes
        self._progress.update(
            self._tasks[status.model_id],
            completed=completed,
            state=status.state,
            percent=percent(completed, status.size_bytes),
        )
        if status.problem:
            self._progress.console.print(f"{status.name}: {status.problem}")
