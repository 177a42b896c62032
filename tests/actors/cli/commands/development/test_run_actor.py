"""`undercroft run-actor` is the actor, in the foreground; the rest of its app runs beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.actors.cli.conftest import Cli
from tests.support.profiles import write_profile
from tests.support.runtime_process import undercroft_command

SOURCE = '''
import os
from actors.shared.sdk import Actor, Event, Request, SettingsChangedEvent


class ToldEvent(Event, frozen=True, kw_only=True, tag="probe.told"):
    """It was told."""

    pid: int


class TellRequestEvent(Request[ToldEvent], frozen=True, kw_only=True, tag="probe.tell"):
    """Tell it."""

    fails: bool = False


class Teller(Actor[TellRequestEvent]):
    async def handle(self, event):
        if event.fails:
            raise ZeroDivisionError("on purpose")
        return ToldEvent(pid=os.getpid())


def build(context):
    return Teller(context)
'''
pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals"),
]


def app_in(directory: Path) -> Path:
    teller = {"name": "teller", "entry": "probe_apart:build"}
    follower = {"name": "follower", "entry": "actors.locations:build", "depends_on": ["teller"]}
    namespaces = '[topics]\nnamespaces = ["probe.*"]'
    files = {"probe_apart.py": SOURCE}
    return write_profile(directory, teller, follower, tables=namespaces, modules=files)


@pytest.mark.parametrize("name", ["nobody", "broker"])
def test_only_an_actor_of_the_profile_can_be_run(name: str, tmp_path: Path) -> None:
    ended = Cli(tmp_path / "home", app_in(tmp_path / "app"))("run-actor", name)
    assert (ended.code, "expected an actor among teller" in ended.err) == (4, True)


def test_a_rest_that_does_not_start_is_a_sentence(tmp_path: Path) -> None:
    app = write_profile(tmp_path / "app", {"name": "teller", "entry": "nobody:build"})
    ended = Cli(tmp_path / "home", app)("run-actor", "teller")
    assert ended.code == 4
    assert "the rest of the app did not start" in ended.err
    assert "there is no module 'nobody'" in ended.err


class Apart:
    """The command in a process of its own, once the actor answers."""

    def __init__(self, home: Path, app: Path) -> None:
        self._home = home
        command = undercroft_command(home, "run-actor", "teller", profile=app)
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        first = self.process.stderr.readline()
        assert first.startswith(f"teller runs in process {self.process.pid}"), first

    def call(self, fields: str = "{}") -> subprocess.CompletedProcess[str]:
        command = undercroft_command(self._home, "call", "probe.tell", fields)
        while True:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            if "nobody serves" not in done.stderr:  # the actor needs a moment more than its runtime
                return done

    def status(self) -> int:
        command = undercroft_command(self._home, "status")
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.slow
@pytest.mark.parametrize("ends_by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_is_the_actor_itself_and_the_rest_ends_with_it(ends_by: signal.Signals, tmp_path: Path) -> None:
    apart = Apart(tmp_path / "home", app_in(tmp_path / "app"))
    try:
        assert f'"pid": {apart.process.pid}' in apart.call().stdout
        apart.process.send_signal(ends_by)
        _, errors = apart.process.communicate(timeout=60)
        if ends_by is not signal.SIGKILL:
            assert apart.process.returncode == 0, errors
            assert apart.status() == 3
    finally:
        apart.process.kill()
        apart.process.communicate()
    while apart.status() != 3:
        os.sched_yield()


@pytest.mark.slow
def test_an_exception_shows_its_whole_traceback(tmp_path: Path) -> None:
    apart = Apart(tmp_path / "home", app_in(tmp_path / "app"))
    try:
        assert "died" in apart.call('{"fails": true}').stderr
        _, errors = apart.process.communicate(timeout=60)
    finally:
        apart.process.kill()
        apart.process.communicate()
    assert apart.process.returncode == 1
    assert "ZeroDivisionError: on purpose" in errors
    assert "probe_apart.py" in errors
