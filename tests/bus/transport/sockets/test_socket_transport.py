"""A peer's side of the sockets. test_broker_sockets.py and tests/contract show it with the broker's."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.discovery import Runtime
from bus.transport.sockets.socket_transport import SocketTransport

pytestmark = pytest.mark.anyio


async def test_a_transport_that_was_never_started_closes(tmp_path: Path) -> None:
    runtime = Runtime(
        app="x", pid=1, started_at=0.0, lane=f"ipc://{tmp_path}/l", feed=f"ipc://{tmp_path}/f", token="t"
    )
    SocketTransport(runtime).close()
