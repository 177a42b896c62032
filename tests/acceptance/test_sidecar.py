"""Programs that know ZeroMQ, MessagePack and PROTOCOL.md only, in processes beside a real runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Start
from tests.support.profiles import write_counter_profile
from tests.support.runtime_process import RuntimeProcess, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

LISTENER = """
import json, sys
import msgspec, zmq

with open(sys.argv[1]) as file:
    runtime = json.load(file)
feed = zmq.Context().socket(zmq.SUB)
feed.subscribe("config.settings_changed")
feed.subscribe("!welcome")
feed.connect(runtime["feed"])
while True:
    topic, *frames = feed.recv_multipart()
    if topic == b"!welcome":
        print("listening", flush=True)
    elif topic == b"config.settings_changed":
        for event in msgspec.msgpack.decode(frames[1]):
            print(json.dumps(event), flush=True)
"""

ASKER = """
import json, os, sys
import msgspec, zmq

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode
with open(sys.argv[1]) as file:
    runtime = json.load(file)
lane = zmq.Context().socket(zmq.DEALER)
lane.linger = 0
lane.connect(runtime["lane"])
lane.send_multipart([b"HELLO", pack([2, "tray", os.urandom(8).hex(), runtime["token"]])])
verb, header = lane.recv_multipart()
assert verb == b"WELCOME", (verb, header)
assert unpack(header)[0] == 2
requests = [
    {"type": "config.request", "operation": "update", "updates": {"counters.first": 5}},
    {"type": "config.request", "operation": "update", "updates": {"counters.first": "many"}},
    {"type": "supervision.status"},
    {"type": "app.nobody"},
]
for id, request in enumerate(requests, start=1):
    lane.send_multipart([b"REQUEST", pack([id, request["type"], 5000, ""]), pack(request)])
    while True:
        verb, header, *body = lane.recv_multipart()
        if verb == b"PING":
            lane.send_multipart([b"PONG", header])
        elif verb in (b"REPLY", b"FAILED") and unpack(header)[0] == id:
            break
    print(json.dumps([verb.decode(), unpack(body[0]) if body else unpack(header)[1]]), flush=True)
lane.send_multipart([b"BYE", pack([False])])
lane.close(200)
"""


@pytest.fixture
def runtime(tmp_path: Path, start: Start) -> Iterator[RuntimeProcess]:
    found = start(write_counter_profile(tmp_path / "profile", []))
    found.wait_settled()
    yield found
    assert found.end() == 0
    assert within(1.0, lambda: not found.alive())


def _sidecar(runtime: RuntimeProcess, program: str) -> subprocess.Popen[str]:
    """A program that can import none of Undercroft's code."""
    command = [sys.executable, "-P", "-c", program, str(runtime.home / "state" / "runtime.json")]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd="/")


@pytest.mark.requirement("C-2", "C-3", "C-5", "S2-14")
def test_a_plain_sub_socket_in_another_process_hears_settings_change(runtime: RuntimeProcess) -> None:
    with _sidecar(runtime, LISTENER) as listener:
        assert listener.stdout is not None
        try:
            assert listener.stdout.readline() == "listening\n"
            assert runtime.command("config", "set", "counters.first", "41").returncode == 0
            event = json.loads(listener.stdout.readline())
        finally:
            listener.kill()
    assert event["type"] == "config.settings_changed"
    assert event["changed"] == {"counters.first": 41}
    assert event["settings"] == {"counters": {"first": 41, "second": 0}}


@pytest.mark.requirement("C-2", "C-3", "C-6")
def test_raw_frames_ask_command_and_get_exactly_one_outcome_each(runtime: RuntimeProcess) -> None:
    with _sidecar(runtime, ASKER) as asker:
        output, _ = asker.communicate(timeout=20)
    assert asker.returncode == 0
    (first, changed), (second, refused), (third, status), (fourth, kind) = (
        json.loads(line) for line in output.splitlines()
    )
    assert (first, second, third, fourth) == ("REPLY", "REPLY", "REPLY", "FAILED")
    assert (changed["success"], changed["durable"], changed["settings"]["counters"]["first"]) == (
        True,
        True,
        5,
    )
    assert (refused["success"], refused["problems"][0]["path"]) == (False, "counters.first")
    assert {actor["actor"]: actor["state"] for actor in status["actors"]}["config_store"] == "ready"
    assert kind == "no_responder"
    assert json.loads((runtime.home / "config" / "config.json").read_bytes())["overrides"] == {
        "counters.first": 5
    }


@pytest.mark.requirement("C-7")
def test_one_command_starts_everything_and_one_stops_it(tmp_path: Path) -> None:
    profile = write_counter_profile(tmp_path / "profile", [])
    command = [
        sys.executable,
        "-P",
        "-m",
        "actors",
        "--home",
        str(tmp_path / "home"),
        "--profile",
        str(profile),
    ]
    up = subprocess.run(
        [*command, "up", "--detach", "--json"], capture_output=True, text=True, timeout=30, check=False
    )
    assert up.returncode == 0, up.stderr
    overview = json.loads(up.stdout)
    pids = {overview["pid"], *(actor["pid"] for actor in overview["actors"])}
    assert len(pids) == 5
    assert all(_is_running(pid) for pid in pids)
    down = subprocess.run(
        [*command, "down", "--json"], capture_output=True, text=True, timeout=30, check=False
    )
    assert down.returncode == 0, down.stderr
    assert json.loads(down.stdout)["pid"] == overview["pid"]
    assert within(1.0, lambda: not any(_is_running(pid) for pid in pids))


def _is_running(pid: int) -> bool:
    from actors.cli.demo.tour_processes import is_running

    return is_running(pid)
