"""What an event may hold, so that clients in every language read the same. Pure.

Nil, booleans, integers of 64 bits, floats, text, binary, arrays, and maps with text as keys, nested at most
64 deep. MessagePack can express more (extensions, timestamps, other keys), but not every language reads it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import inspect

from bus.errors import ProtocolError

DEPTH_LIMIT: Final = 64
"""Maps and arrays may be nested this deep, the event itself included."""

UNREADABLE_REASON: Final = "unreadable"
_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
_OPEN: Final = (
    inspect.AnyType,
    inspect.RawType,
    inspect.ExtType,
    inspect.DateTimeType,
    inspect.CustomType,
)
_encode: Final = msgspec.msgpack.Encoder().encode
_known: Final[dict[type[Any], bool]] = {}
_decode: Final = msgspec.msgpack.Decoder().decode


def check_plain(value: Any, depth: int = DEPTH_LIMIT) -> None:
    """Check a value that was decoded without a type.

    Raises:
        ProtocolError: reason `unreadable`.
    """
    kind = type(value)
    if kind in _SCALARS:
        return
    if depth == 0:
        raise ProtocolError(UNREADABLE_REASON, f"it is nested deeper than {DEPTH_LIMIT}")
    if kind is dict:
        for key, held in value.items():
            if type(key) is not str:
                raise ProtocolError(UNREADABLE_REASON, f"found key {key!r:.40}; expected text")
            if type(held) not in _SCALARS:
                check_plain(held, depth - 1)
    elif kind is list:
        for held in value:
            if type(held) not in _SCALARS:
                check_plain(held, depth - 1)
    else:
        raise ProtocolError(
            UNREADABLE_REASON, f"found {kind.__name__}; expected text, numbers, binary, arrays or maps"
        )


def check_plain_event(value: Any) -> None:
    """Check an event that was decoded without a type: it has to be a map.

    Raises:
        ProtocolError: reason `unreadable`.
    """
    if type(value) is not dict:
        raise ProtocolError(UNREADABLE_REASON, f"found {type(value).__name__}; expected a map")
    check_plain(value)


def check_encoded(event: bytes | bytearray) -> None:
    """Check an event that was encoded here, before it is sent.

    Raises:
        ProtocolError: reason `unreadable`.
    """
    check_plain_event(_decode(event))


def encode_checked(event: Any) -> bytes:
    """Encode a typed event, or plain data, that every client can read.

    Raises:
        ProtocolError: reason `unreadable`.
        TypeError, OverflowError: it holds something that MessagePack cannot express.
    """
    body = _encode(event)
    if is_open(type(event)):
        check_encoded(body)
    return body


def is_open(event_type: type[Any]) -> bool:
    """Whether a type lets through values that some client could not read, such as a field of type Any."""
    found = _known.get(event_type)
    if found is None:
        try:
            found = _is_open(inspect.type_info(event_type), set())
        except (NameError, TypeError):  # its annotations cannot be read here, so its values are
            found = True
        _known[event_type] = found
    return found


def _is_open(info: inspect.Type, seen: set[type[Any]]) -> bool:
    match info:
        case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
            if info.cls in seen:
                return False
            seen.add(info.cls)
            return any(_is_open(field.type, seen) for field in info.fields)
        case inspect.UnionType():
            return any(_is_open(one, seen) for one in info.types)
        case inspect.DictType():
            return not isinstance(
                info.key_type, inspect.StrType | inspect.LiteralType | inspect.EnumType
            ) or _is_open(info.value_type, seen)
        case (
            inspect.ListType()
            | inspect.VarTupleType()
            | inspect.SetType()
            | inspect.FrozenSetType()
            | inspect.CollectionType()
        ):
            return _is_open(info.item_type, seen)
        case inspect.TupleType():
            return any(_is_open(one, seen) for one in info.item_types)
        case inspect.Metadata():
            return _is_open(info.type, seen)
        case _:
            return isinstance(info, _OPEN)
