"""Dotted paths: `vad.sensitivity` is the setting `sensitivity` in the section `vad`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def is_within(path: str, section: str) -> bool:
    """Whether a path is the section itself or lies below it."""
    return path == section or path.startswith(section + ".")


def matches(patterns: Iterable[str], path: str) -> bool:
    """Whether a pattern names the path: `*` stands for any one part, a section for everything below it."""
    parts = path.split(".")
    return any(
        len(wanted) <= len(parts)
        and all(one in ("*", part) for one, part in zip(wanted, parts, strict=False))
        for wanted in (pattern.split(".") for pattern in patterns)
    )


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted paths into nested objects."""
    nested: dict[str, Any] = {}
    known: dict[str, dict[str, Any]] = {}
    for path, value in flat.items():
        section, dot, name = path.rpartition(".")
        if not dot:
            nested[name] = value
            continue
        inner = known.get(section)
        if inner is None:
            inner = nested
            for part in section.split("."):
                inner = inner.setdefault(part, {})
            known[section] = inner
        inner[name] = value
    return nested


def flatten(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted path and value of each leaf; an empty object counts as a value."""
    for name, value in nested.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def value_at(nested: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path.

    Raises:
        KeyError: there is none.
    """
    value: Any = nested
    for part in path.split("."):
        if not isinstance(value, Mapping):
            raise KeyError(path)
        value = value[part]
    return value


def amended(nested: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Copy nested objects and set some values by dotted path. Sections without a change are shared."""
    after = dict(nested)
    for path, value in changes.items():
        inner = after
        *sections, name = path.split(".")
        for section in sections:
            inner[section] = inner = dict(inner[section])
        inner[name] = value
    return after


def spread(sections: Iterable[str], values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Replace each nested object that stands for a section by the dotted paths of its settings."""
    known = frozenset(sections)
    leaves: dict[str, Any] = {}
    for name, value in values.items():
        path = prefix + name
        if path in known and isinstance(value, Mapping):
            leaves |= spread(known, value, path + ".")
        else:
            leaves[path] = value
    return leaves
