"""What the supervisor adopts: children of a fork server that died, and descendants of processes that ended.

Where the system does not let a process adopt orphans (macOS, Windows), nothing of this happens: there, what
starts a session of its own outlives its child.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable
from typing import Final

from actors.runtime import process_name
from actors.runtime.supervisor.processes.descendants.child_groups import ChildGroups, own_group
from actors.runtime.supervisor.processes.descendants.process_tree import (
    ancestors_of,
    children_of,
    mark_of,
    marked,
)
from actors.runtime.supervisor.processes.spawner import end_group

AGAIN_SECONDS: Final = 0.02
SERVER_SECONDS: Final = 2.0
"""A fork server whose socket is closed leaves within this time, or is killed."""


def end_leftovers(home: str, own: str) -> set[int]:
    """Kill what former runtimes of this home left behind: they and their fork servers were killed together.

    Args:
        home: what the marks of all runtimes of this home begin with.
        own: what those of the present one begin with.

    Returns:
        The processes that were killed.
    """
    killed = set()
    groups, deadline = ChildGroups(own_group()), time.monotonic() + SERVER_SECONDS
    groups.end_all(home, own)
    while groups.is_emptying and time.monotonic() < deadline:
        time.sleep(AGAIN_SECONDS)
        groups.end(())
    for pid in marked(home).keys() - ancestors_of(os.getpid()):
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(pid)
            try:
                if (mark := mark_of(pid)).startswith(home) and not mark.startswith(own):  # still the same one
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    killed.add(pid)
            finally:
                os.close(descriptor)
    return killed


class AdoptedProcesses:
    """Adopts orphans from now on, and ends them where their child has ended."""

    def __init__(self, prefix: str, live: Callable[[], Iterable[str]] = tuple) -> None:
        """Adopt orphans.

        Args:
            prefix: what the marks of our own descendants begin with.
            live: the marks of the children that run.
        """
        self._prefix = prefix
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._doomed: set[int] = set()
        self._groups = ChildGroups(own_group())
        self._timer: asyncio.TimerHandle | None = None
        self._adopts = bool(prefix) and process_name.adopt_orphans()

    def sweep(self, known: Collection[int] = ()) -> None:
        """End what was adopted and has outlived its child, and what that leaves behind.

        Args:
            known: processes that were children of a fork server; those that we adopted end with their
                groups.
        """
        if not self._adopts:
            for pid in known:
                end_group(pid)
            return
        if known:
            self._groups.end_all(self._prefix)
        for pid in children_of(os.getpid()).intersection(known):
            end_group(pid)  # safe: it is our child now, and keeps its id until it is reaped
            self._doomed.add(pid)
        if self._end_doomed() and self._timer is None:
            self._timer = self._loop.call_later(AGAIN_SECONDS, self._sweep_again)

    def close(self) -> None:
        """End what is left, and adopt no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._adopts:
            self._live = tuple
            deadline = time.monotonic() + SERVER_SECONDS
            while self._end_doomed() and time.monotonic() < deadline:
                time.sleep(AGAIN_SECONDS / 10)
            self._groups.end_all(self._prefix)
            process_name.leave_orphans()

    def end_server(self, pid: int, process: subprocess.Popen[bytes] | None) -> None:
        """Wait for the end of a server whose socket is closed; kill it if it hangs."""
        deadline = time.monotonic() + SERVER_SECONDS
        with contextlib.suppress(ChildProcessError, ProcessLookupError):  # it was waited for already
            while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    break
                time.sleep(AGAIN_SECONDS / 10)
            if process is None:
                os.waitpid(pid, 0)
        if process is not None:
            process.wait()

    def _sweep_again(self) -> None:
        self._timer = None
        self.sweep()

    def _end_doomed(self) -> bool:
        """Kill and reap what has outlived its child; whether anything is left."""
        live = frozenset(self._live())
        for pid in children_of(os.getpid()) - self._doomed:
            if (mark := mark_of(pid)).startswith(self._prefix) and mark not in live:
                self._doomed.add(pid)
        for pid in list(self._doomed):
            try:
                os.kill(pid, signal.SIGKILL)
                if os.waitpid(pid, os.WNOHANG)[0]:
                    self._doomed.discard(pid)
            except (ChildProcessError, ProcessLookupError):
                self._doomed.discard(pid)
        self._groups.end(())
        return bool(self._doomed)
