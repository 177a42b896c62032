"""Waits for a disk that may never answer, such as that of a server that is gone: no longer than it shows signs of life."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from actors.state_store.backups.errors import PlaceSilent

PATIENCE_SECONDS: Final = 60.0
PROBE_SECONDS: Final = 5.0
"""For what takes a moment only."""

SLICE_SECONDS: Final = 0.5
"""So soon whoever waits hears that it is to end."""

ResultT = TypeVar("ResultT")
Beat = Callable[[], None]
"""Called by the work whenever something came; raises GivenUp once nobody waits for it any more."""


class GivenUp(BaseException):
    """Ends work that nobody waits for any more; never leaves its thread."""


def patiently(
    place: Path,
    work: Callable[[Beat], ResultT],
    patience_seconds: float = PATIENCE_SECONDS,
    is_ending: Callable[[], bool] = lambda: False,
) -> ResultT:
    """Do some work in a thread of its own, and wait for as long as it goes on, or until `is_ending` says that nobody wants it any more.

    The thread is a daemon and cannot be ended: one that hangs stays until its disk answers, or the process
    ends.

    Raises:
        PlaceSilent: nothing came for so long.
        whatever the work raises.
    """
    attempt: _Attempt[ResultT] = _Attempt(work)
    threading.Thread(target=attempt.run, name="patience", daemon=True).start()
    while not attempt.ended.wait(
        min(SLICE_SECONDS, max(0.0, attempt.beaten_at + patience_seconds - time.monotonic()))
    ):
        if is_ending() or time.monotonic() - attempt.beaten_at >= patience_seconds:
            attempt.is_given_up = True
            raise PlaceSilent(str(place), patience_seconds)
    return attempt.result()


class _Attempt(Generic[ResultT]):
    """One piece of work, and what came of it."""

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
        except BaseException as error:  # handed over to who waits
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
