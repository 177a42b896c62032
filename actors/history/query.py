"""Questions as SQLite wants them: words for its full-text index, conditions for its rows. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from schemas.history import HistoryQueryRequestEvent

_WORD: Final = re.compile(r"[^\W_]+")
_SEPARATES: Final = re.compile("[\u0300-\u036f\ue000-\uf8ff\U000f0000-\U0010ffff]")
"""Signs that the full-text index takes for parts of words and Python does not: combining marks, private use."""


def match_of(words: Sequence[str]) -> str:
    """The words as the full-text index wants them, each as the beginning of one; empty if it is of no help.

    It suggests too much rather than too little: words are taken apart at signs that are no letters, and those
    with letters that the index may not know (it has Unicode 6.1) are left out.
    """
    parts = [part for word in words for part in _WORD.findall(word) if all(map(_is_known, part))]
    return " AND ".join(f'"{part}"*' for part in parts)


def searchable(text: str) -> str:
    """A text as the full-text index is given it."""
    return text if text.isascii() else _SEPARATES.sub(" ", text)


def _is_known(sign: str) -> bool:
    return sign.isascii() or unicodedata.ucd_3_2_0.category(sign)[0] in "LN"


def where_of(question: HistoryQueryRequestEvent) -> tuple[str, list[Any]]:
    """The condition that entries must fulfil, and its values; its text and its page are not looked at."""
    conditions: list[tuple[str, Any]] = []
    if question.since is not None:
        conditions.append(("at >= ?", question.since))
    if question.until is not None:
        conditions.append(("at < ?", question.until))
    if question.kind:
        conditions.append(("kind = ?", question.kind))
    if question.conversation_id:
        conditions.append(("conversation = ?", question.conversation_id))
    where, values = [condition for condition, _ in conditions], [value for _, value in conditions]
    if question.ids:
        where.append(f"id IN ({','.join('?' * len(question.ids))})")
        values += question.ids
    return " AND ".join(where), values
