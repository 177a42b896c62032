"""Processes of the tour: `undercroft` commands whose output is read as it comes, and what still runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any, Final

from actors.runtime import process_name
from actors.runtime.frozen_program import interpreter_command
from bus.discovery import is_alive

KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)
"""Windows has only one way to end a process, and it is as hard."""

GRACE_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.01


class TourCommand:
    """One `undercroft` command in a process of its own. It ends with us, even if we are killed (Linux).

    Attributes:
        pid: its process id.
    """

    def __init__(self, *arguments: str) -> None:
        # Ctrl-C reaches us only, and we pass it on.
        options: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
        if process_name.IS_LINUX:
            parent_pid = os.getpid()
            options["preexec_fn"] = lambda: process_name.die_with_parent(parent_pid)
        self._process = subprocess.Popen(
            interpreter_command("actors", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
        self.pid = self._process.pid
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._errors = b""
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._read_lines, self._read_errors)
        ]
        for thread in self._threads:
            thread.start()

    async def next_line(self) -> bytes:
        """The next line of its stdout.

        Raises:
            EOFError: it has ended, with what it wrote to stderr.
        """
        line = await self._lines.get()
        if not line:
            self._lines.put_nowait(b"")
            raise EOFError(
                self._errors.decode("utf-8", "replace").strip() or f"exit code {await self._ended}"
            )
        return line

    async def end(self) -> int:
        """Wait for its end and return the exit code."""
        return await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """End it: with TERM first, with KILL if that does not help."""
        for number in (signal.SIGTERM, KILL):
            if self._ended.done():
                return
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    await self.end()

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self._call_on_loop(self._lines.put_nowait, line)
        code = self._process.wait()
        self._threads[1].join()
        self._call_on_loop(self._set_ended, code)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            self._errors = stream.read()

    def _set_ended(self, code: int) -> None:
        self._lines.put_nowait(b"")
        if not self._ended.done():
            self._ended.set_result(code)

    def _call_on_loop(self, function: Any, value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, value)


def descendants(pid: int, proc: Path = Path("/proc")) -> set[int]:
    """All descendants of a process at this moment; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for directory in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(directory.name))
    found: set[int] = set()
    todo = [pid]
    while todo:
        below = [child for child in children.get(todo.pop(), []) if child not in found]
        found.update(below)
        todo += below
    return found


def is_running(pid: int, proc: Path = Path("/proc")) -> bool:
    """Whether a process still runs. One that has ended and waits to be reaped does not."""
    try:
        return (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return is_alive(pid) and not process_name.IS_LINUX


async def all_gone(pids: set[int]) -> None:
    """Wait until none of the processes runs. They need not be our children."""
    while any(is_running(pid) for pid in pids):  # noqa: ASYNC110 - only a parent is notified
        await asyncio.sleep(POLL_SECONDS)
