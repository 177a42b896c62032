"""How the tour is shown: a line for each step, bars on a terminal, nothing for a program."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from actors.cli.demo.tour_report import StepOutcome, TourReport, headline
from actors.cli.views.install_view import percent
from actors.shared.text import size_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from schemas.models import ModelDownloadProgressedEvent

MARKS: Final = {True: "✓", False: "✗", None: "-"}
STYLES: Final = {True: "green", False: "bold red", None: "dim"}
BAR_CELLS: Final = 24


def view_for(*, as_json: bool, is_terminal: bool) -> SilentTourView:
    """The view for a program, a terminal, or a log."""
    if as_json:
        return SilentTourView()
    return LiveTourView() if is_terminal else LineTourView()


def outcome_line(outcome: StepOutcome) -> str:
    """One step on one line."""
    return f"{MARKS[outcome.held]} {outcome.title} ({outcome.seconds:.1f} s): {outcome.detail}"


def print_summary(report: TourReport) -> None:
    """Print what was proven, what was not, and what else a reader should know."""
    print()
    print(headline(report) + (", all of them." if report.ok else ":"))
    for step in report.steps:
        if not step.held:
            print(f"  not proven: {step.title}: {step.detail}")
    for note in report.notes:
        print(note)


class SilentTourView:
    """Shows nothing: the report has everything. A context, because a terminal has to be given back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def began(self, title: str) -> None:
        """A step begins."""

    def progressed(self, event: ModelDownloadProgressedEvent) -> None:
        """More bytes of a model are durable."""

    def ended(self, outcome: StepOutcome) -> None:
        """A step has ended."""


class LineTourView(SilentTourView):
    """Prints a line for each step once it has ended."""

    def ended(self, outcome: StepOutcome) -> None:
        """Print the line."""
        print(outcome_line(outcome), flush=True)


class LiveTourView(SilentTourView):
    """Shows the running step on a terminal, with bars of the models that are downloaded in it."""

    def __init__(self) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        from actors.cli.live_console import LiveConsole

        self._console: Console = LiveConsole()
        self._live: Live = Live(console=self._console, transient=True, refresh_per_second=10)
        self._spinner = Spinner("dots")
        self._title = ""
        self._bars: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def began(self, title: str) -> None:
        """Show the title."""
        self._title = title
        self._bars.clear()
        self._draw()

    def progressed(self, event: ModelDownloadProgressedEvent) -> None:
        """Move the bar of the model."""
        done = percent(event.durable_bytes, event.size_bytes)
        if done == 100 and event.model_id not in self._bars:
            return  # the last event of a step that has ended
        cells = done * BAR_CELLS // 100
        bar = "━" * cells + "╌" * (BAR_CELLS - cells)
        rate = size_text(event.rate_bytes_per_second)
        self._bars[event.model_id] = f"  {event.name:<24} {bar} {done:>3} %  {rate}/s"
        self._draw()

    def ended(self, outcome: StepOutcome) -> None:
        """Replace the step by its outcome."""
        from rich.text import Text

        line = Text()
        line.append(f"{MARKS[outcome.held]} ", style=STYLES[outcome.held])
        line.append(outcome.title, style="bold")
        line.append(f"  {outcome.seconds:.1f} s\n  ", style="dim")
        line.append(outcome.detail)
        self._live.update("")
        self._console.print(line)

    def _draw(self) -> None:
        from rich.console import Group
        from rich.text import Text

        self._spinner.update(text=Text(f" {self._title} ..."))
        self._live.update(Group(self._spinner, *(Text(bar) for bar in self._bars.values())))
