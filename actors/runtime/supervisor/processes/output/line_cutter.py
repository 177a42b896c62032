"""Cuts the output of a process into lines of bounded length. Pure."""

from __future__ import annotations

import re
from typing import Final

LINE_LIMIT_BYTES: Final = 64 * 1024
"""As much as is redacted in one piece, so that no secret is cut in two before that."""

BLANK_REACH_BYTES: Final = 4 * 1024
"""How far before the limit a blank is looked for, at which a longer line is cut."""

_LAST_BLANK: Final = re.compile(rb"[ \t,;](?=[^ \t,;]*\Z)")


class LineCutter:
    """Bytes in, lines out. Lines of more than LINE_LIMIT_BYTES become several, cut at a blank if possible."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Take bytes and return the lines that they complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        pieces = [piece for line in lines for piece in _pieces(line)]
        while len(self._rest) > LINE_LIMIT_BYTES:
            end = _end_of_piece(self._rest)
            pieces.append(self._rest[:end])
            self._rest = self._rest[end:]
        return [_text(piece) for piece in pieces]

    def finish(self) -> list[str]:
        """Return what came last and had no end of line."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _pieces(line: bytes) -> list[bytes]:
    pieces: list[bytes] = []
    while len(line) > LINE_LIMIT_BYTES:
        end = _end_of_piece(line)
        pieces.append(line[:end])
        line = line[end:]
    return [*pieces, line]


def _end_of_piece(line: bytes) -> int:
    """Where a line that is too long is cut: behind its last blank before the limit, else at the limit."""
    start = LINE_LIMIT_BYTES - BLANK_REACH_BYTES
    blank = _LAST_BLANK.search(line[:LINE_LIMIT_BYTES], start)
    return LINE_LIMIT_BYTES if blank is None else blank.end()


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "replace")
