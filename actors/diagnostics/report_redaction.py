"""Takes what is private out of the files of a report, under a salt that no other report has. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Final

from actors.diagnostics.report_parts import Draft
from bus.redaction import TOKEN, Redactor, resalt
from schemas.operations.diagnostics import ReportFile

COUNTED: Final = ("home", "place", "words")
"""Kinds that leave no token of their own."""


class Sealer:
    """Redacts by the salt of the runtime first, so that a thing equals its token in the log ring, then by that of the report."""

    def __init__(self, redactor: Redactor, salt: bytes) -> None:
        """Args: redactor: keyed by the salt of the runtime; salt: of this report."""
        self._redactor = redactor
        self._salt = salt

    def file(self, draft: Draft) -> ReportFile:
        """A draft as the file that may leave."""
        before = Counter(self._redactor.counts)
        text = resalt(self._text(draft), self._salt)
        kinds = Counter(self._redactor.counts) - before
        counts = {kind: kinds[kind] for kind in COUNTED if kinds[kind]}
        counts |= Counter(found[1] for found in TOKEN.finditer(text))
        return file_of(draft.name, text, dict(sorted(counts.items())))

    def line(self, text: str) -> str:
        """One line of text as it may leave."""
        return resalt(self._redactor.text(text), self._salt)

    def _text(self, draft: Draft) -> str:
        data, text = self._redactor.data, self._redactor.text
        if draft.records is not None:
            return "".join(f"{json.dumps(data(record), ensure_ascii=False)}\n" for record in draft.records)
        if draft.lines is not None:
            return "".join(f"{text(line)}\n" for line in draft.lines)
        return f"{json.dumps(data(draft.data), ensure_ascii=False, indent=2)}\n"


def file_of(name: str, content: str, redactions: dict[str, int]) -> ReportFile:
    """A file with its size and digest."""
    encoded = content.encode("utf-8", "replace")
    content = encoded.decode()
    return ReportFile(
        name=name,
        content=content,
        size_bytes=len(encoded),
        sha256=hashlib.sha256(encoded).hexdigest(),
        redactions=redactions,
    )
