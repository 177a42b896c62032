"""Notices that the process which started this one is gone: its end of our stdin closes, or it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable
from typing import Final

POLL_SECONDS: Final = 0.5
STDIN: Final = 0
READ_SIZE_BYTES: Final = 64 * 1024


@contextlib.asynccontextmanager
async def parent_watched(gone: Callable[[str], object], parent: int | None = None) -> AsyncIterator[None]:
    """Within the block, call `gone` with a reason once stdin ends or the parent is gone.

    Stdin counts only where it is a pipe or a socket: the null device and a file end at once, and a terminal
    belongs to a person. What is written to it is read and thrown away.

    Args:
        gone: called on the event loop, perhaps for both reasons.
        parent: the process id of the parent when this process began; None: as it is now.
    """
    parent = os.getppid() if parent is None else parent
    watching = asyncio.ensure_future(_until_gone(parent))
    watching.add_done_callback(
        lambda done: None if done.cancelled() else gone(f"its parent (process {parent}) is gone")
    )
    stop_reading = _watch_stdin(lambda: gone("its stdin has ended")) if _is_channel(STDIN) else None
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        if stop_reading is not None:
            stop_reading()


def _watch_stdin(ended: Callable[[], object]) -> Callable[[], object]:
    """Call `ended` at the end of stdin; returns what stops watching."""
    loop = asyncio.get_running_loop()
    if os.name == "nt":  # pipes cannot be waited for there

        def pump() -> None:
            with contextlib.suppress(OSError, RuntimeError):
                while os.read(STDIN, READ_SIZE_BYTES):
                    continue
                loop.call_soon_threadsafe(ended)

        threading.Thread(target=pump, name="stdin", daemon=True).start()
        return lambda: None

    def read() -> None:
        try:
            if os.read(STDIN, READ_SIZE_BYTES):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass  # as good as its end
        loop.remove_reader(STDIN)
        ended()

    loop.add_reader(STDIN, read)
    return lambda: loop.remove_reader(STDIN)


async def _until_gone(parent: int) -> None:
    """Return once the parent has ended: then this process has another one."""
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells of it on every platform
        await asyncio.sleep(POLL_SECONDS)


def _is_channel(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
