"""What it means to find words in a text, whatever their case. Pure."""

from __future__ import annotations

import re

HIGHLIGHTS_LIMIT = 50


def words_of(question: str) -> list[str]:
    """The words to look for; all of them must be found."""
    return question.split()


def highlights(text: str, words: list[str]) -> list[tuple[int, int]] | None:
    """Where the words stand in the text, in characters and without overlaps; None if one of them does not.

    A word is found at the beginning of a word, so `dict` finds `dictation` but not `verdict`. Signs that no
    word begins with are found anywhere.
    """
    found: list[tuple[int, int]] = []
    for word in words:
        places = [(match.start(), match.end()) for match in _pattern(word).finditer(text)]
        if not places:
            return None
        found += places[:HIGHLIGHTS_LIMIT]
    return merged(found)[:HIGHLIGHTS_LIMIT]


def merged(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same places in order, those that overlap as one."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def _pattern(word: str) -> re.Pattern[str]:
    edge = r"(?<!\w)" if word[0].isalnum() or word[0] == "_" else ""
    return re.compile(edge + re.escape(word), re.IGNORECASE)
