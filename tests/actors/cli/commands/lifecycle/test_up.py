"""One runtime from its start in the background to its end, by the commands a person would use."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.profiles import write_profile
from tests.support.runtime_process import undercroft_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="watches the end of processes through pidfds"),
]

PROBE = """
from bus.actor import Actor
from schemas.config import SettingsChangedEvent

class Probe(Actor[SettingsChangedEvent]):
    async def handle(self, event):
        return None

def build(context):
    print("built", context.name)
    return Probe(context)

def broken(context):
    raise ValueError("no good")
"""
Undercroft = Callable[..., "subprocess.CompletedProcess[str]"]


WORKER = {"name": "worker", "entry": "cli_probe:build"}


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    profile = write_profile(tmp_path / "profile", WORKER, modules={"cli_probe.py": PROBE})
    return undercroft_command(tmp_path / "home", profile=profile)


@pytest.fixture
def undercroft(command: list[str]) -> Iterator[Undercroft]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, check=False)

    yield run
    run("down")


@pytest.mark.requirement("C-7")
def test_a_runtime_is_started_seen_restarted_and_stopped_by_one_command_each(undercroft: Undercroft) -> None:
    up = undercroft("up", "--detach", "--json")
    assert up.returncode == 0
    overview = json.loads(up.stdout)
    assert overview["settled"]
    before = {actor["actor"]: actor["pid"] for actor in overview["actors"]}

    status = undercroft("status")
    assert (status.returncode, status.stdout.splitlines()[2]) == (
        0,
        f"  worker: ready (process {before['worker']})",
    )

    restarted = json.loads(undercroft("restart", "worker", "--json").stdout)
    assert restarted["state"] == "ready"
    assert restarted["pid"] != before["worker"]
    assert undercroft("restart", "nobody").returncode == 4

    lines = [json.loads(line) for line in undercroft("logs", "worker", "--json").stdout.splitlines()]
    assert [line["text"] for line in lines] == ["built worker", "built worker"]
    assert undercroft("logs", "nobody").returncode == 4

    (watched,) = undercroft("watch", "supervision.actor_state_changed", "-n", "1").stdout.splitlines()
    event = json.loads(watched)
    assert (event["topic"], event["source"], event["retained"]) == (
        "supervision.actor_state_changed",
        "supervisor",
        True,
    )

    assert undercroft("up", "--detach").returncode == 6
    assert json.loads(undercroft("down", "--json").stdout)["pid"] == overview["pid"]
    assert undercroft("status").returncode == 3


def test_a_start_in_the_background_tells_of_an_actor_that_fails(
    undercroft: Undercroft, tmp_path: Path
) -> None:
    write_profile(tmp_path / "profile", {**WORKER, "entry": "cli_probe:broken", "intensity": 1})
    up = undercroft("up", "--detach")
    assert up.returncode == 1
    assert "worker: failed: exit code 1: ValueError: no good; next try in" in up.stdout
    assert "ValueError: no good" in undercroft("logs", "worker").stdout


def test_new_log_lines_are_followed(undercroft: Undercroft, command: list[str]) -> None:
    assert undercroft("up", "--detach").returncode == 0
    with subprocess.Popen([*command, "logs", "worker", "-f"], stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline().endswith(b"built worker\n")
        assert undercroft("restart", "worker").returncode == 0
        assert select.select([follower.stdout], [], [], 10)[0]
        assert follower.stdout.readline().endswith(b"built worker\n")
        follower.send_signal(signal.SIGINT)
        try:
            assert follower.wait(10) == 130
        finally:
            follower.kill()  # otherwise leaving the block would wait for ever


def test_on_a_terminal_a_table_is_drawn_and_ctrl_c_stops_in_good_order(command: list[str]) -> None:
    terminal, its_end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [*command, "up"],
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        env=environment,
        start_new_session=True,
    ) as up:
        os.close(its_end)
        shown = b""
        while shown.count("● ready".encode()) < 2 or b"worker" not in shown:
            assert select.select([terminal], [], [], 20)[0], shown
            shown += os.read(terminal, 65536)
        up.send_signal(signal.SIGINT)
        while select.select([terminal], [], [], 20)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
        assert up.wait(10) == 0
    os.close(terminal)
    assert b"stopping: a signal asked for it" in shown
