"""Which values can be stored as JSON and sent as MessagePack. Pure."""

from __future__ import annotations

import math
import re
from typing import Any, Final

DEPTH_LIMIT: Final = 64
NOT_PLAIN: Final = "the value cannot be stored: expected JSON, with integers of at most 64 bits"
"""Why a value is refused that `is_plain` turns down."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def is_plain(value: Any, depth: int = DEPTH_LIMIT) -> bool:
    """Whether a value is plain data: nothing infinite, no bytes, no integer beyond 64 bits."""
    match value:
        case None | bool():
            return True
        case str():
            return _SURROGATE.search(value) is None
        case int():
            return -(1 << 63) <= value < 1 << 64
        case float():
            return math.isfinite(value)
        case list() | tuple():
            return depth > 0 and all(is_plain(item, depth - 1) for item in value)
        case dict():
            return depth > 0 and all(
                isinstance(name, str) and is_plain(name) and is_plain(item, depth - 1)
                for name, item in value.items()
            )
        case _:
            return False
