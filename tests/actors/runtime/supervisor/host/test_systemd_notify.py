"""What systemd is told, and when its watchdog wants to hear from us."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.host.systemd_notify import SystemdNotifier

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="systemd runs where there are unix sockets"
)


def test_every_word_reaches_the_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "socket"))
        notifier = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "socket")})
        notifier.ready("all is well")
        notifier.status("3 of 4")
        notifier.alive()
        notifier.reloading(17)
        notifier.stopping()
        words = [manager.recv(4096).decode() for _ in range(5)]
    assert words == [
        f"READY=1\nSTATUS=all is well\nMAINPID={os.getpid()}",
        "STATUS=3 of 4",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=17",
        "STOPPING=1\nSTATUS=stopping",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_reached(tmp_path: Path) -> None:
    name = f"undercroft-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}).alive()
        assert manager.recv(100) == b"WATCHDOG=1"


def test_nobody_listening_is_no_reason_to_fail(tmp_path: Path) -> None:
    SystemdNotifier({}).ready("x")
    SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("x")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000"}, 1.5),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "3000000"}, None),
    ],
)
def test_the_watchdog_hears_us_twice_in_its_time(environ: dict[str, str], seconds: float | None) -> None:
    assert SystemdNotifier(environ).watchdog_interval_seconds == seconds
