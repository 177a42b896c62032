"""Reads JSON of strangers into declared types: bounded in length, and without building what no type names."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from actors.shared.http.answers.stranger_text import quoted
from bus.errors import UndercroftError

ValueT = TypeVar("ValueT")
DETAIL_LIMIT: Final = 300


class JsonUnreadable(UndercroftError):
    """An answer is not the JSON that was expected.

    Attributes:
        detail: what was expected and what was found, and where in the document.
    """

    detail: str
    words = "{detail}"


def read_json(content: bytes | msgspec.Raw, kind: type[ValueT], limit_bytes: int) -> ValueT:
    """Decode a document.

    Numbers, texts and lists are bounded by the type; the nesting by the decoder. Fields that the type does
    not name are skipped, not built.

    Args:
        content: as it came.
        kind: the type to decode to.
        limit_bytes: longest document.

    Raises:
        JsonUnreadable: it is longer, no JSON, nested too deep, or of another type.
    """
    found = bytes(content)
    if len(found) > limit_bytes:
        raise JsonUnreadable(f"it has {len(found)} bytes, expected at most {limit_bytes}")
    try:
        return msgspec.json.decode(found, type=kind)
    except RecursionError as error:
        raise JsonUnreadable("it is nested too deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise JsonUnreadable(quoted(str(error), DETAIL_LIMIT)) from error


def fitting(content: msgspec.Raw, kind: type[ValueT]) -> ValueT | None:
    """The value of an optional field if it has this type; None otherwise, as if it were not there."""
    try:
        return read_json(content, kind, len(bytes(content)))
    except JsonUnreadable:
        return None
