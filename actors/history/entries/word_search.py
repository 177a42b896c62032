"""Finds words in a text, whatever their case. Pure."""

from __future__ import annotations

import re
from typing import Final

from schemas.history import Highlight, HistoryEntry, Hit

HIGHLIGHTS_LIMIT: Final = 50


def words_of(query: str) -> list[str]:
    """Return the words to look for. All of them must be found."""
    return query.split()


def highlights(text: str, words: list[str]) -> list[tuple[int, int]] | None:
    """Return where the words stand in the text, in characters and without overlaps; None if one is missing.

    A word is found at the beginning of a word: `dict` finds `dictation` but not `verdict`. Signs that no word
    begins with are found anywhere.
    """
    found: list[tuple[int, int]] = []
    for word in words:
        ranges = [(match.start(), match.end()) for match in _pattern(word).finditer(text)]
        if not ranges:
            return None
        found += ranges[:HIGHLIGHTS_LIMIT]
    return merged(found)[:HIGHLIGHTS_LIMIT]


def hit_of(entry: HistoryEntry, ranges: list[tuple[int, int]]) -> Hit:
    """Return an entry with the ranges in which words were found."""
    return Hit(entry=entry, highlights=[Highlight(start=start, end=end) for start, end in ranges])


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same ranges in order, with overlapping ones joined."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def _pattern(word: str) -> re.Pattern[str]:
    edge = r"(?<!\w)" if word[0].isalnum() or word[0] == "_" else ""
    return re.compile(edge + re.escape(word), re.IGNORECASE)
