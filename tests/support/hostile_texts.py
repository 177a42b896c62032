"""Texts that steer terminals, forge lines, reorder words or have no end."""

from __future__ import annotations

import re
from collections.abc import Callable

HOSTILE: dict[str, Callable[[], str]] = {
    "colours": lambda: "\x1b[31;1mred\x1b[0m",
    "clears the screen": lambda: "\x1b[2J\x1b[H\x1bc",
    "the title of the window": lambda: "\x1b]0;forged\x07",
    "a link": lambda: "\x1b]8;;http://evil.invalid\x1b\\click\x1b]8;;\x1b\\",
    "the clipboard": lambda: "\x1b]52;c;cm0gLXJmIC8=\x07",
    "a report of the terminal": lambda: "\x1b[6n\x1bP+q544e\x1b\\",
    "C1": lambda: "\x9b31m\x9d52;c;eA==\x9c\x90q",
    "reordered": lambda: "user\u202e\u2066txt.exe\u2069\u202c",
    "reordered by marks": lambda: "\u061ca\u200eb\u200fc",
    "NUL": lambda: "a\x00b",
    "goes back": lambda: "harmless\rforged\x08\x08\x08",
    "a forged line": lambda: "x\nerror supervisor: forged\r\nwarning: forged",
    "other ends of lines": lambda: "x\x0bforged\x0cforged\x1cforged\x85forged\u2028forged\u2029forged",
    "accents without an end": lambda: "e" + "\u0301" * 1_000_000,
    "accents of several kinds": lambda: "e" + "\u0301\u20dd\ufe20\u1ab0" * 10_000,
    "lone surrogates": lambda: "a\ud800b\udfffc",
    "a file name that is no UTF-8": lambda: b"caf\xe9\xff".decode("utf-8", "surrogateescape"),
    "a mark of our own": lambda: "\x1eforged\x1eerror supervisor: forged",
    "long": lambda: "x" * 1_000_000,
    "controls without an end": lambda: "\x1b[" * 500_000,
}
_NOT_INERT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
    "|[\u0300-\u036f]{20}"
)


def is_inert(text: str) -> bool:
    """Whether a text steers nothing."""
    return _NOT_INERT.search(text) is None
