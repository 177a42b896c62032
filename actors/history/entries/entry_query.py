"""Translates queries for SQLite: words for its full-text index, conditions for its rows. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from schemas.history import HistoryQueryRequestEvent

_WORD: Final = re.compile(r"[^\W_]+")
_SEPARATORS: Final = re.compile("[\u0300-\u036f\ue000-\uf8ff\U000f0000-\U0010ffff]")
"""Combining marks and private use: the full-text index takes them for parts of words, Python does not."""


def match_of(words: Sequence[str]) -> str:
    """Return the MATCH expression for these words, each as a prefix; empty if the index cannot help.

    The expression matches too much rather than too little. Words are split at signs that are not letters, and
    words with letters that the index may not know (it has Unicode 6.1) are left out.
    """
    parts = [part for word in words for part in _WORD.findall(word) if all(map(_is_known, part))]
    return " AND ".join(f'"{part}"*' for part in parts)


def searchable(text: str) -> str:
    """Return a text in the form in which it is given to the full-text index."""
    return text if text.isascii() else _SEPARATORS.sub(" ", text)


def where_of(query: HistoryQueryRequestEvent) -> tuple[str, list[Any]]:
    """Return the WHERE condition of a query and its values, leaving aside its text and its page."""
    conditions: list[tuple[str, Any]] = []
    if query.since is not None:
        conditions.append(("at >= ?", query.since))
    if query.until is not None:
        conditions.append(("at < ?", query.until))
    if query.kind:
        conditions.append(("kind = ?", query.kind))
    if query.conversation_id:
        conditions.append(("conversation = ?", query.conversation_id))
    where, values = [condition for condition, _ in conditions], [value for _, value in conditions]
    if query.ids:
        where.append(f"id IN ({','.join('?' * len(query.ids))})")
        values += query.ids
    return " AND ".join(where), values


def _is_known(sign: str) -> bool:
    return sign.isascii() or unicodedata.ucd_3_2_0.category(sign)[0] in "LN"
