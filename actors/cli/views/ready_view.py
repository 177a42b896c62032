"""How readiness looks: a spinner, the checklist and a line a model on a terminal, plain lines in a log, snapshots for a program."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from actors.cli.output import print_json
from actors.shared.text import size_text
from schemas.readiness import ProgressLine, ReadinessSnapshot, SetupPrompt, Step

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.spinner import Spinner

MARKS: Final = {"waiting": "·", "running": "◌", "passed": "✓", "failed": "✗", "skipped": "-"}
STYLES: Final = {"passed": "green", "failed": "bold red", "waiting": "dim", "skipped": "dim"}
COMMANDS: Final = {
    "retry": "undercroft ready --retry",
    "change_path": "undercroft ready --location DIR",
    "report": "undercroft ready --report",
    "setup": "undercroft ready --setup",
}
"""What carries out an action from a shell."""


class ReadyView(Protocol):
    """Shows readiness while it changes."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, snapshot: ReadinessSnapshot) -> None:
        """There is a new snapshot."""
        ...

    def pause(self) -> None:
        """Leave the terminal alone until there is something to show again."""
        ...

    def end(self, snapshot: ReadinessSnapshot) -> None:
        """Nothing comes after this one."""
        ...


def view_for(*, as_json: bool, is_terminal: bool) -> ReadyView:
    """Live on a terminal, lines in a log, documents for a program."""
    if as_json:
        return JsonView()
    return LiveView() if is_terminal else LineView()


def step_line(step: Step) -> str:
    """One line of the checklist."""
    return f"{MARKS[step.status]} {step.title}{f': {step.detail}' if step.detail else ''}"


def ending_lines(snapshot: ReadinessSnapshot) -> list[str]:
    """What a person is told at the end: what can be used, why not all of it, and what can be done, each with its command."""
    lines = [
        f"{mode.title}: {text}"
        for mode in snapshot.modes
        for text in mode.notice_texts
        if mode.status == "available"
    ]
    if snapshot.state == "ready":
        return lines
    if snapshot.recovery is not None:
        lines.append(snapshot.recovery.text)
        lines += [
            f"  {action.title}: {COMMANDS[action.name]}{f'  (now {action.value})' if action.value else ''}"
            for action in snapshot.recovery.actions
        ]
    lines += [f"{reason.text}" for reason in snapshot.reasons]
    if snapshot.setup is not None:
        lines += [*setup_lines(snapshot.setup), f"  {COMMANDS['setup']}"]
    return lines


def setup_lines(setup: SetupPrompt) -> list[str]:
    """The bundle as it is confirmed once."""
    models = [f"  {model.name}, {size_text(model.missing_bytes)}, {model.licence}" for model in setup.models]
    return [setup.heading, *models, setup.text]


class _View:
    def __enter__(self) -> Self:
        return self

    def pause(self) -> None:
        """Nothing is drawn that could be in the way."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class JsonView(_View):
    """Each snapshot as one JSON document on a line."""

    def show(self, snapshot: ReadinessSnapshot) -> None:
        """Print it."""
        print_json(snapshot)

    def end(self, snapshot: ReadinessSnapshot) -> None:
        """It was printed already."""


class LineView(_View):
    """A line for each new state, and one whenever another tenth of a model is done."""

    def __init__(self) -> None:
        self._told = ""
        self._tenths: dict[str, int] = {}

    def show(self, snapshot: ReadinessSnapshot) -> None:
        """Print what is new."""
        if snapshot.state_text != self._told:
            self._told = snapshot.state_text
            print(snapshot.state_text, flush=True)
        for line in snapshot.progress:
            if self._tenths.get(line.model_id) != line.percent // 10:
                self._tenths[line.model_id] = line.percent // 10
                print(line.text, flush=True)

    def end(self, snapshot: ReadinessSnapshot) -> None:
        """Print what can be done."""
        for line in ending_lines(snapshot):
            print(line, flush=True)


class LiveView(_View):
    """A spinner with the state, the checklist below it, and a bar a model. Nothing is left of it but the end."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._spinner: Spinner | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def pause(self) -> None:
        """Take the drawing away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, snapshot: ReadinessSnapshot) -> None:
        """Draw it."""
        from rich.console import Console
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=Console(file=sys.stdout), refresh_per_second=8, transient=True)
            self._live.start()
        self._live.update(self._drawn(snapshot), refresh=True)

    def end(self, snapshot: ReadinessSnapshot) -> None:
        """Leave the checklist and what can be done."""
        self.pause()
        for line in [
            snapshot.state_text,
            *(f"  {step_line(step)}" for step in snapshot.steps),
            *ending_lines(snapshot),
        ]:
            print(line, flush=True)

    def _drawn(self, snapshot: ReadinessSnapshot) -> Group:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        if self._spinner is None:
            self._spinner = Spinner("dots")
        text = snapshot.banner.text if snapshot.show == "banner" and snapshot.banner else snapshot.state_text
        self._spinner.update(text=Text(text))
        steps = [Text(f"  {step_line(step)}", style=STYLES.get(step.status, "")) for step in snapshot.steps]
        return Group(
            self._spinner, *steps, *(Text(f"  {bar(line)} {line.text}") for line in snapshot.progress)
        )


def bar(line: ProgressLine, width: int = 24) -> str:
    """A bar of blocks."""
    done = line.percent * width // 100
    return "━" * done + "╌" * (width - done)
