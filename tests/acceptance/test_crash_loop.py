"""One child always crashes, another is written in another language: the rest of the runtime works."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from schemas.manifest import ModelEntry
from tests.acceptance.conftest import Start
from tests.support.faulty_origin import FaultyOrigin, serve_model
from tests.support.origin_content import SyntheticContent
from tests.support.profiles import write_counter_profile
from tests.support.runtime_process import RuntimeProcess, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

CRASHER = """
import sys

def build(context):
    sys.exit("the licence file is missing")
"""

SIDECAR = '''
"""A sidecar that knows ZeroMQ, MessagePack and PROTOCOL.md, and nothing of Undercroft's own code."""

import json, os, sys
import msgspec, zmq

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode
with open(os.environ["UNDERCROFT_RUNTIME"]) as file:
    runtime = json.load(file)
lane = zmq.Context().socket(zmq.DEALER)
lane.linger = 0
lane.connect(runtime["lane"])
name, _, credential = os.environ["UNDERCROFT_CREDENTIAL"].partition(":")
assert name == sys.argv[1]
lane.send_multipart([b"HELLO", pack([2, name, os.urandom(8).hex(), credential])])
assert lane.recv_multipart()[0] == b"WELCOME"
lane.send_multipart([b"SERVE", pack([["app.double"]])])
while True:
    verb, header, *body = lane.recv_multipart()
    if verb == b"PING":
        lane.send_multipart([b"PONG", header])
    elif verb == b"SERVE":
        print("it serves", flush=True)
    elif verb == b"REQUEST":
        event = {"type": "app.doubled", "number": 2 * unpack(body[0])["number"]}
        lane.send_multipart([b"REPLY", pack([unpack(header)[0]]), pack(event)])
'''


def _start(tmp_path: Path, start: Start, models: list[ModelEntry]) -> RuntimeProcess:
    directory = tmp_path / "profile"
    sidecar = [sys.executable, "-P", str(directory / "sidecar.py"), "sidecar"]
    write_counter_profile(
        directory,
        models,
        {"name": "crasher", "entry": "crasher:build", "intensity": 2},
        {"name": "sidecar", "command": sidecar, "ready": "hello"},
    )
    (directory / "crasher.py").write_text(CRASHER)
    (directory / "sidecar.py").write_text(SIDECAR)
    return start(directory)


@pytest.mark.requirement("C-1", "C-4")
def test_an_actor_that_always_crashes_fails_alone_and_says_why(tmp_path: Path, start: Start) -> None:
    with FaultyOrigin() as origin:
        entry = serve_model(origin, "small", SyntheticContent(3 << 20))
        runtime = _start(tmp_path, start, [entry])
        overview = runtime.wait_settled()
        actors = {actor["actor"]: actor for actor in overview["actors"]}
        assert {name: actor["state"] for name, actor in actors.items() if name != "crasher"} == dict.fromkeys(
            ("broker", "config_store", "model_verifier", "model_downloader", "sidecar"), "ready"
        )
        crasher = actors["crasher"]
        assert (crasher["state"], crasher["restarts"], crasher["reason"]) == ("failed", 2, "exit code 1")
        assert "the licence file is missing" in crasher["last_words"]
        assert crasher["retry_seconds"] > 10
        assert runtime.command("config", "set", "counters.first", "3").returncode == 0
        assert runtime.command("models", "install", "small").returncode == 0
        assert (runtime.home / "models" / "small" / "model.bin").stat().st_size == entry.size_bytes
        status = runtime.command("status")
        assert status.returncode == 1
        assert "crasher: failed: exit code 1: " in status.stdout
        assert "the licence file is missing" in status.stdout
        assert "; next try in" in status.stdout
    assert runtime.end() == 0
    assert within(1.0, lambda: not runtime.alive())


@pytest.mark.requirement("C-5", "C-6", "C-7")
@pytest.mark.anyio
async def test_a_child_in_any_language_is_ready_when_it_greets_answers_requests_and_goes_with_the_runtime(
    tmp_path: Path, start: Start
) -> None:
    from bus.client import connect

    runtime = _start(tmp_path, start, [])
    overview = runtime.wait_settled()
    assert next(actor["state"] for actor in overview["actors"] if actor["actor"] == "sidecar") == "ready"
    async with connect(home=runtime.home) as peer:
        while True:
            lines = runtime.command("logs", "sidecar").stdout
            if "it serves" in lines:
                break
        assert await peer.request_raw("app.double", {"type": "app.double", "number": 21}) == {
            "type": "app.doubled",
            "number": 42,
        }
    assert runtime.end() == 0
    assert within(1.0, lambda: not runtime.alive())
