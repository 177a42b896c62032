"""The log lines of all processes: cut from their pipes, kept in a ring that is bounded in lines and in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from bus.log_handler import ECHO
from schemas.operations.supervision import LogLine

RING_LIMIT_LINES: Final = 2_000
RING_LIMIT_BYTES: Final = 1024 * 1024
LINE_LIMIT_BYTES: Final = 8 * 1024
LAST_WORDS_LINES: Final = 60
LAST_WORDS_LIMIT_BYTES: Final = 6 * 1024
FINAL_WORDS_LINES: Final = 400
FINAL_WORDS_LIMIT_BYTES: Final = 32 * 1024
"""Of a crash record, which keeps the stacks of all threads as well."""


class LineCutter:
    """Bytes in, lines out. Longer lines than LINE_LIMIT_BYTES are cut into several."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Lines that are complete with these bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        pieces = [
            line[at : at + LINE_LIMIT_BYTES]
            for line in lines
            for at in range(0, max(1, len(line)), LINE_LIMIT_BYTES)
        ]
        while len(self._rest) >= LINE_LIMIT_BYTES:
            pieces.append(self._rest[:LINE_LIMIT_BYTES])
            self._rest = self._rest[LINE_LIMIT_BYTES:]
        return [_text(piece) for piece in pieces]

    def finish(self) -> list[str]:
        """What came last and had no end of line."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


class LogRing:
    """The newest lines of one process."""

    def __init__(self, limit_lines: int = RING_LIMIT_LINES, limit_bytes: int = RING_LIMIT_BYTES) -> None:
        self._limit_lines = limit_lines
        self._limit_bytes = limit_bytes
        self._lines: deque[LogLine] = deque()
        self._size_bytes = 0
        self.dropped = 0

    def append(self, line: LogLine) -> None:
        """Keep a line; the oldest ones make room."""
        self._lines.append(line)
        self._size_bytes += len(line.text)
        while len(self._lines) > self._limit_lines or (
            self._size_bytes > self._limit_bytes and len(self._lines) > 1
        ):
            self._size_bytes -= len(self._lines.popleft().text)
            self.dropped += 1

    def newest(self, limit: int) -> list[LogLine]:
        """The newest lines, oldest first."""
        return list(self._lines)[-limit:] if limit > 0 else []

    def __len__(self) -> int:
        return len(self._lines)


class Logs:
    """A ring for each process."""

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        """Args: redact: takes out what is private."""
        self.redact = redact
        self._rings: dict[str, LogRing] = {}

    def write(self, actor: str, texts: list[str], at: float) -> list[LogLine]:
        """Keep lines of a process; returns them with name and time."""
        ring = self._rings.setdefault(actor, LogRing())
        lines = [self._line(actor, at, text) for text in texts]
        for line in lines:
            ring.append(line)
        return lines

    def _line(self, actor: str, at: float, text: str) -> LogLine:
        return LogLine(
            actor=actor, at=at, text=self.redact(text.removeprefix(ECHO)), recorded=text.startswith(ECHO)
        )

    def newest(self, actor: str | None, limit: int) -> tuple[list[LogLine], int]:
        """The newest lines of one process or of all, oldest first, and how many older ones exist no more or did not fit."""
        rings = (
            [self._rings[actor]]
            if actor in self._rings
            else []
            if actor is not None
            else list(self._rings.values())
        )
        lines = sorted((line for ring in rings for line in ring.newest(limit)), key=lambda line: line.at)
        kept = lines[-limit:] if limit > 0 else []
        return kept, sum(ring.dropped + len(ring) for ring in rings) - len(kept)

    def last_words(self, actor: str, since: float) -> str:
        """The tail of what a process wrote since it was started."""
        ring = self._rings.get(actor)
        lines = [line.text for line in ring.newest(LAST_WORDS_LINES) if line.at >= since] if ring else []
        return "\n".join(lines)[-LAST_WORDS_LIMIT_BYTES:]

    def final_words(self, actor: str, since: float) -> str:
        """The longer tail of what a process wrote since it was started, without the records that went to the bus as well."""
        ring = self._rings.get(actor)
        lines = (
            [line.text for line in ring.newest(FINAL_WORDS_LINES) if line.at >= since and not line.recorded]
            if ring
            else []
        )
        return "\n".join(lines)[-FINAL_WORDS_LIMIT_BYTES:]


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "replace")
