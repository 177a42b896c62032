"""`undercroft ready` against a live runtime: it waits, shows what is missing, and exits accordingly."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from actors.cli.commands.ready import NotConfirmed, code_of
from tests.support.readiness_lab import all_installed, facts_of, snapshot_of, status

pytestmark = pytest.mark.slow

MODES = """
[readiness.categories.stt]
model = "first"

[readiness.categories.llm]
model = "spoiled"

[[modes]]
name = "dictation"
title = "Dictation"
requires = ["stt"]
optional = [{ category = "llm", notice = "raw_output" }]

[[children]]
name = "readiness"
entry = "actors.readiness:build"
"""
PLACES = (
    MODES
    + """
[[children]]
name = "locations"
entry = "actors.locations:build"
"""
)
BLOCKED = MODES.replace('model = "first"', 'model = "spoiled"')


@pytest.fixture
def app(absent: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Commands against a runtime with readiness, on which nothing is installed."""
    with (absent.profile / "profile.toml").open("a") as file:
        file.write(getattr(request, "param", MODES))
    started = subprocess.run(
        absent.command("up", "--detach"), capture_output=True, text=True, timeout=60, check=False
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield absent
    assert absent("down").code == 0


@pytest.mark.requirement("S1-2", "S1-8", "S1-9", "S1-10")
def test_the_bundle_is_confirmed_once_and_the_command_ends_with_0_when_all_is_ready(app: Any) -> None:
    missing = app("ready")
    assert missing.code == 4, missing.out + missing.err
    assert "The first model is not installed." in missing.out
    assert "undercroft ready --setup" in missing.out
    unasked = app("ready", "--setup")
    assert unasked.code == 4
    assert "Set up probe: The first model" in unasked.err
    assert not (app.home / "models" / "first").exists()

    done = app("ready", "--setup", "--yes", "--wait", "60")
    assert done.code == 0, done.out + done.err
    lines = done.out.splitlines()
    assert "Downloading The first model ..." in lines
    shown = [line for line in lines if line.startswith("The first model: ")]
    assert shown
    assert all(line.endswith(" %") for line in shown)
    assert "Everything is ready." in lines
    assert "Dictation: The output is raw text: there is no language model to improve it." in lines
    assert (app.home / "models" / "first" / "model.bin").exists()
    assert app("ready", "--setup", "--yes").code == 0

    watched = app("ready", "--json")
    assert (watched.code, watched.documents[-1]["state"]) == (0, "ready")
    report = app("ready", "--report")
    assert report.code == 0
    assert report.out.startswith("Readiness report of probe, ")
    assert "Modes:\n  Dictation: available" in report.out
    assert "Bereitschaftsbericht" in app("ready", "--report", "--locale", "de").out
    assert app("ready", "--report", "--json").documents[0]["snapshot"]["state"] == "ready"


@pytest.mark.requirement("S1-12", "S1-16", "S1-37")
@pytest.mark.parametrize("app", [BLOCKED], indirect=True)
def test_after_a_failed_verification_the_ways_out_are_shown_and_the_exit_code_is_4(app: Any) -> None:
    failed = app("ready", "--setup", "--yes", "--wait", "60")
    assert failed.code == 4, failed.out + failed.err
    lines = failed.out.splitlines()
    at = lines.index(
        "The spoiled model is not the model that was expected, so it is not used. Nothing else was changed."
    )
    assert lines[at + 1] == "  Retry: undercroft ready --retry"
    assert (
        lines[at + 2] == f"  Change path directory: undercroft ready --location DIR  (now {app.home}/models)"
    )
    assert lines[at + 3] == "  Show/Copy diagnostics report: undercroft ready --report"
    report = app("ready", "--report")
    assert (report.code, "files with the wrong SHA-256" in report.out) == (4, True)
    again = app("ready", "--retry", "--wait", "60")
    assert again.code == 4
    assert "Downloading The spoiled model ..." in again.out


@pytest.mark.requirement("S1-18", "S1-20", "S1-19")
@pytest.mark.parametrize("app", [PLACES], indirect=True)
def test_another_directory_is_chosen_and_created_on_the_way_to_the_setup(app: Any) -> None:
    elsewhere = app.home.parent / "large disk" / "models"
    wrong = app("ready", "--location", "relative/models", "--wait", "30")
    assert wrong.code == 4, wrong.out + wrong.err
    assert "relative" in wrong.err
    done = app("ready", "--location", str(elsewhere), "--setup", "--yes", "--wait", "60")
    assert done.code == 0, done.out + done.err
    assert (elsewhere / "first" / "model.bin").exists()
    assert not (app.home / "models" / "first").exists()
    assert f"  models: {elsewhere} (" in app("ready", "--report").out


def test_what_is_not_ready_in_time_is_exit_code_5(app: Any) -> None:
    ended = app("ready", "--setup", "--yes", "--wait", "0.2")
    assert ended.code == 5
    assert "it continues by itself" in ended.err
    assert app("ready", "--wait", "60").code == 0


@pytest.mark.requirement("S1-7", "S1-9")
def test_on_a_terminal_a_spinner_the_checklist_and_a_bar_are_drawn(app: Any) -> None:
    main, terminal = pty.openpty()
    command = app.command("ready", "--setup", "--wait", "60")
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm"}
    )
    os.close(terminal)
    try:
        drawn = _drawn(main)
        assert process.wait(10) == 0, drawn
    finally:
        process.kill()
        process.wait()
        os.close(main)
    assert "Set up probe: The first model" in drawn
    assert "✓ Speech to text: The first model" in drawn
    assert "━" in drawn
    assert "The first model: " in drawn


def _drawn(main: int) -> str:
    """What comes on the terminal until its other end is closed; the question is answered with yes."""
    drawn, answered = b"", False
    deadline = time.monotonic() + 60
    while (
        time.monotonic() < deadline
        and select.select([main], [], [], max(0.0, deadline - time.monotonic()))[0]
    ):
        try:
            drawn += os.read(main, 65536)
        except OSError:
            break
        if not answered and b"[y/N]" in drawn:
            os.write(main, b"y\n")
            answered = True
    return drawn.decode()


def test_without_readiness_in_the_profile_it_says_so_and_without_a_runtime_too(
    running: Any, absent: Any
) -> None:
    assert running("ready").code == 1
    assert absent("ready").code == 3


def test_it_shows_examples_and_exit_codes(absent: Any) -> None:
    shown = absent("ready", "--help").out
    assert "Examples:\n    undercroft ready" in shown
    assert "The exit code is 0 only if everything is ready" in " ".join(shown.split())


def test_the_exit_code_follows_from_the_state() -> None:
    assert code_of(snapshot_of(facts_of(*all_installed()))) == 0
    assert code_of(snapshot_of(facts_of(status("base", "absent")))) == 4
    assert code_of(snapshot_of(facts_of(status("base", "downloading")))) == 1
    assert str(NotConfirmed("a", "b")) == "a; b"
