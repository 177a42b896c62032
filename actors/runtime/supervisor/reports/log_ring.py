"""The newest log lines of all processes, in rings with a limit of lines and of bytes."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Final

from actors.runtime.supervisor.core.child_spec import SUPERVISOR
from bus.plain_text import plain_line
from bus.telemetry.log_handler import ECHO, echoed
from bus.telemetry.stream_redaction import StreamRedactor
from schemas.operations.supervision import LogLine

RING_LIMIT_LINES: Final = 2_000
RING_LIMIT_BYTES: Final = 1024 * 1024
LINE_LIMIT: Final = 8 * 1024
"""Characters of one line in the ring; a longer line becomes several."""

TEXT_LIMIT: Final = 128 * 1024
"""Most characters of what comes in as one line; it is kept as lines of LINE_LIMIT."""

CORRELATION_LIMIT: Final = 256
LAST_WORDS_LINES: Final = 60
LAST_WORDS_LIMIT_BYTES: Final = 6 * 1024
FINAL_WORDS_LINES: Final = 400
FINAL_WORDS_LIMIT_BYTES: Final = 32 * 1024
"""For a crash record, which keeps the stacks of all threads as well."""


class LogRing:
    """The newest lines of one process.

    Attributes:
        dropped: number of lines that were overwritten.
    """

    def __init__(self, limit_lines: int = RING_LIMIT_LINES, limit_bytes: int = RING_LIMIT_BYTES) -> None:
        self._limit_lines = limit_lines
        self._limit_bytes = limit_bytes
        self._lines: deque[tuple[int, LogLine]] = deque()
        self._size_bytes = 0
        self.dropped = 0

    def append(self, line: LogLine, place: int = 0) -> None:
        """Keep a line, and its place among those of all processes; the oldest ones make room."""
        self._lines.append((place, line))
        self._size_bytes += len(line.text)
        while len(self._lines) > self._limit_lines or (
            self._size_bytes > self._limit_bytes and len(self._lines) > 1
        ):
            self._size_bytes -= len(self._lines.popleft()[1].text)
            self.dropped += 1

    def newest(self, limit: int) -> list[LogLine]:
        """The newest lines, oldest first."""
        return [line for _, line in self.placed(limit)]

    def placed(self, limit: int) -> list[tuple[int, LogLine]]:
        """The same with their places."""
        return list(self._lines)[-limit:] if limit > 0 else []

    @property
    def count(self) -> int:
        """How many lines were ever written."""
        return self.dropped + len(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


class LogRings:
    """A ring for each process.

    Attributes:
        redact: removes what is private from a text.
    """

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        self.redact = redact
        self._rings: dict[str, LogRing] = {}
        self._streams: dict[str, StreamRedactor] = {}
        self._places = itertools.count()

    def write(self, actor: str, texts: list[str], at: float) -> list[LogLine]:
        """Keep lines of a process; returns them with name and time, redacted first and only then cut."""
        ring = self._rings.setdefault(actor, LogRing())
        lines = [line for text in texts for line in self._lines(actor, at, text)]
        for line in lines:
            ring.append(line, next(self._places))
        return lines

    def write_verdict(self, actor: str, text: str, at: float) -> list[LogLine]:
        """Keep what the supervisor says about an actor, in the rings of both: its own has no chatter."""
        words = plain_line(f"{SUPERVISOR}: {text}", TEXT_LIMIT)
        line = LogLine(actor=actor, at=at, text=self.redact(words), verdict=True)
        place = next(self._places)
        for name in (actor, SUPERVISOR):
            self._rings.setdefault(name, LogRing()).append(line, place)
        return [line]

    def newest(self, actor: str | None, limit: int) -> tuple[list[LogLine], int]:
        """The newest lines of one process or of all, oldest first, and the number of older ones left out.

        Those of the supervisor are its own and its verdicts on all actors.
        """
        found = [self._of_ring(name, actor, limit) for name in self._rings]
        # By their places, not by their times: the clock may be set back. A verdict is in two rings.
        distinct = {place: line for lines, _ in found for place, line in lines}
        kept = [distinct[place] for place in sorted(distinct)[-limit:]] if limit > 0 else []
        total = sum(size for _, size in found) - sum(len(lines) for lines, _ in found) + len(distinct)
        return kept, total - len(kept)

    def _of_ring(self, name: str, actor: str | None, limit: int) -> tuple[list[tuple[int, LogLine]], int]:
        """Lines of one ring that belong to an actor (None: to any), and how many there ever were of them."""
        ring = self._rings[name]
        if actor in (None, name):
            return ring.placed(limit), ring.count
        if name != SUPERVISOR or limit <= 0:
            return [], 0
        lines = [placed for placed in ring.placed(RING_LIMIT_LINES) if placed[1].actor == actor][-limit:]
        return lines, len(lines)

    def count(self, actor: str) -> int:
        """How many lines a process has written in all its lives."""
        return self._rings[actor].count if actor in self._rings else 0

    def last_words(self, actor: str, since: int) -> str:
        """The end of what a process wrote beyond its first `since` lines, those of its former lives."""
        lines = [line.text for line in self._since(actor, LAST_WORDS_LINES, since) if not line.verdict]
        return "\n".join(lines)[-LAST_WORDS_LIMIT_BYTES:]

    def final_words(self, actor: str, since: int) -> str:
        """The longer end of what a process wrote beyond its first `since` lines, without log records."""
        lines = [
            line.text
            for line in self._since(actor, FINAL_WORDS_LINES, since)
            if not line.recorded and not line.verdict
        ]
        return "\n".join(lines)[-FINAL_WORDS_LIMIT_BYTES:]

    def _since(self, actor: str, limit: int, since: int) -> list[LogLine]:
        ring = self._rings.get(actor)
        return ring.newest(min(limit, ring.count - since)) if ring else []

    def _lines(self, actor: str, at: float, text: str) -> list[LogLine]:
        is_recorded = text.startswith(ECHO)
        correlation, text = echoed(text) if is_recorded else ("", text)
        correlation, text = plain_line(correlation, CORRELATION_LIMIT), plain_line(text, TEXT_LIMIT)
        stream = self._streams.get(actor)
        if stream is None:
            stream = self._streams[actor] = StreamRedactor(self.redact)
        found = stream.line(text)
        correlation = self.redact(correlation)[:CORRELATION_LIMIT] if correlation else ""
        return [
            LogLine(
                actor=actor,
                at=at,
                text=found[start : start + LINE_LIMIT],
                recorded=is_recorded,
                correlation=correlation,
            )
            for start in range(0, max(1, len(found)), LINE_LIMIT)
        ]
