"""Starts many runtimes one after the other, each forked from a process that has everything imported.

A process of its own, since a process that has a connection to a bus must not fork. It reads one JSON object a
line, and prints what becomes of each runtime.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import sys
import traceback
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from actors.runtime.supervisor.interfaces import SupervisorObserver
from actors.runtime.supervisor.start import run_supervisor
from schemas.operations.supervision import SupervisorStatusEvent

LOOK_SECONDS = 0.02


class Life:
    """One runtime.

    Attributes:
        pid: of its supervisor.
        settled: what it says once every child is ready or has failed.
        ended: its exit code.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.pid = 0
        self.started: asyncio.Future[None] = loop.create_future()
        self.settled: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()


class RuntimeLauncher:
    """The near side: asks for runtimes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lives: dict[int, Life] = {}
        self._next = 0

    async def start(
        self, home: Path, profile: Path | str, environment: Mapping[str, str] | None = None
    ) -> Life:
        """Start a runtime; returns once its process exists."""
        self._next += 1
        life = self._lives[self._next] = Life()
        order: dict[str, Any] = {"id": self._next, "home": str(home), "profile": str(profile)}
        order["environment"] = dict(environment or {})
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await life.started
        return life

    async def read(self) -> None:
        """Take in what becomes of them."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            life = self._lives[told["id"]]
            if "pid" in told:
                life.pid = told["pid"]
                life.started.set_result(None)
            elif "settled" in told:
                if not life.settled.done():
                    life.settled.set_result(told["settled"])
            else:
                life.ended.set_result(told["ended"])


@contextlib.asynccontextmanager
async def runtime_launcher() -> AsyncIterator[RuntimeLauncher]:
    """A launcher for the time of the block; every runtime ends with it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.support.runtime_launcher"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    launcher = RuntimeLauncher(process)
    reading = asyncio.ensure_future(launcher.read())
    try:
        yield launcher
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await reading


class _Settled(SupervisorObserver):
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def settled(self, overview: SupervisorStatusEvent) -> None:
        os.write(self._fd, msgspec.json.encode(overview) + b"\n")


class _FarSide:
    """The process that forks."""

    def __init__(self) -> None:
        self._pipes: dict[int, tuple[int, bytes]] = {}
        self._children: dict[int, int] = {}

    def run(self) -> None:
        rest, is_open = b"", True
        while is_open or self._children:
            ready, _, _ = select.select([0] if is_open else [], [], [], LOOK_SECONDS)
            if ready:
                data = os.read(0, 65536)
                is_open = bool(data)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._start(json.loads(line))
            self._read_pipes()
            self._reap()
            if not is_open:
                for pid in self._children:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, 9)

    def _start(self, order: dict[str, Any]) -> None:
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            self._become_runtime(order, theirs)
        os.close(theirs)
        os.set_blocking(ours, False)
        self._pipes[ours] = (order["id"], b"")
        self._children[pid] = order["id"]
        self._tell(id=order["id"], pid=pid)

    def _become_runtime(self, order: dict[str, Any], settled: int) -> None:
        code = 1
        try:
            os.setsid()
            home = Path(order["home"])
            home.mkdir(parents=True, exist_ok=True)
            log = os.open(home / "stderr.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            null = os.open(os.devnull, os.O_RDWR)
            for fd, standard in ((null, 0), (null, 1), (log, 2)):
                os.dup2(fd, standard)
            os.environ.update(order["environment"])
            run_supervisor(home=str(home), profile=order["profile"], observers=[_Settled(settled)])
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)

    def _read_pipes(self) -> None:
        for fd, (number, rest) in list(self._pipes.items()):
            with contextlib.suppress(BlockingIOError):
                data = os.read(fd, 1 << 20)
                if not data:
                    os.close(fd)
                    del self._pipes[fd]
                    continue
                *lines, rest = (rest + data).split(b"\n")
                self._pipes[fd] = (number, rest)
                for line in lines:
                    self._tell(id=number, settled=json.loads(line))

    def _reap(self) -> None:
        for pid in list(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._tell(id=self._children.pop(pid), ended=os.waitstatus_to_exitcode(status))

    def _tell(self, **what: Any) -> None:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    from actors.runtime.supervisor.processes.fork_server import preload

    preload()
    _FarSide().run()
