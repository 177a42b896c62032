"""Characters by which a text would steer the terminal that shows it, or reorder what is shown. Pure."""

from __future__ import annotations

import re
from typing import Final

from bus.plain_text import SIGNS

STEERING: Final = re.compile(f"[{SIGNS}]")
JSON_ESCAPED: Final = re.compile(f"[{SIGNS}\ud800-\udfff]")


def cleaned(text: str) -> str:
    """A text without such characters."""
    return STEERING.sub("", text)


def escaped_json(text: str) -> str:
    """JSON that a terminal may show: within its strings, such characters become escapes.

    So do lone surrogates, which no encoding has.
    """
    return JSON_ESCAPED.sub(_json_escape, text)


def _json_escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
