"""Redacts the files of a report, under a salt that no other report has, and cleans them. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any, Final

from actors.diagnostics.report.report_files import UnredactedFile
from actors.shared.steering_signs import cleaned, escaped_json
from bus.telemetry.redaction import TOKEN, Redactor, resalt
from schemas.operations.diagnostics import ReportFile

WITHOUT_TOKEN: Final = ("home", "place", "words")
"""Kinds of private things that leave no token behind."""


class ReportRedactor:
    """Redacts with the salt of the runtime first, then with that of the report.

    With the salt of the runtime, a value gets the token that it has in the log ring already. The second salt
    makes the tokens of two reports incomparable.
    """

    def __init__(self, redactor: Redactor, salt: bytes) -> None:
        """Combine both.

        Args:
            redactor: keyed with the salt of the runtime.
            salt: of this report.
        """
        self._redactor = redactor
        self._salt = salt

    def file(self, file: UnredactedFile) -> ReportFile:
        """Return a file that may leave the machine."""
        before = Counter(self._redactor.counts)
        text = resalt(self._text(file), self._salt)
        kinds = Counter(self._redactor.counts) - before
        counts = {kind: kinds[kind] for kind in WITHOUT_TOKEN if kinds[kind]}
        counts |= Counter(found[1] for found in TOKEN.finditer(text))
        return file_of(file.name, text, dict(sorted(counts.items())))

    def line(self, text: str) -> str:
        """Return one line of text that may leave the machine."""
        return cleaned(resalt(self._redactor.text(text), self._salt))

    def _text(self, file: UnredactedFile) -> str:
        data, text = self._redactor.data, self._redactor.text
        if file.records is not None:
            return "".join(f"{_json(data(record))}\n" for record in file.records)
        if file.lines is not None:
            return "".join(f"{cleaned(text(line))}\n" for line in file.lines)
        return f"{_json(data(file.data), indent=2)}\n"


def _json(value: Any, indent: int | None = None) -> str:
    """A person may look at a report in a terminal."""
    return escaped_json(json.dumps(value, ensure_ascii=False, indent=indent))


def file_of(name: str, content: str, redactions: dict[str, int]) -> ReportFile:
    """Return a file with its size and digest."""
    encoded = content.encode("utf-8", "replace")
    return ReportFile(
        name=name,
        content=encoded.decode(),
        size_bytes=len(encoded),
        sha256=hashlib.sha256(encoded).hexdigest(),
        redactions=redactions,
    )
