"""Reports the state of the supervisor to systemd (sd_notify(3)): datagrams to the socket in NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class SystemdNotifier:
    """Reports to the service manager, if there is one. Failing to reach it is no error."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._watchdog_seconds = _watchdog_seconds(environ)

    @property
    def watchdog_interval_seconds(self) -> float | None:
        """How often to call `alive`: half of what sd_watchdog_enabled(3) allows; None without a watchdog."""
        return self._watchdog_seconds / 2 if self._address and self._watchdog_seconds else None

    def ready(self, status: str) -> None:
        """Report that everything is up."""
        self._send(f"READY=1\nSTATUS={status}\nMAINPID={os.getpid()}")

    def status(self, status: str) -> None:
        """Show one line to people."""
        self._send(f"STATUS={status}")

    def stopping(self) -> None:
        """Report that the runtime stops."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def reloading(self, monotonic_microseconds: int) -> None:
        """Report that the profile is read again; `ready` follows."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_microseconds}")

    def alive(self) -> None:
        """Report that the event loop runs."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                channel.sendto(state.encode(), self._address)
        except OSError:
            return


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    microseconds, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / 1e6
