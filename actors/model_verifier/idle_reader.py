"""Reads when nobody else wants to: a thread of the lowest priority, which waits while a download runs."""

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

from actors.model_verifier.file_verdict import pause_seconds

NICENESS: Final = 19
_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "armv7l": 314}  # ioprio_set(2)
_IOPRIO_WHO_PROCESS: Final = 1
_IOPRIO_CLASS_IDLE: Final = 3 << 13
_DARWIN_THREAD, _DARWIN_BACKGROUND = 3, 0x1000  # setpriority(2) of macOS
_WINDOWS_BACKGROUND: Final = 0x00010000  # THREAD_MODE_BACKGROUND_BEGIN

ResultT = TypeVar("ResultT")


class IdleReadAbandoned(Exception):
    """Idle reading was given up, since the verifier stops."""


class IdleReader:
    """One thread of the lowest priority, made when it is first needed."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._progressed_at: float | None = None
        self._closed = False
        self._changed = threading.Condition()

    @cached_property
    def _executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="idle", initializer=lower_priority)

    def download_progressed(self) -> None:
        """Somebody downloads: wait until that is over."""
        self._progressed_at = self._now()

    def pause(self) -> None:
        """Wait while a download runs; for the reading thread.

        Raises:
            IdleReadAbandoned: the verifier stops.
        """
        with self._changed:
            while not self._closed and (seconds := pause_seconds(self._progressed_at, self._now())):
                self._changed.wait(seconds)
            if self._closed:
                raise IdleReadAbandoned

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Do work in the idle thread, one after the other.

        Raises:
            IdleReadAbandoned: `close` was called before it was done.
        """
        if self._closed:
            raise IdleReadAbandoned
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except asyncio.CancelledError:
            if self._closed:  # it waited behind other work, and was taken out of the queue
                raise IdleReadAbandoned from None
            raise

    def close(self) -> None:
        """Have the thread give up at its next buffer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if "_executor" in self.__dict__:
            self._executor.shutdown(wait=False, cancel_futures=True)


def lower_priority() -> None:
    """Give this thread the lowest priority for processor and disk that the platform has; where it has none, nothing changes."""
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
    """The idle class of the Linux I/O scheduler for the calling thread, which has no wrapper in the C library."""
    import ctypes

    if (number := _IOPRIO_SET.get(platform.machine())) is not None:
        ctypes.CDLL(None).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_CLASS_IDLE)
