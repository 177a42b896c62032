"""Every field of every event and document has bounds, and decoders hold them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from schemas.bounds import (
    END_OF_TEXT,
    INTEGER_LIMIT,
    LAST_UNIX_SECOND,
    Amount,
    Count,
    Seconds,
    UnixSeconds,
    Word,
    sum_of_counts,
    whole,
)
from schemas.contract.json_schema_export import DOCUMENTS
from schemas.contract.registry import EVENTS

NOT_FINITE = (math.nan, math.inf, -math.inf)

BOUNDED_ELSEWHERE = (
    inspect.AnyType,
    inspect.BoolType,
    inspect.DateTimeType,
    inspect.LiteralType,
    inspect.NoneType,
    inspect.RawType,
)
"""Types that have few values, or whose bounds are those of plain values or of the calendar."""


def unbounded(found: inspect.Type, path: str, seen: set[type]) -> Iterator[str]:
    """The places below a type that lack a bound."""
    match found:
        case inspect.StructType():
            if found.cls not in seen:
                seen.add(found.cls)
                for field in found.fields:
                    yield from unbounded(field.type, f"{found.cls.__name__}.{field.name}", seen)
        case inspect.UnionType():
            for member in found.types:
                yield from unbounded(member, path, seen)
        case inspect.Metadata():
            yield from unbounded(found.type, path, seen)
        case inspect.IntType() | inspect.FloatType():
            if (found.ge is None and found.gt is None) or (found.le is None and found.lt is None):
                yield path
        case inspect.StrType():
            if found.max_length is None:
                yield path
            if found.pattern is not None and not found.pattern.endswith(END_OF_TEXT):
                yield f"{path}: the pattern {found.pattern!r} lets a line feed through"
        case inspect.BytesType():
            if found.max_length is None:
                yield path
        case inspect.TupleType():
            for number, member in enumerate(found.item_types):
                yield from unbounded(member, f"{path}[{number}]", seen)
        case inspect.ListType() | inspect.VarTupleType():
            if found.max_length is None:
                yield path
            yield from unbounded(found.item_type, f"{path}[]", seen)
        case inspect.DictType():
            if found.max_length is None:
                yield path
            yield from unbounded(found.key_type, f"{path} (key)", seen)
            yield from unbounded(found.value_type, f"{path} (value)", seen)
        case _ if not isinstance(found, BOUNDED_ELSEWHERE):
            yield f"{path}: {found} is not known here"


@pytest.mark.requirement("C-5")
def test_every_field_of_the_contract_has_bounds() -> None:
    seen: set[type] = set()
    types = [*EVENTS.values(), *DOCUMENTS]
    assert [place for kind in types for place in unbounded(inspect.type_info(kind), "", seen)] == []
    assert len(seen) > len(EVENTS)


def test_a_field_without_bounds_is_found() -> None:
    class Loose(msgspec.Struct):
        number: int
        text: str
        items: Annotated[list[float], msgspec.Meta(max_length=3)]
        name: Annotated[str, msgspec.Meta(max_length=3, pattern="^a$")]

    assert [place.partition(":")[0] for place in unbounded(inspect.type_info(Loose), "", set())] == [
        "Loose.number",
        "Loose.text",
        "Loose.items[]",
        "Loose.name",
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[
            (kind, value)
            for kind in (UnixSeconds, Seconds, Amount)
            for value in (math.nan, math.inf, -math.inf)
        ],
        (UnixSeconds, -1.0),
        (UnixSeconds, LAST_UNIX_SECOND + 1.0),
        (Seconds, -0.001),
        (Count, -1),
        (Count, 2**53 + 1),
        (Count, 2**64 - 1),
        (Word, "x" * 513),
    ],
)
def test_what_is_beyond_the_bounds_is_refused(kind: object, value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)  # type: ignore[call-overload]  # a runtime type


def test_a_pattern_ends_with_the_text_and_not_before_a_line_feed() -> None:
    kind = Annotated[str, msgspec.Meta(pattern=whole("[a-z]+|0"))]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode("abc"), type=kind) == "abc"
    for text in ("abc\n", "abc0", "\nabc", ""):
        with pytest.raises(msgspec.ValidationError):
            msgspec.msgpack.decode(msgspec.msgpack.encode(text), type=kind)


@given(st.floats())
def test_a_time_within_the_bounds_is_one_of_the_calendar(seconds: float) -> None:
    try:
        found = msgspec.msgpack.decode(msgspec.msgpack.encode(seconds), type=UnixSeconds)
    except msgspec.ValidationError:
        return
    import datetime

    assert datetime.datetime.fromtimestamp(found, datetime.UTC).year <= 3000


def test_a_sum_of_counts_is_a_count() -> None:
    assert sum_of_counts([1, 2]) == 3
    assert sum_of_counts([INTEGER_LIMIT, 1]) == INTEGER_LIMIT
