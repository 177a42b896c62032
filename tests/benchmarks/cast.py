"""Processes that play a part in a benchmark: started, talked to over a pipe, killed at the end."""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import bus.broker.broker_process
from bus.broker.broker_process import BrokerOptions
from bus.broker.roster import generous_roster
from bus.discovery import Runtime

GUARD_SECONDS = 60.0
"""Nobody is waited for longer than this; it ends a benchmark that would hang."""

_processes = multiprocessing.get_context("spawn")


class Part:
    """One process that plays a part: a function that is given its end of a pipe, and further arguments."""

    def __init__(self, play: Callable[..., None], *arguments: Any) -> None:
        self._pipe, other = _processes.Pipe()
        self._process: BaseProcess = _processes.Process(
            target=_play, args=(play, other, *arguments), daemon=True
        )
        self._process.start()
        other.close()

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process.pid is not None
        return self._process.pid

    def hear(self) -> Any:
        """What the process says next.

        Raises:
            TimeoutError: it says nothing.
            EOFError: it is gone.
        """
        if not self._pipe.poll(GUARD_SECONDS):
            raise TimeoutError(f"process {self.pid} said nothing for {GUARD_SECONDS} s")
        return self._pipe.recv()

    def tell(self, message: Any) -> None:
        """Tell the process something."""
        self._pipe.send(message)

    def end(self) -> None:
        """Kill it and wait until it is gone."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


class Stage:
    """Where the parts of one run play; a directory of their own for sockets and files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stack = contextlib.ExitStack()

    def part(self, play: Callable[..., None], *arguments: Any) -> Part:
        """Start a process."""
        part = Part(play, *arguments)
        self._stack.callback(part.end)
        return part

    def endpoint(self, name: str) -> str:
        """An ipc endpoint."""
        return f"ipc://{self.directory}/{name}"

    def broker(self) -> Runtime:
        """Start our broker; returns what clients are told."""
        options = BrokerOptions(
            lane=self.endpoint("lane"),
            feed=self.endpoint("feed"),
            token="benchmark",
            roster=generous_roster(),
        )
        part = self.part(play_broker, options)
        return Runtime(
            app="benchmark",
            pid=part.pid,
            started_at=time.time(),
            lane=options.lane,
            feed=options.feed,
            token=options.token,
        )

    def nats_server(self) -> str:
        """Start nats-server on the loopback; returns its URL."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            nats_server_path(),
            "-a",
            "127.0.0.1",
            "-p",
            str(port),
            "-l",
            str(self.directory / "nats.log"),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._stack.callback(_end, process)
        wait_until_listening(port)
        return f"nats://127.0.0.1:{port}"

    def close(self) -> None:
        """End all processes, the last first."""
        self._stack.close()


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """A stage for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="ucb-") as directory:
        stage = Stage(Path(directory))
        try:
            yield stage
        finally:
            stage.close()


def play_broker(pipe: Connection, options: BrokerOptions) -> None:
    """Be the broker."""
    bus.broker.broker_process.run(options, None)


def nats_server_path() -> str:
    """Where nats-server lies; Debian puts it where only root looks."""
    return (
        shutil.which("nats-server")
        or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin:/usr/local/sbin")
        or ""
    )


def nats_missing() -> str:
    """Why NATS cannot take part; empty if it can."""
    if not nats_server_path():
        return "there is no nats-server here (Debian: apt-get install nats-server)"
    return package_missing("nats", "nats-py")


def package_missing(module: str, package: str) -> str:
    """Why a peer from PyPI cannot take part; empty if it can."""
    return "" if find_spec(module) else f"{package} is not installed (uv sync --group bench)"


def _play(play: Callable[..., None], pipe: Connection, *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    play(pipe, *arguments)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def wait_until_listening(port: int) -> None:
    """Wait until somebody listens on a port of the loopback."""
    deadline = time.monotonic() + GUARD_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
