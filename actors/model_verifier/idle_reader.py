"""Reads when nobody else wants to: one thread of the lowest priority, which waits while a download runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Final, TypeVar

from bus.errors import UndercroftError

QUIET_SECONDS: Final = 2.0
"""A download that reported progress within this time still runs, and idle reading waits for it."""

NICENESS: Final = 19
_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "armv7l": 314}  # ioprio_set(2)
_IOPRIO_WHO_PROCESS: Final = 1
_IOPRIO_CLASS_IDLE: Final = 3 << 13
_DARWIN_THREAD, _DARWIN_BACKGROUND = 3, 0x1000  # setpriority(2) of macOS
_WINDOWS_BACKGROUND: Final = 0x00010000  # THREAD_MODE_BACKGROUND_BEGIN

ResultT = TypeVar("ResultT")


class IdleReadAbandoned(UndercroftError):
    """Idle reading was given up because the verifier stops."""

    words = "the verifier stops"


class IdleReader:
    """Its thread is made when it is first needed."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Read nothing yet.

        Args:
            now: seconds on a steady clock.
        """
        self._now = now
        self._progressed_at: float | None = None
        self._closed = False
        self._changed = threading.Condition()

    @cached_property
    def _executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="idle", initializer=lower_priority)

    def download_progressed(self) -> None:
        """Note that a download runs: reading waits until it is over."""
        self._progressed_at = self._now()

    def pause(self) -> None:
        """Wait while a download runs. Called by the reading thread.

        Raises:
            IdleReadAbandoned: the verifier stops.
        """
        with self._changed:
            while not self._closed and (seconds := pause_seconds(self._progressed_at, self._now())):
                self._changed.wait(seconds)
            if self._closed:
                raise IdleReadAbandoned

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Do work in the idle thread, after all work that was given to it before.

        Raises:
            IdleReadAbandoned: `close` was called before it was done.
        """
        if self._closed:
            raise IdleReadAbandoned
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except asyncio.CancelledError:
            if self._closed:  # it waited behind other work, and was removed from the queue
                raise IdleReadAbandoned from None
            raise

    def close(self) -> None:
        """Make the thread give up at its next buffer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if "_executor" in self.__dict__:
            self._executor.shutdown(wait=False, cancel_futures=True)


def pause_seconds(progressed_at: float | None, now: float) -> float:
    """How long idle reading waits. Pure.

    Args:
        progressed_at: when a download last reported progress; None for never.
        now: seconds on the same clock.
    """
    return 0.0 if progressed_at is None else max(0.0, progressed_at + QUIET_SECONDS - now)


def lower_priority() -> None:
    """Give this thread the lowest priority for processor and disk that the platform has, if it has any."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
            _lower_disk_priority()
        elif sys.platform == "darwin":
            os.setpriority(_DARWIN_THREAD, 0, _DARWIN_BACKGROUND)
        elif sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.SetThreadPriority(kernel.GetCurrentThread(), _WINDOWS_BACKGROUND)


def _lower_disk_priority() -> None:
    """Put the calling thread into the idle class of the Linux I/O scheduler; libc has no wrapper for it."""
    import ctypes

    if (number := _IOPRIO_SET.get(platform.machine())) is not None:
        ctypes.CDLL(None).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_CLASS_IDLE)
