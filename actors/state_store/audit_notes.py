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
from bus.error_words import in_words

SETTLE_SECONDS: Final = 2.0
"""How long after an access its note is durable. Before that it survives a kill, but not a power cut."""

PROBLEM_LIMIT: Final = 100


class AuditTrail(Protocol):
    """Who accessed which key, when and with what outcome; never the value.

    Attributes:
        problems: what is wrong with the log; the reader removes what it reports.
    """

    problems: deque[str]

    def open(self) -> None:
        """Go on behind the existing notes. For a thread."""

    def record(self, who: str, verb: str, key: str, outcome: str) -> None:
        """Add a note."""

    async def run(self) -> None:
        """Make notes durable, until cancelled."""

    def close(self) -> None:
        """Make all notes durable. For a thread."""


class AuditNotes:
    """The audit log of a home. If a note cannot be written, the access is answered and a problem is kept."""

    def __init__(self, log: AuditLog, clock: Callable[[], float] = time.time) -> None:
        """Nothing is opened yet.

        Args:
            log: where the notes go.
            clock: seconds since the Unix epoch.
        """
        self.problems: deque[str] = deque(maxlen=PROBLEM_LIMIT)
        self._log = log
        self._clock = clock
        self._noted = anyio.Event()

    @classmethod
    def of(cls, state: Path) -> Self:
        """The audit log of a home.

        Args:
            state: directory of its state.
        """
        return cls(AuditLog(*places_of(state)))

    def open(self) -> None:
        """See `AuditTrail.open`; signs of tampering become problems."""
        try:
            self.problems.extend(
                str(finding) for finding in self._log.open(self._clock()) if finding.trouble != "torn_tail"
            )
        except (OSError, DurableWriteFailed) as error:
            self.problems.append(f"the audit log cannot be opened: {in_words(error)}")

    def record(self, who: str, verb: str, key: str, outcome: str) -> None:
        """See `AuditTrail.record`."""
        try:
            self._log.record(who, verb, key, outcome)
        except AuditNotWritten as error:
            self.problems.append(str(error))
        self._noted.set()

    async def run(self) -> None:
        """See `AuditTrail.run`."""
        while True:
            await self._noted.wait()
            await anyio.sleep(SETTLE_SECONDS)
            self._noted = anyio.Event()
            try:
                await anyio.to_thread.run_sync(self._log.checkpoint)
            except AuditNotWritten as error:
                self.problems.append(str(error))

    def close(self) -> None:
        """See `AuditTrail.close`."""
        self._log.close()
