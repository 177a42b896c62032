"""A peer's side of the sockets. test_broker_sockets.py and tests/contract show it with the broker's."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import zmq

from bus.discovery import Runtime
from bus.transport.sockets.socket_transport import SocketTransport
from bus.transport.transport import TransportHandlers
from tests.support.broker_processes import GUARD_SECONDS

pytestmark = pytest.mark.anyio


async def test_a_transport_that_was_never_started_closes(tmp_path: Path) -> None:
    runtime = Runtime(
        app="x", pid=1, started_at=0.0, lane=f"ipc://{tmp_path}/l", feed=f"ipc://{tmp_path}/f", token="t"
    )
    SocketTransport(runtime).close()


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps others out by access lists")
async def test_nobody_is_greeted_where_others_can_listen_in_place_of_the_broker(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    runtime = Runtime(app="x", pid=1, started_at=0.0, lane=f"ipc://{run}/l", feed=f"ipc://{run}/f", token="t")
    told: asyncio.Queue[str] = asyncio.Queue()
    transport = SocketTransport(runtime)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as listener:
        listener.linger = 0
        listener.bind(runtime.lane)
        run.chmod(0o777)
        transport.start(
            TransportHandlers(
                connected=lambda: told.put_nowait("connected"),
                disconnected=lambda: None,
                lane=lambda frames: None,
                feed=lambda frames: True,
                welcomed=lambda: None,
                denied=lambda reason, detail: told.put_nowait(f"{reason}: {detail}"),
            )
        )
        async with asyncio.timeout(GUARD_SECONDS):
            words = await told.get()
        transport.close()
    assert words.startswith(f"unsafe_place: {run}: every user may write to it")
    assert f"run: chmod go-w {run}" in words
