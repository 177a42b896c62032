"""Cuts the output of a process into lines of bounded length. Pure."""

from __future__ import annotations

from typing import Final

LINE_LIMIT_BYTES: Final = 8 * 1024


class LineCutter:
    """Bytes in, lines out. Lines longer than LINE_LIMIT_BYTES become several."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Take bytes and return the lines that they complete."""
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
        """Return what came last and had no end of line."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "replace")
