"""Reads JSON strictly (RFC 8259): no key twice, no NaN, bounded in size and depth. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

SIZE_LIMIT_BYTES: Final = 64 * 1024 * 1024
DEPTH_LIMIT: Final = 128
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A whole string, also one that does not end, or one bracket. It never goes back, so it keeps nothing."""


class NotStrictJson(ValueError):
    """The bytes are not one JSON document that every reader understands alike."""


def parse(content: bytes, limit_bytes: int = SIZE_LIMIT_BYTES, depth_limit: int = DEPTH_LIMIT) -> Any:
    """Read one document; skips one byte order mark in front.

    Raises:
        NotStrictJson: says what was found and what was expected.
    """
    if len(content) > limit_bytes:
        raise NotStrictJson(f"it has more than {limit_bytes} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotStrictJson(
            f"expected UTF-8, found the byte 0x{content[error.start]:02x} at {error.start}"
        ) from error
    if is_deeper(text, depth_limit):
        raise NotStrictJson(f"it is nested deeper than {depth_limit} levels")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise NotStrictJson(f"expected JSON: {error}") from error


def is_deeper(text: str, limit: int) -> bool:
    """Whether lists and objects are nested deeper than the limit. The text need not be JSON."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth, at = 0, 0
    while found := _STRUCTURE.search(text, at):
        bracket, at = found.group(), found.end()
        if bracket in "[{":
            depth += 1
        elif bracket in "]}":
            depth -= 1
        if depth > limit:
            return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"the key {counts.most_common(1)[0][0][:80]!r} appears twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a value that JSON knows")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is too large")
    return number
