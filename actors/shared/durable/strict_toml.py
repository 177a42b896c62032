"""Reads TOML with bounds on its size, its nesting and its keys. Pure.

`tomllib` keeps every beginning of a dotted key: one key of 20,000 parts takes 1.5 GB. It follows nested lists
by recursion, and an error of Python comes of those that are nested deeply.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

SIZE_LIMIT_BYTES: Final = 4 * 1024 * 1024
DEPTH_LIMIT: Final = 64
"""Lists and tables within each other, and parts of one key."""

_TOKEN: Final = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?'
    r"|'''(?:[^']++|'(?!''))*+(?:''')?"
    r'|"(?:[^"\\\n]++|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+"
    r"|[^\"'#.\[\]{}=,\n]++"
    r"|.",
    re.DOTALL,
)
"""A text, a comment, or what lies between the signs that matter."""


class NotStrictToml(ValueError):
    """The bytes are no TOML, or more than is read."""


def parse(content: bytes, limit_bytes: int = SIZE_LIMIT_BYTES) -> dict[str, Any]:
    """Read one document; skips one byte order mark in front.

    Raises:
        NotStrictToml: says what was found and what was expected.
    """
    if len(content) > limit_bytes:
        raise NotStrictToml(f"it has more than {limit_bytes} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotStrictToml(
            f"expected UTF-8, found the byte 0x{content[error.start]:02x} at {error.start}"
        ) from error
    return parse_text(text, limit_bytes)


def parse_text(text: str, limit_characters: int = SIZE_LIMIT_BYTES) -> dict[str, Any]:
    """Read one document.

    Raises:
        NotStrictToml: says what was found and what was expected.
    """
    if len(text) > limit_characters:
        raise NotStrictToml(f"it has more than {limit_characters} characters")
    if is_deeper(text, DEPTH_LIMIT):
        raise NotStrictToml(f"it is nested deeper than {DEPTH_LIMIT} levels")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also numbers of thousands of digits
        raise NotStrictToml(f"expected TOML, found: {error}") from error


def is_deeper(text: str, limit: int) -> bool:
    """Whether lists, tables or parts of a key are more than the limit. The text need not be TOML."""
    depth = parts = 0
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign == ".":
            parts += 1
        elif sign in ("[", "{"):
            depth, parts = depth + 1, 0
        elif sign in ("]", "}"):
            depth, parts = max(0, depth - 1), 0
        elif sign in ("=", ",", "\n"):
            parts = 0
        if depth > limit or parts >= limit:
            return True
    return False
