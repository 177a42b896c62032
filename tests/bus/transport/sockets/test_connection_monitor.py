"""Connections are reported as they begin and end, by descriptor."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import zmq

from bus.transport.sockets.connection_monitor import ACCEPTED, DISCONNECTED, ConnectionMonitor
from tests.support.broker_processes import GUARD_SECONDS


@pytest.mark.skipif(os.name == "nt", reason="there are no Unix sockets")
def test_it_says_who_came_and_who_went(tmp_path: Path) -> None:
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    monitor = ConnectionMonitor(context, router, "test")
    assert not monitor.has_reports()
    poller = zmq.Poller()
    poller.register(monitor.fileno(), zmq.POLLIN)

    def report() -> tuple[int, int]:
        while not monitor.has_reports():
            assert poller.poll(GUARD_SECONDS * 1000)
        (found,) = monitor.read()
        return found

    router.bind(f"ipc://{tmp_path}/lane")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"{tmp_path}/lane")
        event, descriptor = report()
        assert event == ACCEPTED
    assert report() == (DISCONNECTED, descriptor)
    monitor.close()
    context.destroy(linger=0)
