"""One child that always crashes, and one in another language: the rest of the runtime works as if nothing were."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Start
from tests.acceptance.runtime import Runtime, serve_model, within, write_profile
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import SyntheticContent

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
lane.send_multipart([b"HELLO", pack([1, sys.argv[1], os.urandom(8).hex(), runtime["token"]])])
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

CHILDREN = f"""
[[children]]
name = "crasher"
entry = "crasher:build"
path = "."
intensity = 2

[[children]]
name = "sidecar"
command = [{json.dumps(sys.executable)}, "-P", "sidecar.py", "sidecar"]
ready = "hello"
"""


def _start(tmp_path: Path, start: Start, entries: list[object]) -> Runtime:
    profile = write_profile(
        tmp_path / "profile",
        entries,
        CHILDREN.replace('"sidecar.py"', json.dumps(str(tmp_path / "profile" / "sidecar.py"))),
    )  # type: ignore[arg-type]
    (profile / "crasher.py").write_text(CRASHER)
    (profile / "sidecar.py").write_text(SIDECAR)
    return start(profile)


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
        assert "crasher: failed: exit code 1; next try in" in status.stdout
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
