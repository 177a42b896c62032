"""The supervisor over real processes: they crash, hang, are killed and stopped, and the rest runs on."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtime_process import undercroft_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="watches processes through pidfds, and expects PDEATHSIG"
    ),
]

STEADY = {"name": "steady", "entry": "probe_actor:steady"}
METHODS = pytest.mark.parametrize("method", ["fork", "spawn"])


@METHODS
@pytest.mark.requirement("C-4")
def test_a_killed_actor_serves_again_under_another_process(start: Any, profile: Any, method: str) -> None:
    runtime = start(profile(STEADY, {"name": "other", "entry": "probe_actor:steady"}), "--spawn", method)
    runtime.wait_settled()
    before = dict(runtime.pids)
    os.kill(before["steady"], signal.SIGKILL)
    assert runtime.wait_state("steady", "starting")["reason"] == "killed by SIGKILL"
    after = runtime.wait_state("steady", "ready")
    assert after["pid"] != before["steady"]
    assert after["restarts"] == 1
    assert runtime.pids["other"] == before["other"]
    assert runtime.end() == 0


@METHODS
@pytest.mark.requirement("C-7")
def test_a_stop_leaves_no_process_and_no_runtime_file(
    start: Any, profile: Any, method: str, ended_within: Any
) -> None:
    runtime = start(profile(STEADY, {"name": "sleeper", "command": ["sleep", "1000"]}), "--spawn", method)
    overview = runtime.wait_settled()
    assert {actor["state"] for actor in overview["actors"]} == {"ready"}
    file = runtime.home / "state" / "runtime.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert runtime.end() == 0
    assert not file.exists()
    assert ended_within(list(runtime.pids.values()), 0.0)


def test_a_crash_loop_opens_the_circuit_and_the_others_run_on(start: Any, profile: Any) -> None:
    runtime = start(profile(STEADY, {"name": "crasher", "entry": "probe_actor:crashing", "intensity": 2}))
    failed = runtime.wait_state("crasher", "failed")
    assert failed["reason"] == "exit code 1"
    assert "these are my last words" in failed["last_words"]
    assert failed["restarts"] == 2
    assert failed["retry_seconds"] > 20
    status = json.loads(runtime.command("status", "--json").stdout)
    assert {actor["actor"]: actor["state"] for actor in status["actors"]} == {
        "broker": "ready",
        "steady": "ready",
        "crasher": "failed",
    }
    assert status["settled"]


def test_a_hung_actor_shows_its_stack_is_killed_and_started_again(start: Any, profile: Any) -> None:
    runtime = start(
        profile(STEADY, {"name": "hanger", "entry": "probe_actor:hanging", "heartbeat_timeout_seconds": 0.5})
    )
    runtime.wait_state("hanger", "ready")
    assert runtime.wait_state("hanger", "stopping")["reason"] == "hung: no answer to a ping for 0.5 s"
    again = runtime.wait_state("hanger", "starting")
    assert re.search(r'probe_actor\.py", line \d+ in hang', again["last_words"]), again["last_words"]
    assert runtime.states["steady"] == "ready"


def test_the_death_of_the_broker_restarts_the_broker_alone(start: Any, profile: Any) -> None:
    runtime = start(profile(STEADY))
    runtime.wait_settled()
    steady = runtime.pids["steady"]
    os.kill(runtime.pids["broker"], signal.SIGKILL)
    runtime.wait_state("broker", "starting")
    runtime.wait_state("broker", "ready")
    status = json.loads(runtime.command("status", "--json").stdout)
    assert {actor["actor"]: actor["pid"] for actor in status["actors"]} == {
        "broker": runtime.pids["broker"],
        "steady": steady,
    }


def test_the_death_of_the_fork_server_is_survived_by_a_fresh_one(start: Any, profile: Any) -> None:
    runtime = start(profile(STEADY))
    runtime.wait_settled()
    before = dict(runtime.pids)
    os.kill(_fork_server_of(runtime), signal.SIGKILL)
    for name in ("broker", "steady"):
        runtime.wait_for(
            lambda found, name=name: (
                found.get("actor") == name and found.get("state") == "ready" and found["pid"] != before[name]
            )
        )
    assert runtime.command("status").returncode == 0
    assert runtime.end() == 0


def _fork_server_of(runtime: Any) -> int:
    children = Path(f"/proc/{runtime.pid}/task/{runtime.pid}/children").read_text().split()
    (server,) = [
        int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == "uc-forkserver"
    ]
    return server


def _grandchild_of(runtime: Any, command: str) -> int:
    while True:
        for actor, text in runtime.logs:
            if actor == command:
                return int(text)
        runtime.next()


FAMILY = {"name": "family", "command": ["sh", "-c", "sleep 1000 & echo $!; wait"]}


def test_nobody_is_left_a_second_after_the_supervisor_was_killed(
    start: Any, profile: Any, ended_within: Any
) -> None:
    runtime = start(profile(STEADY, {"name": "frozen", "entry": "probe_actor:steady"}, FAMILY))
    runtime.wait_settled()
    pids = [*runtime.pids.values(), _grandchild_of(runtime, "family")]
    os.kill(runtime.pids["frozen"], signal.SIGSTOP)
    runtime.process.kill()
    assert len(pids) == 5
    assert ended_within(pids, 10.0)


def test_children_that_were_spawned_go_with_the_supervisor_too(
    start: Any, profile: Any, ended_within: Any
) -> None:
    runtime = start(profile(STEADY, {"name": "sleeper", "command": ["sleep", "1000"]}), "--spawn", "spawn")
    runtime.wait_settled()
    os.kill(runtime.pids["steady"], signal.SIGSTOP)
    runtime.process.kill()
    assert ended_within(list(runtime.pids.values()), 10.0)


@METHODS
def test_grandchildren_go_with_a_command_that_ends(
    start: Any, profile: Any, ended_within: Any, method: str
) -> None:
    runtime = start(profile(FAMILY), "--spawn", method)
    runtime.wait_settled()
    grandchild = _grandchild_of(runtime, "family")
    os.kill(runtime.pids["family"], signal.SIGKILL)
    runtime.wait_state("family", "ready")
    assert ended_within([grandchild], 10.0)


@METHODS
@pytest.mark.parametrize("restart", ["permanent", "temporary"])
def test_a_command_that_cannot_be_run_fails_alone_at_once_and_says_why(
    start: Any, profile: Any, method: str, restart: str
) -> None:
    typo = {"name": "typo", "command": ["no-such-program-xyz"], "restart": restart}
    runtime = start(profile(STEADY, typo), "--spawn", method)
    overview = runtime.wait_settled()
    (failed,) = [actor for actor in overview["actors"] if actor["actor"] == "typo"]
    assert (failed["state"], failed["restarts"]) == ("failed", 0)
    assert "no-such-program-xyz: cannot be run: No such file or directory" in failed["reason"]
    assert runtime.command("status").returncode == 1
    assert runtime.end() == 0


@METHODS
def test_a_start_in_the_background_does_not_succeed_with_a_program_that_is_missing(
    profile: Any, tmp_path: Path, method: str
) -> None:
    directory = profile({"name": "typo", "command": ["no-such-program-xyz"]})
    home = tmp_path / "home"
    up = undercroft_command(home, "up", "--detach", "--spawn", method, profile=directory)
    done = subprocess.run(up, capture_output=True, text=True, timeout=30, check=False)
    subprocess.run(undercroft_command(home, "down"), capture_output=True, timeout=30, check=True)
    assert done.returncode == 1
    assert "no-such-program-xyz: cannot be run" in done.stdout


DAEMON = {
    "name": "family",
    "command": ["sh", "-c", "setsid sh -c 'setsid sleep 1000 & echo $!' & wait; exec sleep 1000"],
}
"""Its descendant has forked twice, and is in a session of its own."""


@METHODS
def test_descendants_in_sessions_of_their_own_go_with_a_command_that_ends(
    start: Any, profile: Any, ended_within: Any, method: str
) -> None:
    runtime = start(profile(DAEMON), "--spawn", method)
    runtime.wait_settled()
    descendant = _grandchild_of(runtime, "family")
    os.kill(runtime.pids["family"], signal.SIGKILL)
    assert ended_within([descendant], 10.0)


@METHODS
def test_descendants_of_an_actor_go_with_it(start: Any, profile: Any, ended_within: Any, method: str) -> None:
    directory = profile({"name": "parent", "entry": "parent_actor:build"})
    (directory / "parent_actor.py").write_text(PARENT_ACTOR)
    runtime = start(directory, "--spawn", method)
    runtime.wait_settled()
    descendant = _grandchild_of(runtime, "parent")
    os.kill(runtime.pids["parent"], signal.SIGKILL)
    assert ended_within([descendant], 10.0)


PARENT_ACTOR = """
import subprocess
from probe_actor import Steady

def build(context):
    subprocess.Popen(["sh", "-c", "setsid sleep 1000 & echo $!"], start_new_session=True)
    return Steady(context)
"""


@METHODS
def test_descendants_in_sessions_of_their_own_go_at_the_end(
    start: Any, profile: Any, ended_within: Any, method: str
) -> None:
    runtime = start(profile(DAEMON), "--spawn", method)
    runtime.wait_settled()
    descendant = _grandchild_of(runtime, "family")
    assert runtime.end() == 0
    assert ended_within([descendant], 10.0)


@pytest.mark.parametrize("victim", ["supervisor", "fork server"])
def test_descendants_in_sessions_of_their_own_go_with_those_above(
    start: Any, profile: Any, ended_within: Any, victim: str
) -> None:
    runtime = start(profile(DAEMON))
    runtime.wait_settled()
    descendant = _grandchild_of(runtime, "family")
    os.kill(runtime.pid if victim == "supervisor" else _fork_server_of(runtime), signal.SIGKILL)
    assert ended_within([descendant], 10.0)


def test_what_outlived_a_supervisor_and_its_fork_server_ends_at_the_next_start(
    start: Any, profile: Any, ended_within: Any
) -> None:
    runtime = start(profile(DAEMON))
    runtime.wait_settled()
    descendant = _grandchild_of(runtime, "family")
    server = _fork_server_of(runtime)
    for pid in (runtime.pid, server):
        os.kill(pid, signal.SIGSTOP)
    for pid in (server, runtime.pid):
        os.kill(pid, signal.SIGKILL)
    runtime.process.communicate()
    assert not ended_within([descendant], 0.2)
    start(profile(STEADY)).wait_settled()
    assert ended_within([descendant], 10.0)


def test_a_fork_server_that_hangs_is_replaced_when_something_has_to_end(start: Any, profile: Any) -> None:
    runtime = start(profile(STEADY))
    runtime.wait_settled()
    os.kill(_fork_server_of(runtime), signal.SIGSTOP)
    os.kill(runtime.pids["steady"], signal.SIGSTOP)
    runtime.process.send_signal(signal.SIGTERM)
    runtime.process.communicate(timeout=40)
    assert runtime.process.returncode == 0


@pytest.mark.parametrize("whose", ["its own", "a descendant's"])
def test_memory_above_the_limit_ends_a_child_within_a_second(start: Any, profile: Any, whose: str) -> None:
    program = "import sys, time; print('now', flush=True); held = b'x' * (96 * 1024 * 1024); time.sleep(1000)"
    command = [sys.executable, "-c", program]
    if whose != "its own":
        command = ["sh", "-c", '"$0" -c "$1" & wait', sys.executable, program]
    runtime = start(profile({"name": "eater", "command": command, "memory_limit_mib": 64}))
    while ("eater", "now") not in runtime.logs:
        runtime.next()
    began = time.monotonic()
    runtime.wait_state("eater", "stopping")
    runtime.wait_state("eater", "starting")
    assert time.monotonic() - began < 8.0  # it takes less than one, unless the machine is busy


def test_a_second_supervisor_is_refused_and_told_who_is_first(start: Any, profile: Any) -> None:
    directory = profile(STEADY)
    first = start(directory)
    first.wait_settled()
    second = start(directory)
    out, _ = second.process.communicate(timeout=20)
    assert second.process.returncode == 6
    assert f"process {first.pid}" in json.loads(out)["error"]
    assert first.command("status").returncode == 0


def test_what_a_killed_supervisor_left_is_recognised_as_stale(start: Any, profile: Any) -> None:
    directory = profile(STEADY)
    first = start(directory)
    first.wait_settled()
    first.process.kill()
    first.process.communicate()
    assert (first.home / "state" / "runtime.json").exists()
    assert first.command("status").returncode == 3
    second = start(directory)
    second.wait_settled()
    assert json.loads((second.home / "state" / "runtime.json").read_text())["pid"] == second.pid
    assert second.command("status").returncode == 0


def test_sighup_adds_changes_and_removes_children(start: Any, profile: Any, ended_within: Any) -> None:
    runtime = start(profile(STEADY, {"name": "old", "entry": "probe_actor:steady"}))
    runtime.wait_settled()
    before = dict(runtime.pids)
    profile(STEADY, {"name": "new", "entry": "probe_actor:steady"})
    runtime.process.send_signal(signal.SIGHUP)
    runtime.wait_settled()
    status = json.loads(runtime.command("status", "--json").stdout)
    found = {actor["actor"]: actor["pid"] for actor in status["actors"] if actor["state"] == "ready"}
    assert found.keys() == {"broker", "steady", "new"}
    assert found["steady"] == before["steady"]
    assert ended_within([before["old"]], 10.0)


def test_a_profile_that_became_wrong_changes_nothing(start: Any, profile: Any) -> None:
    runtime = start(profile(STEADY))
    runtime.wait_settled()
    (profile(STEADY) / "profile.toml").write_text("name = 7")
    runtime.process.send_signal(signal.SIGHUP)
    assert runtime.process.stderr is not None
    assert "profile.toml: name: expected 'str', found 'int'" in runtime.process.stderr.readline().decode()
    assert runtime.command("status").returncode == 0


def test_over_tcp_the_broker_comes_back_under_the_same_address(start: Any, profile: Any) -> None:
    runtime = start(profile(STEADY), "--transport", "tcp")
    runtime.wait_settled()
    file = runtime.home / "state" / "runtime.json"
    before = json.loads(file.read_text())
    assert before["lane"].startswith("tcp://127.0.0.1:")
    assert len(before["curve"]["client_secret"]) == 40
    os.kill(runtime.pids["broker"], signal.SIGKILL)
    runtime.wait_state("broker", "starting")
    runtime.wait_state("broker", "ready")
    assert json.loads(file.read_text()) == before
    assert runtime.command("status").returncode == 0


def test_a_home_with_a_path_too_long_for_sockets_works_all_the_same(
    start: Any, profile: Any, tmp_path: Path
) -> None:
    runtime = start(profile(STEADY), home=tmp_path / ("long" * 40))
    runtime.wait_settled()
    assert runtime.command("status").returncode == 0


def test_a_command_is_ready_when_it_has_greeted_the_broker(start: Any, profile: Any) -> None:
    greeter = (
        "import asyncio, os\n"
        "from bus.client import connect\n"
        "async def main():\n"
        "    async with connect('greeter', home=os.environ['PROBE_HOME']):\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    child = {"name": "greeter", "command": [sys.executable, "-c", greeter], "ready": "hello"}
    directory = profile(child)
    home = directory.parent / "home"
    runtime = start(directory, home=home, environment={"PROBE_HOME": str(home)})
    runtime.wait_settled()
    assert runtime.states["greeter"] == "ready"


def test_systemd_hears_when_all_is_ready_and_when_the_end_begins(
    start: Any, profile: Any, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        runtime = start(profile(STEADY), environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert (
            manager.recv(4096) == f"READY=1\nSTATUS=2 of 2 actors are ready\nMAINPID={runtime.pid}".encode()
        )
        assert runtime.end() == 0
        assert manager.recv(4096) == b"STOPPING=1\nSTATUS=stopping"


def test_a_second_interrupt_does_not_wait_for_those_who_will_not_leave(start: Any, profile: Any) -> None:
    stubborn = {
        "name": "stubborn",
        "command": ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"],
        "shutdown_timeout_seconds": 600,
    }
    runtime = start(profile(stubborn))
    runtime.wait_settled()
    while ("stubborn", "deaf") not in runtime.logs:
        runtime.next()
    runtime.process.send_signal(signal.SIGINT)
    runtime.wait_state("stubborn", "stopping")
    runtime.process.send_signal(signal.SIGINT)
    runtime.process.communicate(timeout=10)
    assert runtime.process.returncode == 0


def test_secrets_are_in_no_command_line(start: Any, profile: Any) -> None:
    runtime = start(profile(STEADY), "--spawn", "spawn")
    runtime.wait_settled()
    token = json.loads((runtime.home / "state" / "runtime.json").read_text())["token"]
    listing = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(runtime.home) in listing
    assert token not in listing
