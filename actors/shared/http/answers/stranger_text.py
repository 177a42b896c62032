"""Quotes words of strangers in sentences of ours: on one line, cut, without what steers. Pure."""

from __future__ import annotations

from typing import Final

QUOTED_LIMIT: Final = 120
SENTENCE_LIMIT: Final = 2000


def quoted(text: str | bytes, limit: int = QUOTED_LIMIT) -> str:
    """What a server sent, for a sentence: printable characters on one line, cut after so many.

    Args:
        text: as it came; bytes are read as Latin-1, as the fields of HTTP are.
        limit: most characters of the result.
    """
    words = text.decode("latin-1") if isinstance(text, bytes) else text
    head = words[: limit * 4]
    printable = "".join(sign if sign.isprintable() else " " for sign in head)
    line = " ".join(printable.split())
    return line if len(line) <= limit and len(head) == len(words) else f"{line[: limit - 3]}..."


def sentence(text: object) -> str:
    """A sentence about a server as others may read it: what strangers wrote in it cannot steer anything."""
    return quoted(str(text), SENTENCE_LIMIT)
