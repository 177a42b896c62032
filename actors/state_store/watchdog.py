"""Runs work on a disk that may never answer, and gives it up when the disk stays silent for too long.

A network share whose server is gone blocks every system call for as long as the mount exists.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from bus.errors import UndercroftError

SILENCE_LIMIT_SECONDS: Final = 60.0
PROBE_SECONDS: Final = 5.0
"""Limit for work that takes only a moment."""

SLICE_SECONDS: Final = 0.5
"""How often the waiting thread looks whether it should stop waiting."""

ResultT = TypeVar("ResultT")
Beat = Callable[[], None]
"""The work calls this whenever the disk answered. It raises `GivenUp` once nobody waits any more."""


class DiskSilent(UndercroftError):
    """The disk does not answer, like that of a server that is gone.

    Attributes:
        path: the directory that was used.
        silence_seconds: for how long nothing came.
    """

    path: str
    silence_seconds: float
    words = "{path}: no answer for {silence_seconds:g} s; check whether its disk or its server is available"


class GivenUp(BaseException):
    """Ends work that nobody waits for any more. It never leaves the thread of that work."""


class Watchdog:
    """Waits for work as long as it shows signs of life."""

    def __init__(
        self,
        path: Path,
        silence_limit_seconds: float = SILENCE_LIMIT_SECONDS,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """Watch over work on one disk.

        Args:
            path: a directory on the disk, for the error.
            silence_limit_seconds: longest time without a beat.
            is_ending: asked again and again; True ends the wait at once.
        """
        self._path = path
        self._silence_limit_seconds = silence_limit_seconds
        self._is_ending = is_ending

    def run(self, work: Callable[[Beat], ResultT]) -> ResultT:
        """Run the work in a thread of its own and wait for its result.

        Python cannot end a thread. One that hangs stays until its disk answers or the process ends, so it is
        a daemon. Exceptions of the work are raised here.

        Raises:
            DiskSilent: no beat came for too long, or the wait was to end.
        """
        attempt: _Attempt[ResultT] = _Attempt(work)
        threading.Thread(target=attempt.run, name="watched", daemon=True).start()
        while not attempt.ended.wait(self._next_look_seconds(attempt.beaten_at)):
            if self._is_ending() or time.monotonic() - attempt.beaten_at >= self._silence_limit_seconds:
                attempt.is_given_up = True
                raise DiskSilent(str(self._path), self._silence_limit_seconds)
        return attempt.result()

    def _next_look_seconds(self, beaten_at: float) -> float:
        left_seconds = beaten_at + self._silence_limit_seconds - time.monotonic()
        return min(SLICE_SECONDS, max(0.0, left_seconds))


class _Attempt(Generic[ResultT]):
    """One run of the work, and its outcome."""

    def __init__(self, work: Callable[[Beat], ResultT]) -> None:
        self._work = work
        self._found: ResultT | None = None
        self._error: BaseException | None = None
        self.ended = threading.Event()
        self.beaten_at = time.monotonic()
        self.is_given_up = False

    def run(self) -> None:
        try:
            self._found = self._work(self._beat)
        except BaseException as error:  # raised again in the waiting thread
            self._error = error
        self.ended.set()

    def result(self) -> ResultT:
        if self._error is not None:
            raise self._error
        return self._found  # type: ignore[return-value]  # it is what the work returned

    def _beat(self) -> None:
        if self.is_given_up:
            raise GivenUp
        self.beaten_at = time.monotonic()
