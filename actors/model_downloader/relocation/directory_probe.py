"""Tells whether a directory is there, and never waits longer for a disk than a deadline.

A mount whose server is gone answers no system call. So the look happens in a thread of its own, which costs
nothing more than that thread if it never returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Final, Literal

PROBE_SECONDS: Final = 2.0

Presence = Literal["there", "missing", "silent"]
"""`silent`: the disk does not answer, so nothing is known."""


class DirectoryProbe:
    """Looks at one directory at a time. Requests that come meanwhile share the look that is under way."""

    def __init__(self, probe_seconds: float = PROBE_SECONDS) -> None:
        self._probe_seconds = probe_seconds
        self._look: _Look | None = None

    async def presence(self, directory: Path) -> Presence:
        """Whether a directory is there."""
        look = self._look
        if look is None or look.directory != directory or look.answer.done():
            look = self._look = _Look(directory)
        left_seconds = look.began_at + self._probe_seconds - asyncio.get_running_loop().time()
        await asyncio.wait([look.answer], timeout=max(0.0, left_seconds))
        if not look.answer.done():
            return "silent"
        return "there" if look.answer.result() else "missing"

    async def until_answered(self) -> None:
        """Wait until the last look has an answer, however long its disk takes."""
        if self._look is not None:
            await asyncio.wait([self._look.answer])


class _Look:
    """One look at a directory, in a thread of its own that no exit of the process waits for."""

    def __init__(self, directory: Path) -> None:
        loop = asyncio.get_running_loop()
        self.directory = directory
        self.began_at = loop.time()
        self.answer: asyncio.Future[bool] = loop.create_future()
        threading.Thread(target=self._run, args=(loop,), name="directory probe", daemon=True).start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            is_there = self.directory.is_dir()
        except OSError:  # such as a server that closed the connection
            is_there = False
        with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
            loop.call_soon_threadsafe(self._settle, is_there)

    def _settle(self, is_there: bool) -> None:
        if not self.answer.done():
            self.answer.set_result(is_there)
