"""A runtime that an app started does not outlive it, and one that another app left behind can be replaced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.discovery import is_alive
from tests.support.profiles import write_profile
from tests.support.runtime_process import LIMIT_SECONDS, undercroft_command, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="kills an app and watches its processes"),
]

APP = """
import subprocess, sys
stdin = subprocess.PIPE if sys.argv[1] == "pipe" else subprocess.DEVNULL
runtime = subprocess.Popen(sys.argv[2:], stdin=stdin)
runtime.wait()
"""
"""An app that starts a sidecar, as Electron does; it may be killed without a chance to say goodbye."""


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return write_profile(tmp_path / "profile", {"name": "sleeper", "command": ["sleep", "1000"]})


class App:
    """An app with a runtime."""

    def __init__(self, home: Path, profile: Path, stdin: str, *arguments: str) -> None:
        self.home = home
        command = undercroft_command(home, "up", "--json", *arguments, profile=profile)
        self.process = subprocess.Popen([sys.executable, "-c", APP, stdin, *command], stdout=subprocess.PIPE)

    def wait_settled(self) -> dict[str, object]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found: dict[str, object] = json.loads(line)
            if found["type"] == "settled":
                return found
        raise AssertionError("it ended before it settled")

    def pid_of_runtime(self) -> int:
        return int(json.loads((self.home / "state" / "runtime.json").read_text())["pid"])


@pytest.fixture
def apps() -> Iterator[list[App]]:
    started: list[App] = []
    yield started
    for app in started:
        app.process.kill()
        app.process.communicate()


@pytest.mark.parametrize("stdin", ["pipe", "null"])
def test_an_app_that_is_killed_takes_its_runtime_along(
    tmp_path: Path, profile: Path, apps: list[App], stdin: str
) -> None:
    app = App(tmp_path / "home", profile, stdin, "--exit-with-parent")
    apps.append(app)
    settled = app.wait_settled()
    assert (settled["ready"], settled["not_ready"], settled["settled"]) == (True, [], True)
    runtime = app.pid_of_runtime()
    os.kill(app.process.pid, signal.SIGKILL)
    assert within(LIMIT_SECONDS, lambda: not is_alive(runtime))
    status = subprocess.run(undercroft_command(app.home, "status"), capture_output=True, check=False)
    assert status.returncode == 3


def test_without_the_option_it_stays_and_the_next_start_can_replace_it(
    tmp_path: Path, profile: Path, apps: list[App]
) -> None:
    home = tmp_path / "home"
    first = App(home, profile, "pipe")
    apps.append(first)
    first.wait_settled()
    orphan = first.pid_of_runtime()
    os.kill(first.process.pid, signal.SIGKILL)
    refused = subprocess.run(
        undercroft_command(home, "up", "--json", profile=profile), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 6
    error = json.loads(refused.stdout)
    assert (error["type"], error["exit_code"]) == ("AlreadyRunning", 6)
    assert f"process {orphan}" in error["error"]
    assert "undercroft up --replace" in error["error"]
    (home / "state" / "runtime.json").unlink()  # it is found all the same
    second = App(home, profile, "pipe", "--replace", "--exit-with-parent")
    apps.append(second)
    second.wait_settled()
    assert second.pid_of_runtime() != orphan
    assert not is_alive(orphan)


def test_replacing_nothing_is_a_start(tmp_path: Path, profile: Path) -> None:
    home = tmp_path / "home"
    for _ in range(2):
        up = subprocess.run(
            undercroft_command(home, "up", "--detach", "--replace", "--json", profile=profile),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert up.returncode == 0, up.stdout + up.stderr
        assert json.loads(up.stdout)["ready"]
    assert subprocess.run(undercroft_command(home, "down"), capture_output=True, check=False).returncode == 0


def test_what_is_not_ready_is_named(tmp_path: Path, apps: list[App]) -> None:
    broken = {"name": "broken", "command": ["no-such-program-xyz"], "intensity": 0}
    fine = {"name": "fine", "command": ["sleep", "1000"]}
    profile = write_profile(tmp_path / "profile", broken, fine)
    app = App(tmp_path / "home", profile, "pipe", "--exit-with-parent")
    apps.append(app)
    settled = app.wait_settled()
    assert settled["settled"]
    assert (settled["ready"], settled["not_ready"]) == (False, ["broken"])


def test_detached_it_has_no_parent(tmp_path: Path, profile: Path) -> None:
    command = undercroft_command(tmp_path / "home", "up", "--detach", "--exit-with-parent", profile=profile)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
