"""The typed client: found by its runtime file, let in or told why not, counted; the promises are in tests/contract."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from brokers import broker_options, broker_process
from bus.client import connect, unique_name
from bus.discovery import Runtime
from bus.errors import HelloRefused, NotRunning, ProtocolError
from bus.memory import memory_bus
from samples import AnswerEvent, AskEvent, NumberedEvent

pytestmark = pytest.mark.anyio


def write_runtime(home: Path, runtime: Runtime) -> None:
    path = home / "state" / "runtime.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(runtime))
    path.chmod(0o600)


async def test_a_client_finds_the_runtime_by_its_home(tmp_path: Path) -> None:
    with broker_process(broker_options("ipc", tmp_path / "s")) as broker:
        write_runtime(tmp_path, broker.runtime())
        async with connect("tray", home=tmp_path) as peer:
            assert peer.epoch == broker.epoch
            assert "tray" in repr(peer)


async def test_a_runtime_file_of_a_dead_process_is_left_over(tmp_path: Path) -> None:
    child = os.posix_spawn("/bin/true", ["true"], {}) if os.name == "posix" else 0
    if child:
        os.waitpid(child, 0)
    write_runtime(tmp_path, Runtime(app="x", pid=child, started_at=0.0, lane="ipc:///nowhere", feed="ipc:///nowhere", token="t"))
    with pytest.raises(NotRunning, match="left over from process"):
        async with connect(home=tmp_path):
            pass


async def test_nobody_at_the_endpoint_is_not_running(tmp_path: Path) -> None:
    runtime = Runtime(app="x", pid=os.getpid(), started_at=0.0, lane=f"ipc://{tmp_path}/lane", feed=f"ipc://{tmp_path}/feed", token="t")
    with pytest.raises(NotRunning, match="nobody answers"):
        async with connect(runtime=runtime, timeout_seconds=0.05):
            pass


async def test_no_runtime_at_all_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="undercroft up"):
        async with connect(home=tmp_path):
            pass


async def test_a_refusal_names_the_peer_and_the_reason() -> None:
    async with memory_bus() as bus, bus.connect("tray"):
        with pytest.raises(HelloRefused) as caught:
            async with bus.connect("tray"):
                pass
        assert (caught.value.name, caught.value.reason) == ("tray", "duplicate_name")


async def test_what_a_peer_did_is_counted() -> None:
    async with memory_bus() as bus, bus.connect() as peer, peer.subscribe(NumberedEvent) as events:
        await peer.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="me")))
        for n in range(3):
            peer.post(NumberedEvent(n=n))
        await peer.settled()
        heard = [await anext(events) for _ in range(3)]
        assert heard == [NumberedEvent(n=n) for n in range(3)]
        assert (await peer.request(AskEvent(text="?"))).text == "me", "a peer may ask itself"
        found = peer.statistics()
        assert (found.published, found.accepted, found.delivered, found.lost, found.welcomes, found.undecodable) == (3, 3, 3, 0, 1, 0)
        assert found.ignored == {}


async def test_an_event_that_is_too_large_raises_where_it_is_published() -> None:
    async with memory_bus() as bus, bus.connect() as peer:
        with pytest.raises(ProtocolError, match="oversize"):
            peer.post(NumberedEvent(n=1, filler=bytes(17 * 1024 * 1024)))
        assert peer.statistics().published == 0


def test_names_for_peers_that_nobody_has_to_find_differ() -> None:
    assert unique_name("cli") != unique_name("cli")
    assert unique_name("cli").startswith(f"cli-{os.getpid()}-")
