"""The client finds the runtime, and says why it cannot connect. tests/contract has the promises."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from bus.broker.memory_bus import memory_bus
from bus.client import connect, unique_name
from bus.discovery import Runtime
from bus.errors import HelloRefused, NotRunning
from tests.support.broker_processes import broker_options, broker_process

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
    write_runtime(
        tmp_path,
        Runtime(
            app="x", pid=child, started_at=0.0, lane="tcp://127.0.0.1:1", feed="tcp://127.0.0.1:1", token=""
        ),
    )
    with pytest.raises(NotRunning, match="left over from process"):
        async with connect(home=tmp_path):
            pass


async def test_nobody_at_the_endpoint_is_not_running(tmp_path: Path) -> None:
    runtime = Runtime(
        app="x",
        pid=os.getpid(),
        started_at=0.0,
        lane=f"ipc://{tmp_path}/lane",
        feed=f"ipc://{tmp_path}/feed",
        token="t",
    )
    with pytest.raises(NotRunning, match="no answer at"):
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


def test_names_for_peers_that_nobody_has_to_find_differ() -> None:
    assert unique_name("cli") != unique_name("cli")
    assert unique_name("cli").startswith(f"cli-{os.getpid()}-")
