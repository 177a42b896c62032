"""The supervisor's own log: what it says about itself, and its verdicts on actors."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

from actors.runtime.supervisor.core.child_spec import SUPERVISOR
from actors.runtime.supervisor.reports.log_ring import LogRings
from schemas.operations.supervision import LogLine

REPEAT_SECONDS: Final = 60.0
"""The same sentence again is kept back meanwhile: a fault that lasts does not fill logs and terminals."""


class SupervisorLog:
    """Keeps lines in the rings, so that `undercroft logs` shows them."""

    def __init__(self, logs: LogRings, wrote: Callable[[list[LogLine]], object]) -> None:
        """Keep nothing yet.

        Args:
            logs: the rings of all processes.
            wrote: takes every line that is kept.
        """
        self._logs = logs
        self._wrote = wrote
        self._said_at: dict[str, float] = {}

    def say(self, text: str) -> None:
        """Say something about the supervisor itself, on stderr, too."""
        now = time.monotonic()
        if now - self._said_at.get(text, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return
        self._said_at = {said: at for said, at in self._said_at.items() if now - at < REPEAT_SECONDS}
        self._said_at[text] = now
        if sys.stderr is not None:
            sys.stderr.write(f"supervisor: {text}\n")
            sys.stderr.flush()
        self._wrote(self._logs.write(SUPERVISOR, text.splitlines(), time.time()))

    def verdict(self, actor: str, text: str) -> None:
        """Say what the supervisor does to an actor, or how that ended. It stands in the log of either."""
        self._wrote(self._logs.write_verdict(actor, text, time.time()))
