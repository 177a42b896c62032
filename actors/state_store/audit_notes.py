"""Notes every access in the audit log before it is answered, and makes the notes durable a moment later."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, Self

import anyio
import anyio.to_thread

from actors.shared.audit.audit_files import places_of
from actors.shared.audit.audit_log import AuditLog, AuditNotWritten
from actors.shared.durable.durable_write import DurableWriteFailed

SETTLE_SECONDS: Final = 2.0
"""So long after an access its note is durable; before that it outlives a kill, and a power cut may take it."""

PROBLEM_LIMIT: Final = 100


class Audit(Protocol):
    """Who touched which key, when, with what outcome; never the value.

    Attributes:
        problems: what is wrong with the log; whoever tells takes them out.
    """

    problems: deque[str]

    def open(self) -> None:
        """Go on behind what lies there. For a thread."""

    def record(self, who: str, verb: str, key: str, outcome: str) -> None:
        """Take a note."""

    async def settle(self) -> None:
        """Make notes durable, until cancelled."""

    def close(self) -> None:
        """Make all of them durable. For a thread."""


class Auditor:
    """The audit log of a home. An access is answered also where its note cannot be written; that is told."""

    def __init__(self, log: AuditLog, clock: Callable[[], float] = time.time) -> None:
        """Args: clock: seconds since the Unix epoch."""
        self.problems: deque[str] = deque(maxlen=PROBLEM_LIMIT)
        self._log = log
        self._clock = clock
        self._noted = anyio.Event()

    @classmethod
    def of(cls, state: Path) -> Self:
        """The audit log of the home whose state lies in this directory."""
        return cls(AuditLog(*places_of(state)))

    def open(self) -> None:
        """See `Audit.open`; what was tampered with is among the problems."""
        try:
            self.problems.extend(
                str(finding) for finding in self._log.open(self._clock()) if finding.trouble != "torn_tail"
            )
        except (OSError, DurableWriteFailed) as error:
            self.problems.append(f"the audit log cannot be opened: {error}")

    def record(self, who: str, verb: str, key: str, outcome: str) -> None:
        """See `Audit.record`."""
        try:
            self._log.record(who, verb, key, outcome)
        except AuditNotWritten as error:
            self.problems.append(str(error))
        self._noted.set()

    async def settle(self) -> None:
        """See `Audit.settle`."""
        while True:
            await self._noted.wait()
            await anyio.sleep(SETTLE_SECONDS)
            self._noted = anyio.Event()
            try:
                await anyio.to_thread.run_sync(self._log.checkpoint)
            except AuditNotWritten as error:
                self.problems.append(str(error))

    def close(self) -> None:
        """See `Audit.close`."""
        self._log.close()
