"""Checks that a body is well-formed, at a cost that its size bounds. Pure.

A body of 16 MiB can hold 16 million values. The broker needs none of them: it compares the number that stands
at the head of the array, and walks over the rest without making objects.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bus.errors import ProtocolError
from bus.wire.limits import BODY_LIMIT_BYTES, EVENT_COUNT_LIMIT, UNREADABLE

_ARRAY_16: Final = 0xDC
_ARRAY_32: Final = 0xDD
_ARRAY_32_BYTE: Final = b"\xdd"


class _AnyArray(msgspec.Struct, frozen=True, array_like=True):
    """Names no element, so the decoder walks over all of them."""


class _AnyMap(msgspec.Struct, frozen=True):
    """Names no key, so the decoder walks over all values."""


_array_decoder: Final = msgspec.msgpack.Decoder(_AnyArray)
_map_decoder: Final = msgspec.msgpack.Decoder(_AnyMap)


def array_length(body: bytes) -> int | None:
    """How many elements a MessagePack array says that it has; None: it is no array."""
    if not body:
        return None
    first = body[0]
    if 0x90 <= first <= 0x9F:
        return first & 0x0F
    if first == _ARRAY_16 and len(body) >= 3:
        return int.from_bytes(body[1:3], "big")
    if first == _ARRAY_32 and len(body) >= 5:
        return int.from_bytes(body[1:5], "big")
    return None


def check_events(body: bytes, count: int) -> None:
    """Check that a body is an array of `count` well-formed MessagePack values, without reading them.

    Raises:
        ProtocolError: reasons `oversize`, `malformed`, `miscounted`.
    """
    size_bytes = len(body)
    if size_bytes > BODY_LIMIT_BYTES:
        raise _oversize(size_bytes)
    if count > EVENT_COUNT_LIMIT:
        raise ProtocolError(
            "oversize", f"the header promises {count} events; expected at most {EVENT_COUNT_LIMIT}"
        )
    if body[:5] != _ARRAY_32_BYTE + count.to_bytes(4, "big"):  # the form in which most bodies come
        found = array_length(body)
        if found is None:
            raise ProtocolError("malformed", "the body is not an array of events")
        if found != count:
            raise ProtocolError("miscounted", f"the body holds {found} event(s); the header promises {count}")
    try:
        _array_decoder.decode(body)
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"the body is not an array of events: {error}") from error


def check_event(body: bytes) -> None:
    """Check that a body is one well-formed MessagePack map.

    Raises:
        ProtocolError: reasons `oversize`, `malformed`.
    """
    if len(body) > BODY_LIMIT_BYTES:
        raise _oversize(len(body))
    try:
        _map_decoder.decode(body)
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"the body is not an event: {error}") from error


def _oversize(size_bytes: int) -> ProtocolError:
    return ProtocolError("oversize", f"the body has {size_bytes} bytes; expected at most {BODY_LIMIT_BYTES}")
