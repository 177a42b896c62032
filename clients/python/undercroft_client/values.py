"""What may stand in an event, and nothing else: the same in every client. Pure."""

from __future__ import annotations

from types import NoneType
from typing import Any, Final

import msgspec

FRAME_LIMIT_BYTES: Final = 16 * 1024 * 1024
EVENT_LIMIT_BYTES: Final = FRAME_LIMIT_BYTES - 5
"""Largest event: an array with a head of 5 bytes around it still fits into a frame."""

DEPTH_LIMIT: Final = 64
"""Deepest nesting of maps and arrays; the event itself is the first level."""

UNREADABLE: Final = (msgspec.DecodeError, ValueError, TypeError, OverflowError, RecursionError)
"""What the decoder raises for bytes that are no value, or one that Python cannot hold."""

_UNSENDABLE: Final = (msgspec.MsgspecError, *UNREADABLE)
_PLAIN: Final = frozenset({str, int, float, bool, bytes, NoneType})
_TEXT: Final = frozenset({str})

_encode: Final = msgspec.msgpack.encode
_decode: Final = msgspec.msgpack.decode


class Unreadable(Exception):
    """Bytes that are no event, or one that holds what may not stand in an event."""


class Unsendable(Exception):
    """A value that no client could read.

    Attributes:
        reason: `oversize` or `unsendable`.
        detail: what is wrong with it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


def flaw_in(value: Any, place: str = "the event", depth: int = 1) -> str:
    """What may not stand in an event, and where it stands; empty: nothing."""
    kind = type(value)
    if kind in _PLAIN:
        return ""
    if kind is dict:
        if not _TEXT.issuperset(map(type, value)):
            key = next(key for key in value if type(key) is not str)
            return f"{place} has a key that is no text, {key!r:.80}"
        parts = value.items()
        children = value.values()
    elif kind is list:
        parts = enumerate(value)
        children = value
    else:
        return f"{place} holds an extension or a timestamp"
    if depth > DEPTH_LIMIT:
        return f"it is nested deeper than {DEPTH_LIMIT} levels"
    if _PLAIN.issuperset(map(type, children)):
        return ""
    for name, child in parts:
        if type(child) not in _PLAIN and (flaw := flaw_in(child, f"{place}, {name!s:.80}", depth + 1)):
            return flaw
    return ""


def read_event(body: bytes | msgspec.Raw, known: type[Any] | None = None) -> Any:
    """An event: a map, or a value of the type that is known for its topic.

    Raises:
        Unreadable: it is no map, holds what may not stand in an event, or does not fit the type.
    """
    try:
        event = _decode(body)
        if type(event) is not dict:
            raise Unreadable("it is no map")
        if flaw := flaw_in(event):
            raise Unreadable(flaw)
        return event if known is None else msgspec.convert(event, known)
    except UNREADABLE as error:
        raise Unreadable(str(error)) from error


def write_event(event: Any) -> bytes:
    """The bytes of an event, of which is known that every client can read them.

    Raises:
        Unsendable: it is too large, or holds what may not stand in an event.
    """
    try:
        body = _encode(event)
        if len(body) > EVENT_LIMIT_BYTES:
            raise Unsendable("oversize", f"it has {len(body)} bytes; expected at most {EVENT_LIMIT_BYTES}")
        flaw = flaw_in(_decode(body))
    except _UNSENDABLE as error:
        raise Unsendable("unsendable", str(error)) from error
    if flaw:
        raise Unsendable("unsendable", f"{flaw}; expected texts, numbers, bytes, arrays and maps")
    return body


def split_run(body: bytes, count: int) -> list[msgspec.Raw] | None:
    """The events in the body of a run; None: it is no array of so many values."""
    try:
        events = _decode(body, type=list[msgspec.Raw])
    except UNREADABLE:
        return None
    return events if len(events) == count else None
