"""How readiness is drawn, without a runtime."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from actors.cli.views.ready_view import (
    COMMANDS,
    ReadyJsonView,
    ReadyLineView,
    ReadyLiveView,
    bar,
    ending_lines,
    setup_lines,
    step_line,
    view_for,
)
from schemas.readiness import ReadinessSnapshot, Step
from tests.support.readiness_lab import all_installed, facts_of, progress_event, snapshot_of, status


def downloading(durable_bytes: int) -> ReadinessSnapshot:
    return snapshot_of(
        facts_of(status("base", "downloading"), assistant=False, events=())
        if durable_bytes < 0
        else _progressed(durable_bytes)
    )


def _progressed(durable_bytes: int) -> object:
    from actors.readiness.snapshot.readiness_facts import learn

    return learn(
        facts_of(status("base", "downloading"), assistant=False), progress_event("base", durable_bytes), 0.0
    )


def test_live_for_a_terminal_lines_for_a_log_documents_for_a_program() -> None:
    assert isinstance(view_for(as_json=False, is_terminal=True), ReadyLiveView)
    assert isinstance(view_for(as_json=False, is_terminal=False), ReadyLineView)
    assert isinstance(view_for(as_json=True, is_terminal=True), ReadyJsonView)


@pytest.mark.requirement("S1-9")
def test_a_log_gets_a_line_for_each_state_and_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with ReadyLineView() as view:
        for durable_bytes in (0, 50, 99, 100, 150, 990):
            view.show(downloading(durable_bytes))
        done = snapshot_of(
            facts_of(status("base", "installed"), status("ears", "installed"), assistant=False)
        )
        view.show(done)
        view.end(done)
    assert capsys.readouterr().out.splitlines() == [
        "Downloading Base ...",
        "Base: 0 %",
        "Base: 10 %",
        "Base: 99 %",
        "Everything is ready.",
        "Dictation: The output is raw text: there is no language model to improve it.",
    ]


@pytest.mark.requirement("S1-7", "S1-9")
def test_a_terminal_gets_a_spinner_the_checklist_and_a_bar() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(ReadyLiveView()._drawn(downloading(500)))
    assert isinstance(console.file, io.StringIO)
    drawn = console.file.getvalue()
    for expected in (
        "Downloading Base ...",
        "✓ Settings",
        "◌ Speech to text: Base: 50 %",
        "━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌ Base: 50 %",
    ):
        assert expected in drawn, drawn


def test_a_terminal_keeps_the_checklist_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with ReadyLiveView() as view:
        view.show(snapshot_of(facts_of(*all_installed())))
        view.end(snapshot_of(facts_of(*all_installed())))
    assert "  ✓ Speech to text: Base\n" in capsys.readouterr().out


def test_a_program_gets_each_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    with ReadyJsonView() as view:
        view.show(downloading(10))
        view.end(downloading(10))
    (line,) = capsys.readouterr().out.splitlines()
    assert msgspec.json.decode(line, type=ReadinessSnapshot) == downloading(10)


@pytest.mark.requirement("S1-12", "S1-16")
def test_at_the_end_safety_comes_first_then_the_actions_each_with_its_command() -> None:
    lines = ending_lines(
        snapshot_of(facts_of(status("base", "failed", problem="x", problem_kind="mismatch"), assistant=False))
    )
    assert lines[0].startswith("Base is not the model that was expected")
    assert lines[1:4] == [
        f"  Retry: {COMMANDS['retry']}",
        f"  Change path directory: {COMMANDS['change_path']}  (now /models)",
        f"  Show/Copy diagnostics report: {COMMANDS['report']}",
    ]


@pytest.mark.requirement("S1-8")
def test_the_bundle_is_shown_with_sizes_licences_and_place() -> None:
    snapshot = snapshot_of(facts_of(status("base", "absent"), assistant=False))
    assert snapshot.setup is not None
    assert setup_lines(snapshot.setup)[:2] == ["Set up Dictation: Base", "  Base, 1.0 kB, MIT"]
    assert ending_lines(snapshot)[-1] == f"  {COMMANDS['setup']}"


def test_a_step_and_a_bar_are_one_line() -> None:
    assert step_line(Step(id="a", title="A", status="failed", detail="b")) == "✗ A: b"
    line = downloading(250).progress[0]
    assert bar(line, 8) == "━━╌╌╌╌╌╌"
