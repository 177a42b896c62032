"""Values that JSON does not have, as drivers write and read them: `$bin` (hexadecimal), `$int`, `$float`."""

from __future__ import annotations

import math
from typing import Any, Final

SAFE_INTEGER: Final = 2**53 - 1


def to_json(value: Any) -> Any:
    """The value, with what JSON lacks in its written form."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bin": bytes(value).hex()}
    if isinstance(value, int) and abs(value) > SAFE_INTEGER:
        return {"$int": str(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(value: Any) -> Any:
    """The value that was written so; `$bytes` stands for so many zero bytes, `$nested` for so many arrays."""
    match value:
        case {"$bin": str(text)}:
            return bytes.fromhex(text)
        case {"$bytes": int(count)}:
            return bytes(count)
        case {"$int": str(text)}:
            return int(text)
        case {"$float": str(text)}:
            return float(text)
        case {"$nested": int(depth)}:
            nested: Any = []
            for _ in range(depth - 1):
                nested = [nested]
            return nested
        case dict():
            return {key: from_json(item) for key, item in value.items()}
        case list():
            return [from_json(item) for item in value]
        case _:
            return value
