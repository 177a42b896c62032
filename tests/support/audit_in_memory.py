"""An audit log for tests and benchmarks that is never written to a disk."""

from __future__ import annotations

import asyncio
from collections import deque


class AuditInMemory:
    """An audit log that keeps its notes in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str, str]] = []
        self.problems: deque[str] = deque()
        self.is_closed = False

    def open(self) -> None:
        """Nothing lies there yet."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        self.is_closed = True

    def record(self, who: str, verb: str, key: str, outcome: str) -> None:
        self.lines.append((who, verb, key, outcome))
