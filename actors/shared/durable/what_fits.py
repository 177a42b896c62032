"""Takes from plain data what fits a type, and names what does not: one bad entry costs itself. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import inspect

NAMED_LIMIT: Final = 20
"""Entries that are named; more are only counted."""

ValueT = TypeVar("ValueT")


def what_fits(value: Any, type: type[ValueT]) -> tuple[ValueT, list[str]]:
    """The value as this type, without the entries of its lists and maps that do not fit.

    Args:
        value: plain data, as a JSON decoder makes it.
        type: a struct with lists and maps in its fields, or such a list or map itself.

    Returns:
        What fits, and what was left out: the place of each entry, and what is wrong with it.

    Raises:
        msgspec.ValidationError: what is wrong is no entry of a list or map, so nothing can be left out.
    """
    left_out: list[str] = []
    cut = _cut(value, inspect.type_info(type), "", left_out)
    return msgspec.convert(cut, type), _named(left_out)


def _cut(value: Any, info: inspect.Type, place: str, left_out: list[str]) -> Any:
    """The value without entries that do not fit; as it is where it is no list, map or struct."""
    match info, value:
        case inspect.Metadata(type=inner), _:
            return _cut(value, inner, place, left_out)
        case inspect.StructType(), dict():
            fields = {field.encode_name: field.type for field in info.fields}
            return {
                name: _cut(item, fields[name], f"{place}.{name}", left_out) if name in fields else item
                for name, item in value.items()
            }
        case inspect.ListType(item_type=item_type), list():
            kept = []
            for number, item in enumerate(value):
                found = _entry(item, item_type, f"{place}[{number}]", left_out)
                if found is not None:
                    kept.append(found[0])
            return kept
        case inspect.DictType(value_type=value_type, key_type=key_type), dict():
            entries = {}
            for name, item in value.items():
                if _problem(name, key_type):
                    left_out.append(f"{place}[{name[:80]!r}]: the name does not fit")
                elif (found := _entry(item, value_type, f"{place}[{name[:80]!r}]", left_out)) is not None:
                    entries[name] = found[0]
            return entries
        case _:
            return value


def _entry(item: Any, info: inspect.Type, place: str, left_out: list[str]) -> tuple[Any] | None:
    """An entry as it fits, cut further where it holds lists or maps itself; None: it goes."""
    problem = _problem(item, info)
    if not problem:
        return (item,)
    inner = [*left_out]
    cut = _cut(item, info, place, inner) if isinstance(info, inspect.ListType | inspect.DictType) else item
    if cut is not item and not _problem(cut, info):
        left_out[:] = inner
        return (cut,)
    left_out.append(f"{place}: {problem}")
    return None


def _problem(value: Any, info: inspect.Type) -> str:
    try:
        msgspec.convert(value, _type_of(info))
    except (msgspec.ValidationError, RecursionError) as error:
        return str(error)
    return ""


def _type_of(info: inspect.Type) -> Any:
    """The Python type that a description stands for."""
    match info:
        case inspect.StructType():
            return info.cls
        case inspect.ListType(item_type=item_type):
            return list[_type_of(item_type)]  # type: ignore[misc]  # a runtime type by design
        case inspect.DictType(key_type=key_type, value_type=value_type):
            return dict[_type_of(key_type), _type_of(value_type)]  # type: ignore[misc]  # as above
        case inspect.UnionType(types=types):
            union: Any = _type_of(types[0])
            for other in types[1:]:
                union = union | _type_of(other)
            return union
        case inspect.NoneType():
            return None
        case inspect.StrType(max_length=longest, pattern=pattern):
            return _annotated(str, max_length=longest, pattern=pattern)
        case inspect.IntType(ge=least, le=most):
            return _annotated(int, ge=least, le=most)
        case inspect.FloatType(ge=least, le=most):
            return _annotated(float, ge=least, le=most)
        case inspect.BoolType():
            return bool
        case _:
            return Any


def _annotated(plain: type, **limits: Any) -> Any:
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return Annotated[plain, msgspec.Meta(**given)] if given else plain


def _named(left_out: list[str]) -> list[str]:
    if len(left_out) <= NAMED_LIMIT:
        return left_out
    return [*left_out[:NAMED_LIMIT], f"and {len(left_out) - NAMED_LIMIT} more"]
