"""Redacts what a process writes line by line, where one secret may span several lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

KEY_LIMIT_LINES: Final = 500
"""A private key is shorter. After so many lines without an end, what follows is read as usual again."""

KEY_LINE: Final = "<key: a line of it>"
"""Stands for each line of a private key after its first."""

_BEGINS: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_ENDS: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")


class StreamRedactor:
    """Redacts the lines of one process, in order."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        """`redact` takes secrets out of one text."""
        self._redact = redact
        self._key_lines = 0

    def line(self, text: str) -> str:
        """The line without what is private in it."""
        if self._key_lines:
            text = self._within_key(text)
            if self._key_lines:
                return text
        begins = _BEGINS.search(text)
        if begins is not None and _ENDS.search(text, begins.end()) is None:
            self._key_lines = 1
        return self._redact(text)

    def _within_key(self, text: str) -> str:
        """A line of a key that began before; what follows its end is kept for redaction."""
        ends = _ENDS.search(text)
        if ends is not None:
            self._key_lines = 0
            return KEY_LINE + text[ends.end() :]
        self._key_lines = 0 if self._key_lines >= KEY_LIMIT_LINES else self._key_lines + 1
        return KEY_LINE if self._key_lines else text
