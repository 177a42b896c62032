"""Shows readiness: live on a terminal, as lines in a log, as JSON for a program."""

from __future__ import annotations

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
"""The command for each action of a snapshot."""


class ReadyView(Protocol):
    """Shows readiness while it changes."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, snapshot: ReadinessSnapshot) -> None:
        """Show a new snapshot."""
        ...

    def pause(self) -> None:
        """Clear the drawing until there is something to show again, so that a prompt can be shown."""
        ...

    def end(self, snapshot: ReadinessSnapshot) -> None:
        """Show the last snapshot."""
        ...


def view_for(*, as_json: bool, is_terminal: bool) -> ReadyView:
    """The view for JSON, for a terminal, or for a log."""
    if as_json:
        return ReadyJsonView()
    return ReadyLiveView() if is_terminal else ReadyLineView()


def step_line(step: Step) -> str:
    """One line of the checklist."""
    return f"{MARKS[step.status]} {step.title}{f': {step.detail}' if step.detail else ''}"


def ending_lines(snapshot: ReadinessSnapshot) -> list[str]:
    """What to say at the end: notices, why something cannot be used, and what can be done, with commands."""
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
    lines += [reason.text for reason in snapshot.reasons]
    if snapshot.setup is not None:
        lines += [*setup_lines(snapshot.setup), f"  {COMMANDS['setup']}"]
    return lines


def setup_lines(setup: SetupPrompt) -> list[str]:
    """The bundle as the prompt shows it."""
    models = [f"  {model.name}, {size_text(model.missing_bytes)}, {model.licence}" for model in setup.models]
    return [setup.heading, *models, setup.text]


class _View:
    def __enter__(self) -> Self:
        return self

    def pause(self) -> None:
        """Nothing is drawn, so there is nothing to clear."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class ReadyJsonView(_View):
    """Each snapshot as one line of JSON."""

    def show(self, snapshot: ReadinessSnapshot) -> None:
        """Print the snapshot."""
        print_json(snapshot)

    def end(self, snapshot: ReadinessSnapshot) -> None:
        """Do nothing: it was printed already."""


class ReadyLineView(_View):
    """A line for each new state, and one for each tenth of a model."""

    def __init__(self) -> None:
        self._state_text = ""
        self._tenths: dict[str, int] = {}

    def show(self, snapshot: ReadinessSnapshot) -> None:
        """Print what is new."""
        if snapshot.state_text != self._state_text:
            self._state_text = snapshot.state_text
            print(snapshot.state_text, flush=True)
        for line in snapshot.progress:
            if self._tenths.get(line.model_id) != line.percent // 10:
                self._tenths[line.model_id] = line.percent // 10
                print(line.text, flush=True)

    def end(self, snapshot: ReadinessSnapshot) -> None:
        """Print the ending."""
        for line in ending_lines(snapshot):
            print(line, flush=True)


class ReadyLiveView(_View):
    """A spinner with the state, the checklist, and a bar for each model. Only the ending stays."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._spinner: Spinner | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def pause(self) -> None:
        """Clear the drawing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, snapshot: ReadinessSnapshot) -> None:
        """Draw the snapshot."""
        from rich.live import Live

        from actors.cli.live_console import LiveConsole

        if self._live is None:
            self._live = Live(console=LiveConsole(), refresh_per_second=8, transient=True)
            self._live.start()
        self._live.update(self._drawn(snapshot), refresh=True)

    def end(self, snapshot: ReadinessSnapshot) -> None:
        """Print the checklist and the ending."""
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
    """A progress bar."""
    done = line.percent * width // 100
    return "━" * done + "╌" * (width - done)
