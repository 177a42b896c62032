"""Texts of others, as they may stand in an event: nothing in them steers, none is endless. Pure.

What a program, a server or a peer wrote gets into alerts, log records, lines of children and failures. From
there it reaches terminals, files and pages of people who do not know its author. So it is cleaned where it
enters. Who shows it cleans it once more, since not every peer is one of ours.
"""

from __future__ import annotations

import re
from typing import Final

SIGNS: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what Unicode calls Bidi_Control
    "\u2028\u2029"  # further ends of lines
)
"""Characters by which a text would steer the terminal that shows it, reorder it, or begin a line."""

_STEERING: Final = re.compile(f"[{SIGNS}]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MARKS: Final = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
MARKS_LIMIT: Final = 8
"""Accents that may stand on one letter. No script needs more; thousands of them cover lines around theirs."""

_PILED: Final = re.compile(f"({_MARKS}{{{MARKS_LIMIT}}}){_MARKS}+")

REACH: Final = 4
"""So many times the limit is looked at: what is taken out makes room for what follows."""


def plain_text(text: str, limit: int) -> str:
    """The text without what steers, with its line feeds, cut after so many characters.

    Halves of characters, which no encoding has, become U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text[:limit]
    found = _STEERING.sub("", text[: limit * REACH].replace("\r\n", "\n"))
    found = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", found)
    return _PILED.sub(r"\1", found)[:limit]


def plain_line(text: str, limit: int) -> str:
    """As `plain_text`, on one line."""
    return plain_text(text, limit).replace("\n", " ")
